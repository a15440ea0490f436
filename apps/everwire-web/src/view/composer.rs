use std::cell::RefCell;

use everwire_chat::limits::TEXT_BYTES;
use everwire_i18n::{Text, Words};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlTextAreaElement};

use super::names::Names;
use crate::browser;
use crate::dom::{self, Switch};
use crate::room::Room;

/// The most rows of the text area.
const ROWS: u32 = 4;

/// The form in which a message is written.
pub(super) struct Composer {
    room: Room,
    words: Words,
    input: HtmlTextAreaElement,
    names: Names,
    unsendable: Switch,
    is_lost: Switch,
    unkept: dom::Words,
    wrong: dom::Words,
    /// The error of the last action, if it failed.
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
        // The limit is in bytes; the number shown is that of the characters to remove at the end.
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

    /// Handles a key for the offered names; returns whether it was one.
    pub(super) fn on_key(&self, key: &str) -> bool {
        let done = self.names.on_key(key, &self.input.value());
        let is_done = done.is_some();
        if let Some(draft) = done.flatten() {
            self.write(draft);
        }
        is_done
    }

    /// Inserts an offered name.
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

    /// Shows the error of an action, or removes that of the last one.
    pub(super) fn complain_of(&self, done: Result<(), String>) {
        *self.problem.borrow_mut() = done.err().unwrap_or_default();
        self.show_draft();
    }

    /// A message was moved back into the draft, or could not be.
    pub(super) fn take_up(&self, taken: Result<(), String>) {
        let draft = self.room.draft().clone();
        self.input.set_value(&draft);
        self.grow();
        self.complain_of(taken);
        let _ = self.input.focus();
    }

    /// Focuses the text area; not on touch screens, where the keyboard would cover the messages.
    pub(super) fn focus(&self) {
        if !browser::is_touched() {
            let _ = self.input.focus();
        }
        self.grow();
    }

    fn grow(&self) {
        // Reading a height costs a layout, and most keys do not change it.
        if self.grows_itself || (self.input.rows() == 1 && self.fits()) {
            return;
        }
        // Tried from small to large, so that it shrinks too.
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
