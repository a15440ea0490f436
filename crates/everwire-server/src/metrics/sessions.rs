use everwire_core::session::{Gone, code};
use everwire_ws::CloseCode;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use super::names;
use super::names::OUTCOMES;

/// The ways to the recorder, looked up once.
pub(crate) struct SessionsMeter {
    pub(super) connected: Gauge,
    pub(super) waiting: Gauge,
    opened: Counter,
    resumed: Counter,
    fenced: Counter,
    ended: [Counter; ENDINGS.len()],
    refused: [Counter; REFUSALS.len()],
    pub(super) received: Counter,
    pub(super) sent: Counter,
    pub(super) outcomes: [Counter; OUTCOMES.len()],
    pub(super) held: Gauge,
    pub(super) held_bytes: Gauge,
    pub(super) unprocessed: Gauge,
    pub(super) acknowledged: Histogram,
}

const ENDINGS: [&str; 6] = ["ended", "expired", "evicted", "violated", "denied", "other"];
const REFUSALS: [&str; 6] = ["malformed", "hello_timeout", "no_room", "stale", "violated", "internal"];

impl SessionsMeter {
    /// The recorder is the one that is installed now.
    pub(crate) fn new() -> Self {
        names::describe_sessions();
        Self {
            connected: gauge!(names::STATE, "state" => "connected"),
            waiting: gauge!(names::STATE, "state" => "waiting"),
            opened: counter!(names::SESSIONS, "event" => "opened"),
            resumed: counter!(names::SESSIONS, "event" => "resumed"),
            fenced: counter!(names::SESSIONS, "event" => "fenced"),
            ended: ENDINGS.map(|reason| counter!(names::SESSIONS_ENDED, "reason" => reason)),
            refused: REFUSALS.map(|reason| counter!(names::SESSIONS_REFUSED, "reason" => reason)),
            received: counter!(names::RECEIVED),
            sent: counter!(names::SENT),
            outcomes: OUTCOMES.map(|outcome| counter!(names::ENDED, "outcome" => outcome)),
            held: gauge!(names::HELD),
            held_bytes: gauge!(names::HELD_BYTES),
            unprocessed: gauge!(names::UNPROCESSED),
            acknowledged: histogram!(names::ACKNOWLEDGED),
        }
    }

    pub(crate) fn opened(&self) {
        self.opened.increment(1);
    }

    pub(crate) fn resumed(&self) {
        self.resumed.increment(1);
    }

    /// A connection was replaced by a newer one of its session.
    pub(crate) fn fenced(&self) {
        self.fenced.increment(1);
    }

    pub(crate) fn ended(&self, reason: Gone) {
        let [ended, expired, evicted, violated, denied, other] = &self.ended;
        let counter = match reason {
            Gone::Ended => ended,
            Gone::Expired => expired,
            Gone::Evicted => evicted,
            Gone::Violated => violated,
            Gone::Denied => denied,
            _ => other,
        };
        counter.increment(1);
    }

    /// A connection was closed with this code, and without a session.
    pub(crate) fn refused(&self, with: CloseCode) {
        let [malformed, hello_timeout, no_room, stale, violated, internal] = &self.refused;
        let counter = match with {
            code::MALFORMED => malformed,
            code::HELLO_TIMEOUT => hello_timeout,
            CloseCode(1013) => no_room,
            code::SUPERSEDED => stale,
            code::VIOLATED => violated,
            _ => internal,
        };
        counter.increment(1);
    }
}
