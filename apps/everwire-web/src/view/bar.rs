use std::cell::Cell;

use everwire::{Closed, State};
use everwire_words::{Text, Words};
use web_sys::{Element, HtmlElement};
use web_time::Instant;

use crate::dom;
use crate::room::Room;

/// The room's name, and where its connection stands.
pub(super) struct Bar {
    words: Words,
    menu: HtmlElement,
    /// As the menu's button says it, once it does.
    expanded: Cell<Option<bool>>,
    dot: HtmlElement,
    state: dom::Words,
    waiting: dom::Words,
    here: dom::Words,
}

impl Bar {
    pub(super) fn new(main: &Element, room: &Room, words: Words) -> Self {
        dom::find(main, "h1").set_text_content(Some(room.name()));
        dom::label(main, ".menu", &words.say(&Text::Rooms));
        Self {
            words,
            menu: dom::find(main, ".menu"),
            expanded: Cell::default(),
            dot: dom::find(main, ".dot"),
            state: dom::Words::at(main, ".state"),
            waiting: dom::Words::at(main, ".waiting-count"),
            here: dom::Words::at(main, ".people"),
        }
    }

    pub(super) fn show(&self, room: &Room, side_is_open: bool) {
        let (link, words) = (room.link(), self.words);
        let (state, class) = link_words(words, &link);
        if self.state.show(state) {
            self.dot.set_class_name(&format!("dot {class}"));
        }
        if matches!(*link, State::Disconnected { .. }) {
            room.tick();
        }
        let waiting = if link.is_connected() { 0 } else { room.sending() as u64 };
        self.waiting.show(if waiting > 0 { words.say(&Text::Waiting { count: waiting }) } else { String::new() });
        self.here.show(words.say(&Text::Here { count: room.users().len() as u64 }));
        if self.expanded.replace(Some(side_is_open)) != Some(side_is_open) {
            dom::set(&self.menu, "aria-expanded", if side_is_open { "true" } else { "false" });
        }
    }
}

/// Where a connection stands, in words, and the class of its colour.
fn link_words(words: Words, state: &State) -> (String, &'static str) {
    let (text, class) = match state {
        State::Connecting { attempt: 0 | 1 } => (Text::Connecting, "waiting"),
        State::Connecting { attempt } => (Text::ConnectingAgain { attempt: *attempt }, "waiting"),
        State::Connected { .. } => (Text::Connected, "good"),
        State::Disconnected { retry_at, .. } => {
            let left = retry_at.saturating_duration_since(Instant::now());
            // A countdown that ends at 1, not at 0.
            let seconds = u64::try_from(left.as_millis().div_ceil(1000)).unwrap_or(u64::MAX);
            (if seconds == 0 { Text::OfflineNow } else { Text::Offline { seconds } }, "bad")
        }
        State::Closing => (Text::Closing, "waiting"),
        State::Closed(Closed::Refused(cause)) => {
            return (words.say(&Text::Refused { reason: &cause.to_string() }), "bad");
        }
        State::Closed(Closed::GaveUp { last, .. }) => {
            return (words.say(&Text::GaveUp { reason: &last.to_string() }), "bad");
        }
        State::Closed(_) | _ => (Text::Closed, "bad"),
    };
    (words.say(&text), class)
}
