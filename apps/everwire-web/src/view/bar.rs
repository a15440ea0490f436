use std::cell::{Cell, RefCell};

use everwire::{Cause, Closed, OpenFailure, OpenFailureKind, State};
use everwire_i18n::{Language, Text, Words};
use web_sys::{Element, HtmlElement};
use web_time::Instant;

use crate::dom::{self, Switch};
use crate::room::Room;

/// How often a server must be found up after failed attempts before it counts as one that refuses the user; after one time it
/// may just have come up.
const REFUSED: u32 = 2;
/// With fewer seconds left before the next attempt, the button to try now is not offered.
const WORTH_HASTE: u64 = 2;

/// The room's name, and the state of its connection.
pub(super) struct Bar {
    words: Words,
    menu: HtmlElement,
    /// Whether the menu's button says that the side is open; `None` until it was set.
    expanded: Cell<Option<bool>>,
    dot: HtmlElement,
    state: dom::Words,
    /// The same for screen readers, updated once for each state and not each second.
    told: dom::Words,
    /// The attempt that was awaited when it was updated.
    awaited: Cell<Option<u32>>,
    waiting: dom::Words,
    /// Hides the button to connect again, or now.
    again: Switch,
    say_again: dom::Words,
    /// Hides the button to sign in as another user.
    other: Switch,
    here: dom::Words,
    /// Hides the number of present users while it is not known.
    is_unknown: Switch,
    /// How often the server was found up although the connection failed.
    doubts: Cell<u32>,
    /// Why the server refuses the user, once it was asked.
    refusal: RefCell<Option<String>>,
}

