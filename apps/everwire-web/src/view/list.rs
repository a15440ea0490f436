use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use everwire_i18n::{Text, Words};
use web_sys::{Element, HtmlElement};

use super::anchor::Anchor;
use super::message::Writer;
use crate::browser;
use crate::dom::{self, Sizes, Switch};
use crate::keyed::{self, Step};
use crate::room::Room;
use crate::rows::{Day, Key, Look, Row};
use crate::unread::Count;

/// The distance from an edge, in pixels, below which more rows are put into the document.
const NEAR: i32 = 600;
/// The distance from the end, in pixels, that counts as the end.
const AT_END: i32 = 40;
/// Scrolling by more screens at once than this is a jump.
const FAR: i32 = 2;
/// The distance of the line of the unread from the top, in pixels.
const LINE: f64 = 8.0;
/// The most new rows that screen readers read aloud at once.
const FEW: usize = 10;

/// The list of messages, of which only a part is in the document.
pub(super) struct List {
    room: Room,
    words: Words,
    writer: Writer,
    list: HtmlElement,
    rows: HtmlElement,
    empty: Switch,
    nothing: dom::Words,
    newest: Switch,
    news: dom::Words,
    /// Whether the button leads back to skipped messages; if not, it leads to the newest.
    leads_back: Cell<bool>,
    read_all: Switch,
    typing: dom::Words,
    /// The rows in the document.
    shown: RefCell<Vec<Shown>>,
    /// The room's version and the day of these rows.
    version: Cell<Option<(u64, Day)>>,
    /// Whether screen readers read new rows aloud.
    is_live: Cell<bool>,
    /// The element that has to keep its position; `None` at the end of the list.
    anchor: RefCell<Option<Anchor>>,
    /// The id of the last message that was seen; `None` after a jump.
    seen: RefCell<Option<String>>,
    /// The last known scroll position.
    top: Cell<i32>,
    /// The last known height.
    height: Cell<i32>,
    _sizes: Option<Sizes>,
}

/// A row in the document.
struct Shown {
    key: Key,
    look: Look,
    row: Element,
}

impl List {
    pub(super) fn new(main: &Element, room: &Room, words: Words) -> Rc<Self> {
        dom::label(main, ".list", room.name());
        dom::find(main, ".read-all").set_text_content(Some(&words.say(&Text::ReadAll)));
        let list = dom::find(main, ".list");
        Rc::new_cyclic(|own: &Weak<Self>| {
            let own = own.clone();
            let sizes = Sizes::of(&list, move || {
                if let Some(list) = own.upgrade() {
                    list.on_resize();
                }
            });
            Self {
                room: room.clone(),
                words,
                writer: Writer::new(words, room.clone()),
                list,
                rows: dom::find(main, ".rows"),
                empty: Switch::at(main, ".empty", "hidden", true),
                nothing: dom::Words::at(main, ".empty"),
                newest: Switch::at(main, ".newest", "hidden", true),
                news: dom::Words::at(main, ".newest"),
                leads_back: Cell::default(),
                read_all: Switch::at(main, ".read-all", "hidden", true),
                typing: dom::Words::at(main, ".typing"),
                shown: RefCell::default(),
                version: Cell::default(),
                is_live: Cell::default(),
                anchor: RefCell::default(),
                seen: RefCell::default(),
                top: Cell::default(),
                height: Cell::default(),
                _sizes: sizes,
            }
        })
    }

    pub(super) fn show(&self, room: &Room) {
        self.empty.turn(!room.is_empty());
        if room.is_empty() {
            self.nothing.show(self.words.say(if room.is_loaded() { &Text::EmptyRoom } else { &Text::NotLoaded }));
        }
        self.typing.show(typing_words(self.words, &room.typing()));
        let today = browser::day_of(browser::now_ms());
        let version = Some((room.version(), today));
        if self.version.replace(version) != version {
            if room.find_line() || room.is_jumping() {
                self.seen.take();
            }
            room.with_rows(today, |rows| self.show_rows(rows));
            room.has_jumped();
            self.follow();
        }
        self.look();
        let has_passed = room.at_end() && room.has_passed();
        self.newest.turn(room.at_end() && !has_passed);
        self.read_all.turn(!has_passed);
        self.leads_back.set(has_passed);
        if has_passed || !room.at_end() {
            let Count { messages, or_more } = room.unread();
            let count = messages as u64;
            let text = match (count, or_more) {
                (0, _) => Text::Newest,
                (_, false) => Text::News { count },
                (_, true) => Text::ManyNews { count },
            };
            self.news.show(format!("{} {}", self.words.say(&text), if has_passed { "↑" } else { "↓" }));
        }
    }

