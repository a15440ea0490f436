use std::cell::{Cell, RefCell};

use everwire_chat::mention::{Completion, complete};
use web_sys::{Element, HtmlElement, HtmlTextAreaElement};

use crate::dom;

/// So many names are offered.
const MOST: usize = 6;

/// The names that an `@` in what is being written may go on with, above it.
pub(super) struct Names {
    input: HtmlTextAreaElement,
    list: HtmlElement,
    /// What is offered.
    offered: RefCell<Option<Completion>>,
    chosen: Cell<usize>,
}

impl Names {
    pub(super) fn at(main: &Element, input: &HtmlTextAreaElement) -> Self {
        let list = dom::find(main, ".names");
        Self { input: input.clone(), list, offered: RefCell::default(), chosen: Cell::default() }
    }

    /// Offers what fits to the end of the text; `names`: of whom it knows.
    pub(super) fn offer(&self, draft: &str, names: &[String]) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut offered = complete(draft, &names).filter(|completion| draft[completion.start..].starts_with('@'));
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
            dom::set(&option, "data-do", "name");
            dom::set(&option, "data-at", &at.to_string());
            option.set_text_content(Some(name));
        }
        dom::switch(&self.list, "hidden", offered.is_none());
        self.offered.replace(offered);
        self.choose(0);
    }

    pub(super) fn close(&self) {
        self.offer("", &[]);
    }

    /// What a key does while names are offered, and the draft that follows if one was taken; `None`: nothing.
    pub(super) fn on_key(&self, key: &str, draft: &str) -> Option<Option<String>> {
        let count = self.offered.borrow().as_ref()?.candidates.len();
        let step = match key {
            "ArrowDown" => 1,
            "ArrowUp" => count - 1,
            "Escape" => {
                self.close();
                return Some(None);
            }
            "Enter" | "Tab" => return Some(self.take(self.chosen.get(), draft)),
            _ => return None,
        };
        self.choose((self.chosen.get() + step) % count);
        Some(None)
    }

    /// The draft with this name at its end.
    pub(super) fn take(&self, at: usize, draft: &str) -> Option<String> {
        let Completion { start, candidates, .. } = self.offered.borrow().clone()?;
        let draft = format!("{}{} ", draft.get(..start)?, candidates.get(at)?);
        self.close();
        self.input.set_value(&draft);
        Some(draft)
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
