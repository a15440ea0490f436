//! What happens to a client, for logs and user interfaces.

use std::time::Duration;

use everwire::EventItem;

use crate::State;
use crate::plain_enum::plain_enum;

plain_enum! {
    /// What happened.
    pub enum EventKind {
        /// The state changed; [`Event::state`] is the new one.
        State = "state",
        /// An attempt failed; `amount` is its number.
        AttemptFailed = "attempt_failed",
        /// A connection ended; `amount` is how long it was open, in milliseconds.
        ConnectionEnded = "connection_ended",
        /// A round trip was measured; `amount` is in microseconds.
        RoundTrip = "round_trip",
        /// The peer answers no pings; `amount` is for how long, in milliseconds.
        PingsUnanswered = "pings_unanswered",
        /// Messages of an earlier connection are sent again; `amount` is how many.
        Resending = "resending",
        /// A new session began.
        SessionOpened = "session_opened",
        /// The session goes on; `amount` is how many messages are sent again.
        SessionResumed = "session_resumed",
        /// The session is gone; `amount` is how many messages have an unknown outcome because of it.
        SessionLost = "session_lost",
        /// The server leaves soon; `amount` is in how many milliseconds.
        GoingAway = "going_away",
        /// The device slept; `amount` is for how many milliseconds.
        Woke = "woke",
        /// The outbox's file can't be written; messages wait.
        StoreFailed = "store_failed",
        /// The outbox's file can be written again.
        StoreRecovered = "store_recovered",
        /// Received messages were discarded since nobody reads them; `amount` is how many.
        Discarded = "discarded",
        /// The inbox is full far beyond its bound; `amount` is how many messages wait.
        InboxFull = "inbox_full",
        /// Events were missed, not having been fetched in time; `amount` is how many.
        Missed = "missed",
        /// Something else: the text says what.
        Other = "other",
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What.
    pub kind: EventKind,
    /// The same in words, one line.
    pub text: String,
    /// A number or a duration: see [`EventKind`]; else 0.
    pub amount: u64,
    /// Of [`EventKind::AttemptFailed`] and [`EventKind::ConnectionEnded`]: the close code or HTTP status.
    pub code: Option<u16>,
    /// Of [`EventKind::State`]: the new state.
    pub state: Option<State>,
}

impl From<EventItem> for Event {
    fn from(item: EventItem) -> Self {
        match item {
            EventItem::Event(event) => of_event(event),
            EventItem::State(state) => {
                let state = State::from(&state);
                Self { text: state.text.clone(), state: Some(state), ..plain(EventKind::State, "", 0) }
            }
            EventItem::Discarded(count) => plain(
                EventKind::Discarded,
                format!("{count} received messages were discarded: nobody reads them"),
                count,
            ),
            EventItem::InboxFull { messages, .. } => {
                let text = format!("the inbox is full: {messages} messages wait to be read");
                plain(EventKind::InboxFull, text, messages as u64)
            }
            EventItem::Missed(count) => {
                plain(EventKind::Missed, format!("{count} events were missed: they were not fetched in time"), count)
            }
            _ => plain(EventKind::Other, "something that this version has no words for", 0),
        }
    }
}

fn of_event(event: everwire::Event) -> Event {
    use everwire::Event as From;
    match event {
        From::AttemptFailed { attempt, cause } => Event {
            code: cause.code(),
            ..plain(EventKind::AttemptFailed, format!("attempt {attempt} failed: {cause}"), u64::from(attempt))
        },
        From::Disconnected(post_mortem) => Event {
            code: post_mortem.cause.code(),
            ..plain(EventKind::ConnectionEnded, post_mortem.to_string(), millis(post_mortem.uptime))
        },
        From::RoundTrip(time) => {
            let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
            plain(EventKind::RoundTrip, format!("round trip {micros} µs"), micros)
        }
        From::PingsUnanswered { waited } => {
            let waited = millis(waited);
            plain(EventKind::PingsUnanswered, format!("the peer has answered no ping for {waited} ms"), waited)
        }
        From::Resending { messages } => {
            plain(EventKind::Resending, format!("{messages} messages are sent again"), messages as u64)
        }
        From::Session { resumed: false, .. } => plain(EventKind::SessionOpened, "a new session", 0),
        From::Session { resumed: true, resending } => {
            let text = format!("the session goes on; {resending} messages are sent again");
            plain(EventKind::SessionResumed, text, resending as u64)
        }
        From::SessionLost { unknown, .. } => {
            let text = format!("the session is gone; {unknown} messages have an unknown outcome");
            plain(EventKind::SessionLost, text, unknown as u64)
        }
        From::GoingAway { within } => {
            plain(EventKind::GoingAway, format!("the server leaves in {} ms", millis(within)), millis(within))
        }
        From::Woke { slept } => {
            plain(EventKind::Woke, format!("the device slept for about {} ms", millis(slept)), millis(slept))
        }
        From::StoreFailed { reason, .. } => plain(EventKind::StoreFailed, reason, 0),
        From::StoreRecovered => plain(EventKind::StoreRecovered, "the outbox's file can be written again", 0),
        From::HeldBack { wait } => {
            plain(EventKind::Other, format!("a retry is held back for {} ms by the shared budget", millis(wait)), 0)
        }
        From::MoveFailed { cause, .. } => plain(
            EventKind::Other,
            format!("the new connection could not be opened, the present one stays: {cause}"),
            0,
        ),
        From::Stalled { late_by } => {
            plain(EventKind::Other, format!("this process stood still for {} ms", millis(late_by)), 0)
        }
        From::Addresses(tried) => plain(EventKind::Other, format!("{} addresses were tried", tried.len()), 0),
        _ => plain(EventKind::Other, "something that this version has no words for", 0),
    }
}

fn plain(kind: EventKind, text: impl Into<String>, amount: u64) -> Event {
    Event { kind, text: text.into(), amount, code: None, state: None }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