    /// Jumps to the newest messages, or from there back to skipped ones.
    pub(super) fn jump(&self) {
        if self.leads_back.get() {
            self.room.go_back();
        } else {
            self.room.skip_to_newest();
        }
    }

    /// Reports the messages on the screen as seen, if the user looks at the page.
    fn look(&self) {
        if !browser::is_looked_at() || self.room.is_seeking() {
            return;
        }
        let last = if self.room.at_end() && self.room.is_newest() { self.room.last_id() } else { self.last_shown() };
        let Some(last) = last else { return };
        // Messages that have come since, or were scrolled past, were seen too.
        let first = self.seen.borrow().clone().or_else(|| self.first_shown());
        if let Some(first) = first {
            self.room.saw(&first, &last);
        }
        self.seen.replace(Some(last));
    }

    /// The id of the first message that is visible, at least in part.
    fn first_shown(&self) -> Option<String> {
        self.message_at(self.list.get_bounding_client_rect().top() + 2.0, 16.0)?.get_attribute("data-id")
    }

    /// The id of the last message that is visible as a whole.
    fn last_shown(&self) -> Option<String> {
        let bottom = self.list.get_bounding_client_rect().bottom();
        let mut row = self.message_at(bottom - 2.0, -16.0);
        while let Some(found) = row {
            let id = found.get_attribute("data-id").unwrap_or_default();
            // Rounding by up to a pixel is tolerated.
            if !id.is_empty() && found.get_bounding_client_rect().bottom() <= bottom + 1.0 {
                return Some(id);
            }
            row = found.previous_element_sibling();
        }
        None
    }

    /// The message at this height, or the first one found in steps from there.
    fn message_at(&self, y: f64, step: f32) -> Option<Element> {
        let area = self.list.get_bounding_client_rect();
        let middle = (area.left() + area.width() / 2.0) as f32;
        // A short list begins near the bottom.
        (0..self.list.client_height() / 16).find_map(|steps| {
            let there = browser::document().element_from_point(middle, y as f32 + step * steps as f32)?;
            there.closest(".message").ok()?
        })
    }

