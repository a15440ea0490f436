//! Where the client stands, as JSON.

use std::time::Duration;

use everwire::json::Writer;
use everwire::{Cause, Closed, Loss, OpenFailure, OpenFailureKind, State};

/// What `bindings/js/src/socket.d.ts` calls `State`.
#[derive(Default)]
struct Told {
    name: &'static str,
    attempt: Option<u32>,
    protocol: Option<String>,
    /// From now.
    retry_in: Option<Duration>,
    /// Why the last attempt or connection ended, in words.
    reason: Option<String>,
    cause: Option<&'static str>,
    code: Option<u16>,
    /// The peer answers no pings.
    unproven: bool,
}

pub(crate) fn json(state: &State) -> String {
    let told = match state {
        State::Connecting { attempt } => Told { name: "connecting", attempt: Some(*attempt), ..Told::default() },
        State::Connected { subprotocol, pings_unanswered, .. } => {
            Told { name: "connected", protocol: subprotocol.clone(), unproven: *pings_unanswered, ..Told::default() }
        }
        State::Disconnected { cause, attempt, .. } => {
            Told { name: "disconnected", attempt: Some(*attempt), retry_in: state.retry_in(), ..because(cause) }
        }
        State::Closing => Told { name: "closing", ..Told::default() },
        State::Closed(closed) => closed_because(closed),
        _ => Told::default(),
    };
    told.json()
}

impl Told {
    fn json(&self) -> String {
        let mut json = Writer::object();
        json.text("name", self.name);
        let after = self.retry_in.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
        let numbers =
            [("attempt", self.attempt.map(u64::from)), ("retryIn", after), ("code", self.code.map(u64::from))];
        for (name, number) in numbers {
            if let Some(number) = number {
                json.number(name, number);
            }
        }
        for (name, text) in
            [("protocol", self.protocol.as_deref()), ("reason", self.reason.as_deref()), ("cause", self.cause)]
        {
            if let Some(text) = text {
                json.text(name, text);
            }
        }
        if self.unproven {
            json.bool("unproven", true);
        }
        json.end()
    }
}

fn because(cause: &Cause) -> Told {
    let kind = match cause {
        Cause::OpenFailed(OpenFailure { kind: OpenFailureKind::PermanentError | OpenFailureKind::Hook, .. }) => "hook",
        Cause::OpenFailed(OpenFailure { kind: OpenFailureKind::Timeout, .. }) => "timeout",
        Cause::OpenFailed(OpenFailure { kind: OpenFailureKind::NoSession, .. }) => "no-session",
        Cause::OpenFailed(_) => "open-failed",
        Cause::PeerClosed(_) => "peer-closed",
        Cause::Lost(Loss::Unread { .. }) => "unread",
        Cause::Lost(_) => "lost",
        Cause::Dead { .. } => "dead",
        Cause::Bye { .. } => "bye",
        Cause::Superseded => "superseded",
        Cause::ByUser => "user",
        _ => "other",
    };
    Told { cause: Some(kind), code: cause.code(), reason: Some(cause.to_string()), ..Told::default() }
}

fn closed_because(closed: &Closed) -> Told {
    let told = match closed {
        Closed::Initial => Told { cause: Some("initial"), ..Told::default() },
        Closed::Disconnected | Closed::ByUser => Told { cause: Some("user"), ..Told::default() },
        Closed::ByPeer(frame) => Told {
            cause: Some("peer-closed"),
            code: Some(frame.as_ref().map_or(1005, |frame| frame.code.0)),
            ..Told::default()
        },
        Closed::Refused(cause) => because(cause),
        Closed::GaveUp { last, attempts, .. } => Told { attempt: Some(*attempts), ..because(last) },
        _ => Told::default(),
    };
    Told { name: "closed", reason: Some(closed.to_string()), ..told }
}
