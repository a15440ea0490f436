use std::cell::Cell;

use everwire::{Cause, Closed, OpenFailure, OpenFailureKind, State};
use everwire_words::{Text, Words};
use web_sys::{Element, HtmlElement};
use web_time::Instant;

use crate::dom::{self, Switch};
use crate::room::Room;

/// So often a server that is there has to have been out of reach for the client before it counts as one that refuses: it
/// may have come back between the two.
const REFUSED: u32 = 2;

/// The room's name, and where its connection stands.
pub(super) struct Bar {
    words: Words,
    menu: HtmlElement,
    /// As the menu's button says it, once it does.
    expanded: Cell<Option<bool>>,
    dot: HtmlElement,
    state: dom::Words,
    /// The same for those who hear it: once for each state, not each second.
    told: dom::Words,
    /// The attempt that was waited for when it was told.
    awaited: Cell<Option<u32>>,
    waiting: dom::Words,
    /// Connects again.
    again: Switch,
    here: dom::Words,
    /// How often the server was there while no connection to it came about.
    doubts: Cell<u32>,
}

impl Bar {
    pub(super) fn new(main: &Element, room: &Room, words: Words) -> Self {
        dom::find(main, "h1").set_text_content(Some(room.name()));
        dom::label(main, ".menu", &words.say(&Text::Rooms));
        dom::find(main, ".again").set_text_content(Some(&words.say(&Text::ConnectAgain)));
        Self {
            words,
            menu: dom::find(main, ".menu"),
            expanded: Cell::default(),
            dot: dom::find(main, ".dot"),
            state: dom::Words::at(main, ".state"),
            told: dom::Words::at(main, ".told"),
            awaited: Cell::default(),
            waiting: dom::Words::at(main, ".waiting-count"),
            again: Switch::at(main, ".again", "hidden", true),
            here: dom::Words::at(main, ".people"),
            doubts: Cell::default(),
        }
    }

    pub(super) fn show(&self, room: &Room, side_is_open: bool) {
        let (link, words) = (room.link(), self.words);
        if link.is_connected() {
            self.doubts.set(0);
        }
        let (state, class, is_stuck) = self.link_words(&link);
        let awaited = match *link {
            State::Disconnected { attempt, .. } => Some(attempt),
            _ => None,
        };
        if self.awaited.replace(awaited) != awaited || awaited.is_none() {
            self.told.show(state.clone());
        }
        if self.state.show(state) {
            self.dot.set_class_name(&format!("dot {class}"));
        }
        if awaited.is_some() {
            room.tick();
        }
        self.again.turn(!is_stuck);
        let waiting = room.waiting();
        self.waiting.show(if waiting > 0 { words.say(&Text::Waiting { count: waiting }) } else { String::new() });
        self.here.show(words.say(&Text::Here { count: room.users().len() as u64 }));
        if self.expanded.replace(Some(side_is_open)) != Some(side_is_open) {
            dom::set(&self.menu, "aria-expanded", if side_is_open { "true" } else { "false" });
        }
    }

    /// The server is there, though no connection came about. Whether that is new.
    pub(super) fn doubt(&self) -> bool {
        self.doubts.replace(self.doubts.get() + 1) == 0
    }

    pub(super) fn focus(&self) {
        let _ = self.menu.focus();
    }

    /// Where a connection stands, in words, the class of its colour, and whether somebody may want to do something about it.
    fn link_words(&self, state: &State) -> (String, &'static str, bool) {
        let (text, class) = match state {
            State::Connecting { attempt: 0 | 1 } => (Text::Connecting, "waiting"),
            State::Connecting { attempt } => (Text::ConnectingAgain { attempt: *attempt }, "waiting"),
            State::Connected { .. } => (Text::Connected, "good"),
            State::Disconnected { cause, .. } if !no_token(cause).is_empty() => {
                return self.stuck(&Text::Refused { reason: &self.words.reason(no_token(cause)) });
            }
            State::Disconnected { .. } if self.doubts.get() >= REFUSED => return self.stuck(&Text::NotLetIn),
            State::Disconnected { retry_at, .. } => {
                let left = retry_at.saturating_duration_since(Instant::now());
                // A countdown that ends at 1, not at 0.
                let seconds = u64::try_from(left.as_millis().div_ceil(1000)).unwrap_or(u64::MAX);
                (if seconds == 0 { Text::OfflineNow } else { Text::Offline { seconds } }, "bad")
            }
            State::Closing => (Text::Closing, "waiting"),
            State::Closed(Closed::Refused(Cause::PeerClosed(Some(frame)))) if !frame.reason.is_empty() => {
                return self.stuck(&Text::Refused { reason: &self.words.reason(&frame.reason) });
            }
            State::Closed(Closed::Refused(cause)) => return self.stuck(&Text::Refused { reason: &cause.to_string() }),
            State::Closed(Closed::GaveUp { last, .. }) => {
                return self.stuck(&Text::GaveUp { reason: &last.to_string() });
            }
            State::Closed(_) | _ => return self.stuck(&Text::Closed),
        };
        (self.words.say(&text), class, false)
    }

    fn stuck(&self, text: &Text<'_>) -> (String, &'static str, bool) {
        (self.words.say(text), "bad", true)
    }
}

/// Why there is no token to connect with, in the server's words.
fn no_token(cause: &Cause) -> &str {
    match cause {
        Cause::OpenFailed(OpenFailure { kind: OpenFailureKind::Hook, detail, .. }) => detail,
        _ => "",
    }
}