    /// Updates only the rows that were added, removed or changed.
    fn show_rows(&self, rows: &[Row<'_>]) {
        let mut shown = self.shown.borrow_mut();
        let steps = keyed::steps(shown.len(), rows.len(), |old, new| rows[new].has(&shown[old].key));
        self.announce(&steps);
        let mut before = std::mem::take(&mut *shown).into_iter().peekable();
        let mut rows = rows.iter();
        for step in steps {
            match step {
                Step::Keep => {
                    let (Some(mut kept), Some(row)) = (before.next(), rows.next()) else { continue };
                    if !row.looks(&kept.look) {
                        self.writer.renew(&kept.row, row, &kept.look);
                        kept.look = row.look();
                    }
                    shown.push(kept);
                }
                Step::Remove => before.next().into_iter().for_each(|gone| gone.row.remove()),
                Step::Insert => {
                    let Some(row) = rows.next() else { continue };
                    let made = self.writer.row(row);
                    let _ = self.rows.insert_before(&made, before.peek().map(|next| &*next.row));
                    shown.push(Shown { key: row.key(), look: row.look(), row: made });
                }
            }
        }
    }

    /// Has screen readers read aloud new messages at the end, but not rows that fill the list.
    fn announce(&self, steps: &[Step]) {
        let inserted = steps.iter().filter(|step| **step == Step::Insert).count();
        let first = steps.iter().position(|step| *step == Step::Insert);
        let kept = steps.iter().rposition(|step| *step == Step::Keep);
        let is_live = inserted <= FEW && first > kept;
        if inserted > 0 && self.is_live.replace(is_live) != is_live {
            dom::set(&self.list, "aria-live", if is_live { "polite" } else { "off" });
        }
    }

    /// Keeps the visible part of the list where it is; at the end, follows the end.
    fn follow(&self) {
        let (room, list) = (&self.room, &self.list);
        if room.at_end() {
            // The browser clamps it to the end.
            list.set_scroll_top(i32::MAX);
            self.stop_at_line();
            self.load_gaps();
        } else if let Some(moved) = self.anchor.borrow().as_ref().and_then(|anchor| anchor.moved(list)) {
            list.set_scroll_top(list.scroll_top() + moved);
        }
        // If the rows do not fill the list, there is no scroll event that would add more.
        self.fill();
    }

    /// Scrolls up so that the line of the unread is visible, if there are unseen messages.
    fn stop_at_line(&self) {
        // While older unread messages are being loaded, the line is not at the first one.
        if !self.room.is_line_pending() || self.room.is_seeking() {
            return;
        }
        let Some(line) = self.rows.query_selector(".unread").ok().flatten() else { return };
        let over = self.list.get_bounding_client_rect().top() + LINE - line.get_bounding_client_rect().top();
        if over > 0.0 {
            self.list.set_scroll_top(self.list.scroll_top() - over.ceil() as i32);
            self.seen.take();
            *self.anchor.borrow_mut() = Anchor::of(&self.list);
            self.room.set_at_end(false);
        }
    }

    pub(super) fn on_scroll(&self) {
        let (room, list) = (&self.room, &self.list);
        // The visible part is still that before the jump.
        if room.is_jumping() {
            return;
        }
        let height = list.client_height();
        if self.height.replace(height) != height && room.at_end() {
            // The size has changed; the user has not left the end.
            return self.follow();
        }
        let end = self.below() < AT_END && room.is_newest();
        // At the end no anchor is needed, and finding one costs as much as drawing a row.
        *self.anchor.borrow_mut() = if end { None } else { Anchor::of(list) };
        room.set_at_end(end);
        let top = list.scroll_top();
        let way = top - self.top.replace(top);
        if way.abs() > FAR * height {
            // The messages that a jump skips are not seen.
            self.seen.take();
        } else if way < 0 {
            // When scrolling up, the messages that appear above are seen.
            let (first, last) = (self.first_shown(), self.seen.borrow().clone());
            if let (Some(first), Some(last)) = (first, last) {
                room.saw(&first, &last);
            }
        }
        self.look();
        self.fill();
        self.load_gaps();
    }

    /// The list's size has changed: by a keyboard on the screen, a longer draft, or a turned device.
    fn on_resize(&self) {
        self.height.set(self.list.client_height());
        self.follow();
        if !self.room.at_end() {
            self.on_scroll();
        }
    }

    /// Puts more rows into the document where only few are left beyond the visible ones.
    fn fill(&self) {
        if self.list.scroll_top() < NEAR {
            self.room.show_more(true);
        } else if !self.room.is_newest() && self.below() < NEAR {
            self.room.show_more(false);
        }
    }

    /// Loads missing messages at gaps near the visible part. Not after each loaded page, because a gap may be as long as the
    /// history.
    fn load_gaps(&self) {
        for shown in self.shown.borrow().iter() {
            let (Key::Gap(above), Look::Gap { gone: false }) = (&shown.key, &shown.look) else { continue };
            let top = shown.row.get_bounding_client_rect().top() - self.list.get_bounding_client_rect().top();
            if (-f64::from(NEAR)..f64::from(NEAR + self.list.client_height())).contains(&top) {
                self.room.load_before(above);
            }
        }
    }

    /// The height of the list below the visible part, in pixels.
    fn below(&self) -> i32 {
        self.list.scroll_height() - self.list.scroll_top() - self.list.client_height()
    }
}

fn typing_words(words: Words, names: &[String]) -> String {
    let (Some(first), count) = (names.first(), names.len() as u64) else { return String::new() };
    let second = names.get(1).map_or("", String::as_str);
    words.say(&Text::Typing { count, first, second, others: count - 1 })
}
