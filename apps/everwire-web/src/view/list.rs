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

/// Nearer to an edge than this, more rows come into the document.
const NEAR: i32 = 600;
/// Nearer to the end than this counts as there.
const AT_END: i32 = 40;
/// So many screens at once are no scrolling, but a jump.
const FAR: i32 = 2;
/// So far from the top stands the line above what is new.
const LINE: f64 = 8.0;
/// More rows at once than these are not read aloud.
const FEW: usize = 10;

/// What was said. Only a part of it is in the document.
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
    /// What the button leads to: what was passed over, or the newest.
    leads_back: Cell<bool>,
    read_all: Switch,
    typing: dom::Words,
    /// What is in the document, of which of the room's versions, and on which day.
    shown: RefCell<Vec<Shown>>,
    version: Cell<Option<(u64, Day)>>,
    /// What comes is read aloud.
    is_live: Cell<bool>,
    /// What the reader looks at, unless it is the end.
    anchor: RefCell<Option<Anchor>>,
    /// The last message that was seen, unless what is shown now has nothing to do with that.
    seen: RefCell<Option<String>>,
    /// Where the list stood when it was last looked at.
    top: Cell<i32>,
    /// As high as the list was when it was last looked at.
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

    /// To the newest, or from there back to what was passed over.
    pub(super) fn jump(&self) {
        if self.leads_back.get() {
            self.room.go_back();
        } else {
            self.room.skip_to_newest();
        }
    }

    /// What is on the screen is seen, if somebody looks.
    fn look(&self) {
        if !browser::is_looked_at() || self.room.is_seeking() {
            return;
        }
        let last = if self.room.at_end() && self.room.is_newest() { self.room.last_id() } else { self.last_shown() };
        let Some(last) = last else { return };
        // What has come since, or has passed the screen when somebody scrolled, was seen.
        let first = self.seen.borrow().clone().or_else(|| self.first_shown());
        if let Some(first) = first {
            self.room.saw(&first, &last);
        }
        self.seen.replace(Some(last));
    }

    /// The first message of which something is on the screen.
    fn first_shown(&self) -> Option<String> {
        self.message_at(self.list.get_bounding_client_rect().top() + 2.0, 16.0)?.get_attribute("data-id")
    }

    /// The last message that is wholly on the screen.
    fn last_shown(&self) -> Option<String> {
        let bottom = self.list.get_bounding_client_rect().bottom();
        let mut row = self.message_at(bottom - 2.0, -16.0);
        while let Some(found) = row {
            let id = found.get_attribute("data-id").unwrap_or_default();
            // Half a pixel is no line.
            if !id.is_empty() && found.get_bounding_client_rect().bottom() <= bottom + 1.0 {
                return Some(id);
            }
            row = found.previous_element_sibling();
        }
        None
    }

    /// The message at this height, or some steps from there.
    fn message_at(&self, y: f64, step: f32) -> Option<Element> {
        let area = self.list.get_bounding_client_rect();
        let middle = (area.left() + area.width() / 2.0) as f32;
        // A short list begins far down.
        (0..self.list.client_height() / 16).find_map(|steps| {
            let there = browser::document().element_from_point(middle, y as f32 + step * steps as f32)?;
            there.closest(".message").ok()?
        })
    }

    /// Touches only the rows that came, went or changed.
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

    /// Has read aloud what is new at the end, and not what fills the list.
    fn announce(&self, steps: &[Step]) {
        let inserted = steps.iter().filter(|step| **step == Step::Insert).count();
        let first = steps.iter().position(|step| *step == Step::Insert);
        let kept = steps.iter().rposition(|step| *step == Step::Keep);
        let is_live = inserted <= FEW && first > kept;
        if inserted > 0 && self.is_live.replace(is_live) != is_live {
            dom::set(&self.list, "aria-live", if is_live { "polite" } else { "off" });
        }
    }

    /// Keeps what the reader looks at where it is; at the end, that is the end.
    fn follow(&self) {
        let (room, list) = (&self.room, &self.list);
        if room.at_end() {
            // As far as it goes.
            list.set_scroll_top(i32::MAX);
            self.stop_at_line();
            self.load_gaps();
        } else if let Some(moved) = self.anchor.borrow().as_ref().and_then(|anchor| anchor.moved(list)) {
            list.set_scroll_top(list.scroll_top() + moved);
        }
        // Short rows may not have filled the space: then nothing was scrolled that would ask for more.
        self.fill();
    }

    /// What is new and was not seen yet begins on the screen, however much there is of it.
    fn stop_at_line(&self) {
        // While it is sought, the line stands above what happens to be loaded.
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
        // What is seen is still what was before the jump.
        if room.is_jumping() {
            return;
        }
        let height = list.client_height();
        if self.height.replace(height) != height && room.at_end() {
            // It was not the reader who left the end.
            return self.follow();
        }
        let end = self.below() < AT_END && room.is_newest();
        // At the end it is the end that stays in view, and to look for a row costs as much as to draw one.
        *self.anchor.borrow_mut() = if end { None } else { Anchor::of(list) };
        room.set_at_end(end);
        let top = list.scroll_top();
        let way = top - self.top.replace(top);
        if way.abs() > FAR * height {
            // Nobody sees what a jump leads over.
            self.seen.take();
        } else if way < 0 {
            // Upwards it is what comes above that is seen.
            let (first, last) = (self.first_shown(), self.seen.borrow().clone());
            if let (Some(first), Some(last)) = (first, last) {
                room.saw(&first, &last);
            }
        }
        self.look();
        self.fill();
        self.load_gaps();
    }

    /// There is another place for the list: a keyboard has come, a draft has grown, a phone was turned.
    fn on_resize(&self) {
        self.height.set(self.list.client_height());
        self.follow();
        if !self.room.at_end() {
            self.on_scroll();
        }
    }

    /// Has more rows come into the document where there are only few beyond what is seen.
    fn fill(&self) {
        if self.list.scroll_top() < NEAR {
            self.room.show_more(true);
        } else if !self.room.is_newest() && self.below() < NEAR {
            self.room.show_more(false);
        }
    }

    /// Asks for what is missing near what is seen. Not for each page that comes: a gap may be as long as the history.
    fn load_gaps(&self) {
        for shown in self.shown.borrow().iter() {
            let (Key::Gap(above), Look::Gap { gone: false }) = (&shown.key, &shown.look) else { continue };
            let top = shown.row.get_bounding_client_rect().top() - self.list.get_bounding_client_rect().top();
            if (-f64::from(NEAR)..f64::from(NEAR + self.list.client_height())).contains(&top) {
                self.room.load_before(above);
            }
        }
    }

    /// How much of the list is below what is seen.
    fn below(&self) -> i32 {
        self.list.scroll_height() - self.list.scroll_top() - self.list.client_height()
    }
}

fn typing_words(words: Words, names: &[String]) -> String {
    let (Some(first), count) = (names.first(), names.len() as u64) else { return String::new() };
    let second = names.get(1).map_or("", String::as_str);
    words.say(&Text::Typing { count, first, second, others: count - 1 })
}