impl Bar {
    pub(super) fn new(main: &Element, room: &Room, words: Words) -> Self {
        dom::find(main, "h1").set_text_content(Some(room.name()));
        dom::label(main, ".menu", &words.say(&Text::Rooms));
        dom::label(main, ".copy-link", &words.say(&Text::CopyLink));
        dom::set(&dom::find(main, ".copy-link"), "title", &words.say(&Text::CopyLink));
        dom::find(main, ".other").set_text_content(Some(&words.say(&Text::OtherSignIn)));
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
            say_again: dom::Words::at(main, ".again"),
            other: Switch::at(main, ".other", "hidden", true),
            here: dom::Words::at(main, ".people"),
            is_unknown: Switch::at(main, ".people", "hidden", false),
            doubts: Cell::default(),
            refusal: RefCell::default(),
        }
    }

    pub(super) fn show(&self, room: &Room, side_is_open: bool) {
        let (link, words) = (room.link(), self.words);
        if link.is_connected() {
            self.doubts.set(0);
            self.refusal.take();
        }
        let Standing { said: state, class, offer } =
            if room.has_no_network() { self.no_network(&link) } else { self.standing(&link) };
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
        self.again.turn(offer == Offer::Nothing);
        self.say_again.show(words.say(if offer == Offer::Now { &Text::RetryNow } else { &Text::ConnectAgain }));
        self.other.turn(offer != Offer::AgainOrOther);
        let waiting = room.waiting();
        self.waiting.show(if waiting > 0 { words.say(&Text::Waiting { count: waiting }) } else { String::new() });
        self.is_unknown.turn(room.are_users_unknown());
        self.here.show(words.say(&Text::Here { count: room.users().len() as u64 }));
        if self.expanded.replace(Some(side_is_open)) != Some(side_is_open) {
            dom::set(&self.menu, "aria-expanded", if side_is_open { "true" } else { "false" });
        }
    }

    /// Notes that the server is up although the connection failed; returns whether that is the first time.
    pub(super) fn doubt(&self) -> bool {
        self.doubts.replace(self.doubts.get() + 1) == 0
    }

    /// Notes that the server refuses the user, for this reason.
    pub(super) fn refuse(&self, code: String) {
        self.refusal.replace(Some(code));
    }

    pub(super) fn focus(&self) {
        let _ = self.menu.focus();
    }

    /// The state of a connection, in words.
    fn standing(&self, state: &State) -> Standing {
        let (text, class, offer) = match state {
            State::Connecting { attempt: 0 | 1 } => (Text::Connecting, "waiting", Offer::Nothing),
            State::Connecting { attempt } => (Text::ConnectingAgain { attempt: *attempt }, "waiting", Offer::Nothing),
            State::Connected { .. } => (Text::Connected, "good", Offer::Nothing),
            State::Disconnected { cause, .. } if !no_token(cause).is_empty() => return self.refused(no_token(cause)),
            State::Disconnected { .. } if self.refusal.borrow().is_some() => {
                return self.refused(self.refusal.borrow().as_deref().unwrap_or_default());
            }
            State::Disconnected { .. } if self.doubts.get() >= REFUSED => {
                return self.stuck(&Text::NotLetIn, Offer::AgainOrOther);
            }
            State::Disconnected { retry_at, .. } => {
                let left = retry_at.saturating_duration_since(Instant::now());
                // Rounded up, so that the countdown ends at 1 and not at 0.
                let seconds = left.as_secs() + u64::from(left.subsec_millis() > 0);
                let text = if seconds == 0 { Text::OfflineNow } else { Text::Offline { seconds } };
                (text, "bad", if seconds < WORTH_HASTE { Offer::Nothing } else { Offer::Now })
            }
            State::Closing => (Text::Closing, "waiting", Offer::Nothing),
            State::Closed(Closed::Refused(Cause::PeerClosed(Some(frame)))) if !frame.reason.is_empty() => {
                return self.refused(&frame.reason);
            }
            State::Closed(Closed::Refused(cause)) => {
                let cause = cause.to_string();
                let text = if self.speaks_english() { Text::Refused { reason: &cause } } else { Text::RefusedSomehow };
                return self.stuck(&text, Offer::AgainOrOther);
            }
            State::Closed(Closed::GaveUp { last, .. }) => {
                let last = last.to_string();
                let text = if self.speaks_english() { Text::GaveUp { reason: &last } } else { Text::GaveUpSomehow };
                return self.stuck(&text, Offer::Again);
            }
            State::Closed(_) | _ => return self.stuck(&Text::Closed, Offer::Again),
        };
        Standing { said: self.words.say(&text), class, offer }
    }

    /// The state while the browser reports that there is no network.
    fn no_network(&self, state: &State) -> Standing {
        match state {
            State::Closing | State::Closed(_) => self.standing(state),
            State::Connecting { .. } => self.stuck(&Text::NoNetwork, Offer::Nothing),
            _ => self.stuck(&Text::NoNetwork, Offer::Now),
        }
    }

    fn refused(&self, reason: &str) -> Standing {
        let reason = self.words.within().reason(reason);
        self.stuck(&Text::Refused { reason: &reason }, Offer::AgainOrOther)
    }

    fn stuck(&self, text: &Text<'_>, offer: Offer) -> Standing {
        Standing { said: self.words.say(text), class: "bad", offer }
    }

    /// Causes are in English only.
    fn speaks_english(&self) -> bool {
        self.words.language() == Language::English
    }
}

/// The text about a connection, its colour, and the buttons to offer.
struct Standing {
    said: String,
    /// The CSS class of its colour.
    class: &'static str,
    offer: Offer,
}

/// The buttons to offer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Offer {
    Nothing,
    /// Try now.
    Now,
    /// Try again; the client has stopped trying.
    Again,
    /// Try again, or sign in as another user.
    AgainOrOther,
}

/// The server's reason why there is no token; empty if the cause is another one.
fn no_token(cause: &Cause) -> &str {
    match cause {
        Cause::OpenFailed(OpenFailure { kind: OpenFailureKind::Hook, detail, .. }) => detail,
        _ => "",
    }
}
