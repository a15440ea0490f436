use std::cell::RefCell;

use everwire_chat::limits::TEXT_BYTES;
use everwire_i18n::{Text, Words};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlTextAreaElement};

use super::names::Names;
use crate::browser;
use crate::dom::{self, Switch};
use crate::room::Room;

/// Rows that the input grows to.
const ROWS: u32 = 4;

/// Where a message is written.
pub(super) struct Composer {
    room: Room,
    words: Words,
    input: HtmlTextAreaElement,
    names: Names,
    unsendable: Switch,
    is_lost: Switch,
    unkept: dom::Words,
    wrong: dom::Words,
    /// Why the last thing that was asked for could not be done.
    problem: RefCell<String>,
    grows_itself: bool,
}

impl Composer {
    pub(super) fn new(main: &Element, room: Room, words: Words) -> Self {
        let input: HtmlTextAreaElement = dom::find(main, "textarea").unchecked_into();
        dom::label(main, "textarea", &words.say(&Text::WriteHere));
        dom::label(main, ".names", &words.say(&Text::Who));
        input.set_placeholder(&words.say(&Text::WriteHere));
        input.set_value(&room.draft());
        dom::label(main, ".send", &words.say(&Text::Send));
        dom::set(&dom::find(main, ".send"), "title", &words.say(&Text::Send));
        Self {
            room,
            words,
            names: Names::at(main, &input),
            input,
            unsendable: Switch::at(main, ".send", "disabled", true),
            is_lost: Switch::at(main, ".unkept", "hidden", true),
            unkept: dom::Words::at(main, ".unkept"),
            wrong: dom::Words::at(main, ".wrong"),
            problem: RefCell::default(),
            grows_itself: browser::grows_inputs(),
        }
    }

    pub(super) fn show(&self, room: &Room) {
        let risk = match (room.is_unkept(), room.is_at_risk()) {
            (true, _) => Some(Text::NoRoom),
            (false, true) => Some(Text::NotKept),
            (false, false) => None,
        };
        self.is_lost.turn(risk.is_none());
        self.unkept.show(risk.map_or_else(String::new, |risk| self.words.say(&risk)));
        self.show_draft();
    }

    fn show_draft(&self) {
        let draft = self.room.draft();
        self.unsendable.turn(!is_sendable(&draft));
        // The limit is one of bytes; people count characters, and take them away at the end.
        self.wrong.show(match draft[draft.floor_char_boundary(TEXT_BYTES)..].chars().count() {
            0 => self.problem.borrow().clone(),
            over => self.words.say(&Text::TooLong { over: over as u64 }),
        });
    }

    pub(super) fn on_input(&self) {
        let draft = self.input.value();
        let names = if draft.contains('@') { self.room.names_to_address() } else { Vec::new() };
        self.names.offer(&draft, &names);
        self.write(draft);
    }

    /// Whether a key was for the names that are offered.
    pub(super) fn on_key(&self, key: &str) -> bool {
        let done = self.names.on_key(key, &self.input.value());
        let is_done = done.is_some();
        if let Some(draft) = done.flatten() {
            self.write(draft);
        }
        is_done
    }

    /// Takes one of them.
    pub(super) fn take_name(&self, at: usize) {
        if let Some(draft) = self.names.take(at, &self.input.value()) {
            self.write(draft);
        }
        let _ = self.input.focus();
    }

    fn write(&self, draft: String) {
        self.room.write(draft);
        self.show_draft();
        self.grow();
    }

    pub(super) fn send(&self) {
        if !is_sendable(&self.room.draft()) {
            return;
        }
        let sent = self.room.send();
        if sent.is_ok() {
            self.names.close();
            self.input.set_value("");
            self.grow();
        }
        self.complain_of(sent);
        let _ = self.input.focus();
    }

    /// Says why something could not be done, or no more why something before it could not.
    pub(super) fn complain_of(&self, done: Result<(), String>) {
        *self.problem.borrow_mut() = done.err().unwrap_or_default();
        self.show_draft();
    }

    /// Something was taken back to be written anew, or why it could not be.
    pub(super) fn take_up(&self, taken: Result<(), String>) {
        let draft = self.room.draft().clone();
        self.input.set_value(&draft);
        self.grow();
        self.complain_of(taken);
        let _ = self.input.focus();
    }

    /// On a phone the keyboard would cover the messages that somebody came to read.
    pub(super) fn focus(&self) {
        if !browser::is_touched() {
            let _ = self.input.focus();
        }
        self.grow();
    }

    fn grow(&self) {
        // Each look at a height is a layout: most keys change none.
        if self.grows_itself || (self.input.rows() == 1 && self.fits()) {
            return;
        }
        // From small to large, so that it shrinks too.
        for rows in 1..=ROWS {
            self.input.set_rows(rows);
            if self.fits() {
                break;
            }
        }
    }

    fn fits(&self) -> bool {
        self.input.scroll_height() <= self.input.client_height()
    }
}

fn is_sendable(draft: &str) -> bool {
    !draft.trim().is_empty() && draft.len() <= TEXT_BYTES
}
