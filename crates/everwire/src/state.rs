//! Where a client stands.

use std::fmt;
use std::time::Duration;

use everwire_core::{Cause, Closed, Seconds};
use web_time::Instant;

/// The state of a client, as [`Client::state`](crate::Client::state) and [`watch_state`](crate::Client::watch_state)
/// tell it. `Display` writes it in one line for people.
///
/// ```text
///                      connect                 opened
///   Closed(Initial) ────────────► Connecting ─────────► Connected
///                                  ▲      │ failed          │ lost
///                       retry_at   │      ▼                 ▼
///                                  └──── Disconnected ◄─────┘
///
///   disconnect, close: from anywhere, by Closing where there is something to flush, to Closed
///   refused, gave up, closed by the peer: Closed, and the reason in it
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// Nothing runs; the value is the reason.
    Closed(Closed),
    /// An attempt is under way.
    Connecting {
        /// Number of the attempt, from 1 since the last useful connection.
        attempt: u32,
    },
    /// The connection is open.
    Connected {
        /// The subprotocol that the server chose.
        subprotocol: Option<String>,
        /// `true` if the peer sends other things but has answered no ping on this connection, though it must (RFC 6455
        /// section 5.5.2). Nothing proves then that messages arrive: no message ends as
        /// [`Outcome::Received`](crate::Outcome::Received). It is set some seconds after the answer was due; if the
        /// peer answers later, the state changes to `false`.
        pings_unanswered: bool,
    },
    /// The client waits for its next attempt.
    Disconnected {
        /// Why the last attempt or connection ended.
        cause: Cause,
        /// When the next attempt starts. In a page it is the `Instant` of the crate `web-time`.
        retry_at: Instant,
        /// Number of the attempt to come.
        attempt: u32,
        /// `true` if the attempt could start now but waits for its place in the [`RetryBudget`](crate::RetryBudget)
        /// that clients of this process share.
        held: bool,
    },
    /// Flushing what is queued, then closing the connection.
    Closing,
}

impl State {
    /// Returns `true` if nothing more happens automatically: only [`connect`](crate::Client::connect) starts the client
    /// again, and after [`close`](crate::Client::close) nothing does.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Closed(closed) if *closed != Closed::Initial)
    }

    /// Returns `true` if the connection is open.
    pub fn is_connected(&self) -> bool {
        matches!(self, Self::Connected { .. })
    }

    /// The time until the next attempt, measured now; `None` unless disconnected.
    pub fn retry_in(&self) -> Option<Duration> {
        match self {
            Self::Disconnected { retry_at, .. } => Some(retry_at.saturating_duration_since(Instant::now())),
            Self::Closed(_) | Self::Connecting { .. } | Self::Connected { .. } | Self::Closing => None,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(closed) => write!(f, "{closed}"),
            Self::Connecting { attempt: 1 } => f.write_str("connecting"),
            Self::Connecting { attempt } => write!(f, "connecting, attempt {attempt}"),
            Self::Connected { subprotocol, pings_unanswered } => {
                f.write_str("connected")?;
                if let Some(name) = subprotocol {
                    write!(f, " ({name})")?;
                }
                f.write_str(if *pings_unanswered { "; the peer has answered no ping" } else { "" })
            }
            Self::Disconnected { cause, attempt, held, .. } => {
                let wait = Seconds(self.retry_in().unwrap_or_default());
                let why = if *held { ", held back by the retry budget that clients share" } else { "" };
                write!(f, "disconnected: {cause}; attempt {attempt} in {wait}{why}")
            }
            Self::Closing => f.write_str("closing"),
        }
    }
}
