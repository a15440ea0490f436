//! Where the connection stands, and what the user wants of it.

use std::time::Duration;

use crate::{Attempt, Cause, Closed, ConfigError, MessageId, Moment, Phase, config::error::check_duration};

/// Limits on opening, probing and closing.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct OpenConfig {
    /// The most that an opening may take, over everything: name, TCP, proxy, TLS, upgrade. Default 10 s. Too short never
    /// gets through on slow networks; long ones make an unreachable address cost that much each time.
    pub timeout: Duration,
    /// Within this time a probe after a hint must be answered. Default 3 s.
    ///
    /// Too short: a slow network loses its connection at each hint. Too long: after a change of networks the dead
    /// connection is kept for that long.
    pub probe_timeout: Duration,
    /// The most that a closing handshake may take before the socket is dropped, and that `Disconnect` may flush before it.
    /// Default 2 s.
    ///
    /// Too short: the last messages may be cut off. Too long: closing takes this long with a server that does not
    /// answer.
    pub close_timeout: Duration,
}

impl Default for OpenConfig {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            probe_timeout: Duration::from_secs(3),
            close_timeout: Duration::from_secs(2),
        }
    }
}

impl OpenConfig {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        check_duration("open.timeout", self.timeout)?;
        check_duration("open.probe_timeout", self.probe_timeout)?;
        check_duration("open.close_timeout", self.close_timeout)
    }
}

/// ```text
///            connect                opened               close sent or received
///  Closed ───────────▶ Opening ───────────────▶ Open ──────────────────────────▶ Ending
///    ▲                 ▲    │ failed              │ lost, dead                     │ lost, too slow
///    │                 │    ▼                     ▼                                ▼
///    │           retry └─ Waiting ◀───────────────┴────────────────────────────────┤
///    └──────────────────────┴────── advice, limit, user ───────────────────────────┘
/// ```
///
/// From each of them `Close` leads to `Finished` in the end, and nothing leads out of that.
#[derive(Debug)]
pub(crate) enum Lifecycle {
    Closed(Closed),
    Waiting(Waiting),
    Opening(Opening),
    Open(Connection),
    Ending(Ending),
    Finished,
}

/// The next attempt is planned.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) cause: Cause,
    pub(crate) retry_at: Moment,
    /// The server asked for a pause until then.
    pub(crate) not_before: Moment,
    pub(crate) place: Place,
}

/// In a budget that clients share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nobody has been asked for one.
    None,
    Asked,
    /// At the time for which the attempt is planned.
    Reserved,
}

/// An attempt is under way.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) attempt: Attempt,
    pub(crate) reached: Phase,
}

/// The connection is open for messages in both directions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Connection {
    pub(crate) attempt: Attempt,
    pub(crate) opened_at: Moment,
    /// A message of ours was proven to have arrived over it.
    pub(crate) proven: bool,
    /// It has held long enough, with a peer that shows itself, to count as a success.
    pub(crate) useful: bool,
}

/// A close frame was sent or received; what is awaited is the transport's end.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) connection: Connection,
    pub(crate) cause: Cause,
    /// The peer's close frame is here, so nothing follows from it.
    pub(crate) peer_closed: bool,
}

/// What the user wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    /// To be connected.
    Stay,
    /// To be disconnected, once everything up to `flush` is out.
    Leave { flush: MessageId },
    /// To be connected again, as soon as the closing handshake that is under way is over.
    Return,
    /// To end for good.
    Close { deadline: Moment, may_reconnect: bool },
}

impl Lifecycle {
    /// The attempt that events may speak for.
    pub(crate) fn attempt(&self) -> Option<Attempt> {
        match self {
            Self::Closed(_) | Self::Waiting(_) | Self::Finished => None,
            Self::Opening(opening) => Some(opening.attempt),
            Self::Open(connection) => Some(connection.attempt),
            Self::Ending(ending) => Some(ending.connection.attempt),
        }
    }

    /// Whether messages from the peer still count.
    pub(crate) fn is_receiving(&self) -> bool {
        match self {
            Self::Open(_) => true,
            Self::Ending(ending) => !ending.peer_closed,
            Self::Closed(_) | Self::Waiting(_) | Self::Opening(_) | Self::Finished => false,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Self::Open(_))
    }
}
