use std::cell::{Cell, RefCell};

use everwire_chat::mention::{Completion, complete};
use web_sys::{Element, HtmlElement, HtmlTextAreaElement};

use crate::action::{ATTRIBUTE, Action};
use crate::dom;

/// The most names that are offered.
const MOST: usize = 6;

/// The list of names that complete an `@` in the draft.
pub(super) struct Names {
    input: HtmlTextAreaElement,
    list: HtmlElement,
    /// The completion that is offered, and the cursor's position in the draft, in bytes.
    offered: RefCell<Option<(Completion, usize)>>,
    chosen: Cell<usize>,
}

impl Names {
    pub(super) fn at(main: &Element, input: &HtmlTextAreaElement) -> Self {
        let list = dom::find(main, ".names");
        Self { input: input.clone(), list, offered: RefCell::default(), chosen: Cell::default() }
    }

    /// Offers those of `names` that complete the text before the cursor.
    pub(super) fn offer(&self, draft: &str, names: &[String]) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let before = &draft[..self.cursor(draft)];
        let mut offered = complete(before, &names).filter(|completion| before[completion.start..].starts_with('@'));
        if let Some(completion) = &mut offered {
            completion.candidates.truncate(MOST);
        }
        if offered.is_none() && self.offered.borrow().is_none() {
            return;
        }
        self.list.set_text_content(None);
        for (at, name) in offered.iter().flat_map(|completion| completion.candidates.iter().enumerate()) {
            let option = dom::add(&self.list, "li");
            dom::set(&option, "role", "option");
            dom::set(&option, "id", &format!("name-{at}"));
            dom::set(&option, ATTRIBUTE, Action::Name.name());
            dom::set(&option, "data-at", &at.to_string());
            option.set_text_content(Some(name));
        }
        dom::switch(&self.list, "hidden", offered.is_none());
        self.offered.replace(offered.map(|completion| (completion, before.len())));
        self.choose(0);
    }

    pub(super) fn close(&self) {
        self.offer("", &[]);
    }

    /// Handles a key while names are offered; returns the new draft if a name was inserted, and `None` if the key was not for the
    /// names.
    pub(super) fn on_key(&self, key: &str, draft: &str) -> Option<Option<String>> {
        let count = self.offered.borrow().as_ref()?.0.candidates.len();
        let step = match key {
            "ArrowDown" => 1,
            "ArrowUp" => count - 1,
            "Escape" => {
                self.close();
                return Some(None);
            }
            "Enter" | "Tab" => return Some(self.take(self.chosen.get(), draft)),
            // These keys move the cursor.
            "ArrowLeft" | "ArrowRight" | "Home" | "End" => {
                self.close();
                return None;
            }
            _ => return None,
        };
        self.choose((self.chosen.get() + step) % count);
        Some(None)
    }

    /// Inserts a name into the draft, and puts the cursor after it; returns the new draft.
    pub(super) fn take(&self, at: usize, draft: &str) -> Option<String> {
        let (Completion { start, candidates, .. }, end) = self.offered.borrow().clone()?;
        let rest = draft.get(end..)?;
        let space = if rest.is_empty() || rest.starts_with(char::is_alphanumeric) { " " } else { "" };
        let before = format!("{}{}{space}", draft.get(..start)?, candidates.get(at)?);
        let draft = format!("{before}{rest}");
        self.close();
        self.input.set_value(&draft);
        let cursor = before.encode_utf16().count() as u32;
        let _ = self.input.set_selection_range(cursor, cursor);
        Some(draft)
    }

    /// The cursor's position in the draft, in bytes; browsers count UTF-16 units.
    fn cursor(&self, draft: &str) -> usize {
        let mut units = self.input.selection_start().ok().flatten().map_or(usize::MAX, |units| units as usize);
        let is_before = |c: &char| {
            let before = units >= c.len_utf16();
            units = units.saturating_sub(c.len_utf16());
            before
        };
        draft.chars().take_while(is_before).map(char::len_utf8).sum()
    }

    fn choose(&self, at: usize) {
        if let Ok(Some(before)) = self.list.query_selector("[aria-selected]") {
            let _ = before.remove_attribute("aria-selected");
        }
        let id = if self.offered.borrow().is_some() { format!("name-{at}") } else { String::new() };
        if let Ok(Some(now)) = self.list.query_selector(&format!("[id='{id}']")) {
            dom::set(&now, "aria-selected", "true");
        }
        self.chosen.set(at);
        dom::set(&self.input, "aria-activedescendant", &id);
    }
}
