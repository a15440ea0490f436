//! Where a client stands.

use everwire::{Cause, Closed};

use crate::plain_enum::plain_enum;

plain_enum! {
    /// Where a client stands.
    pub enum Phase {
        /// Nothing runs.
        Closed = "closed",
        /// An attempt is under way.
        Connecting = "connecting",
        /// The connection is open.
        Connected = "connected",
        /// Waiting for the next attempt.
        Disconnected = "disconnected",
        /// Flushing what is queued, then closing the connection.
        Closing = "closing",
    }
}

/// Where a client stands, with all that is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Where.
    pub phase: Phase,
    /// The whole state in words, one line.
    pub text: String,
    /// Why there is no connection, in words; empty while there is one or none was lost.
    pub reason: String,
    /// The close code or HTTP status behind it (1005: a close frame without a code; 1006: an end without a close frame).
    pub code: Option<u16>,
    /// Nothing more happens unless the program connects again (after `close`: not even then).
    pub ended: bool,
    /// The client gave up, or trying again can't help; otherwise the application or the server ended it on purpose.
    pub failed: bool,
    /// The subprotocol that the server chose.
    pub subprotocol: Option<String>,
    /// Number of the attempt that is under way or comes next, from 1 since the last useful connection; 0: none.
    pub attempt: u32,
    /// Milliseconds until the next attempt, measured when this was told.
    pub retry_in_ms: Option<u64>,
    /// The peer answers no pings, so that nothing proves what arrives.
    pub pings_unanswered: bool,
}

impl From<&everwire::State> for State {
    fn from(state: &everwire::State) -> Self {
        let mut told = Self {
            phase: Phase::Closed,
            text: state.to_string(),
            reason: String::new(),
            code: None,
            ended: state.is_final(),
            failed: false,
            subprotocol: None,
            attempt: 0,
            retry_in_ms: state.retry_in().map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
            pings_unanswered: false,
        };
        match state {
            everwire::State::Closed(closed) => told.close(closed),
            everwire::State::Connecting { attempt } => {
                told.phase = Phase::Connecting;
                told.attempt = *attempt;
            }
            everwire::State::Connected { subprotocol, pings_unanswered } => {
                told.phase = Phase::Connected;
                told.subprotocol.clone_from(subprotocol);
                told.pings_unanswered = *pings_unanswered;
            }
            everwire::State::Disconnected { cause, attempt, .. } => {
                told.phase = Phase::Disconnected;
                told.attempt = *attempt;
                told.because(cause);
            }
            _ => told.phase = Phase::Closing,
        }
        told
    }
}

impl State {
    fn because(&mut self, cause: &Cause) {
        self.reason = match cause {
            Cause::PeerClosed(Some(frame)) if !frame.reason.is_empty() => frame.reason.to_string(),
            other => other.to_string(),
        };
        self.code = cause.code();
    }

    fn close(&mut self, closed: &Closed) {
        match closed {
            Closed::Refused(cause) | Closed::GaveUp { last: cause, .. } => {
                self.because(cause);
                self.reason = closed.to_string();
                self.failed = true;
            }
            Closed::ByPeer(frame) => {
                self.reason = closed.to_string();
                self.code = Some(frame.as_ref().map_or(1005, |frame| frame.code.0));
            }
            _ => {}
        }
    }
}

/// A state, and how many there were before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChange {
    /// Grows with each change that is told; what [`Client::watch_state`](crate::Client::watch_state) takes.
    pub version: u64,
    /// Where the client stands.
    pub state: State,
}
