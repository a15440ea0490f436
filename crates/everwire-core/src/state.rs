use std::{fmt, time::Duration};

use everwire_ws::CloseFrame;

use crate::{Cause, Moment, Seconds};

/// The state of the client, as its user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing runs.
    Closed(Closed),
    /// An attempt to open a connection is under way.
    Connecting {
        /// Its number, from 1, counted since the last useful connection.
        attempt: u32,
    },
    /// The connection is open.
    Connected,
    /// Waiting for the next attempt.
    Disconnected {
        /// Why there is no connection.
        cause: Cause,
        /// When the next attempt starts.
        retry_at: Moment,
        /// The number which that attempt will have.
        attempt: u32,
        /// `true` if the attempt could start now but waits for the shared budget.
        held: bool,
    },
    /// The connection is being closed: what is queued is flushed, then the closing handshake takes place.
    Closing,
}

/// The reason why nothing runs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Closed {
    /// It has not been started yet.
    Initial,
    /// The user disconnected. The outbox is kept; [`Input::Connect`](crate::Input::Connect) goes on.
    Disconnected,
    /// The user closed it, for good.
    ByUser,
    /// The peer ended it with close code 1000.
    ByPeer(Option<CloseFrame>),
    /// Trying again can't help: the advice for this cause is to stop.
    Refused(Cause),
    /// The limit on attempts or on elapsed time was reached.
    GaveUp {
        /// Why the last attempt failed, or the last connection ended.
        last: Cause,
        /// Attempts since the last useful connection.
        attempts: u32,
        /// How long that took: from the start of the first of them, or from the loss of the useful connection.
        elapsed: Duration,
    },
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Initial => f.write_str("not started"),
            Self::Disconnected => f.write_str("disconnected by the user"),
            Self::ByUser => f.write_str("closed by the user"),
            Self::ByPeer(Some(frame)) if !frame.reason.is_empty() => write!(f, "ended by the peer: {}", frame.reason),
            Self::ByPeer(_) => f.write_str("ended by the peer"),
            Self::Refused(cause) => write!(f, "not retried: {cause}"),
            Self::GaveUp { last, attempts, elapsed } => {
                let times = if *attempts == 1 { "attempt" } else { "attempts" };
                write!(f, "gave up after {attempts} {times} in {}: {last}", Seconds(*elapsed))
            }
        }
    }
}
