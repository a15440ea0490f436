//! Where the client stands, as JSON.

use everwire::{Cause, Closed, Loss, OpenFailure, OpenFailureKind, State};
use serde::Serialize;

/// What `bindings/js/src/socket.d.ts` calls `EngineState`.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<String>,
    /// In milliseconds from now.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_in: Option<f64>,
    /// Why the last attempt or connection ended, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    /// The peer answers no pings.
    #[serde(skip_serializing_if = "Option::is_none")]
    unproven: Option<bool>,
}

pub(crate) fn json(state: &State) -> String {
    let told = match state {
        State::Connecting { attempt } => Told { name: "connecting", attempt: Some(*attempt), ..Told::default() },
        State::Connected { subprotocol, pings_unanswered, .. } => Told {
            name: "connected",
            protocol: subprotocol.clone(),
            unproven: pings_unanswered.then_some(true),
            ..Told::default()
        },
        State::Disconnected { cause, attempt, .. } => {
            let retry_in = state.retry_in().map(|left| left.as_secs_f64() * 1e3);
            Told { name: "disconnected", attempt: Some(*attempt), retry_in, ..because(cause) }
        }
        State::Closing => Told { name: "closing", ..Told::default() },
        State::Closed(closed) => closed_because(closed),
        _ => Told::default(),
    };
    serde_json::to_string(&told).unwrap_or_default()
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
