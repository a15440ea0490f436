//! What can go wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The fault that a rule injects.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// The connection is lost: exactly what passed before arrives, and then this ending.
    ///
    /// The rule's direction says who sees it: `ToClient` ends the connection for the client alone, and the server is left
    /// with one that is silent for ever, as after a reboot of the router between them.
    Cut(Ending),
    /// From then on nothing arrives any more, not even an end; both sides still believe in the connection. With one
    /// direction it is half-open: the other one lives on. What is sent waits where it is, so that a sender which goes on
    /// finds its buffers full some day.
    BlackHole,
    /// Nothing arrives for as long as the rule lasts, then all of it.
    Stall,
    /// Everything arrives later: by `by`, and by a random part of `jitter` on top. Order is kept, so that jitter makes
    /// bunches.
    Delay {
        /// The least delay.
        by: Duration,
        /// The most that comes on top.
        jitter: Duration,
    },
    /// No more than this many bytes a second, at least 1, in each direction.
    Bandwidth(u64),
    /// Bytes arrive in small pieces.
    Split {
        /// Bytes in a piece, at least 1.
        size: usize,
        /// Time from one piece to the next. Zero hands them over one by one but at once.
        gap: Duration,
    },
    /// The next byte is changed by exclusive or with this number, which is not 0.
    Corrupt(u8),
    /// The connection is refused (or, where that was not known beforehand, reset as soon as it is accepted).
    Refuse,
    /// The connection is accepted, and nothing is ever said on it. The server does not see it.
    Mute,
    /// The client's HTTP request is answered with this error. The server does not see it.
    Answer(Answer),
    /// The connection is accepted at once but reaches the server only so much later, with everything that the client has
    /// said since, even if it has long gone: the ghost of an abandoned attempt beside its successor.
    Late(Duration),
}

/// The way a connection ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// By a reset (RST): reads and writes fail with an error.
    #[default]
    Reset,
    /// By an orderly end (FIN), in the midst of whatever was being said.
    Close,
}

/// An HTTP response in place of the upgrade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// 200 to 599.
    pub status: u16,
    /// Headers beside `content-length` and `connection`.
    pub headers: BTreeMap<String, String>,
    /// Default: empty.
    pub body: String,
}

impl Fault {
    /// Its name in files and logs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Cut(_) => "cut",
            Self::BlackHole => "black-hole",
            Self::Stall => "stall",
            Self::Delay { .. } => "delay",
            Self::Bandwidth(_) => "bandwidth",
            Self::Split { .. } => "split",
            Self::Corrupt(_) => "corrupt",
            Self::Refuse => "refuse",
            Self::Mute => "mute",
            Self::Answer(_) => "answer",
            Self::Late(_) => "late",
        }
    }

    /// Returns `true` if it decides how a connection opens, and not what happens within it.
    pub const fn is_at_opening(&self) -> bool {
        matches!(self, Self::Refuse | Self::Mute | Self::Answer(_) | Self::Late(_))
    }
}

impl Answer {
    /// A status without headers of its own and without a body.
    pub fn new(status: u16) -> Self {
        Self { status, headers: BTreeMap::new(), body: String::new() }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.insert(name.into(), value.into());
        self
    }

    /// The whole response (RFC 9112 section 4), which also ends the connection.
    pub fn to_bytes(&self) -> Vec<u8> {
        let reason = http::StatusCode::from_u16(self.status).ok().and_then(|status| status.canonical_reason());
        let mut text = format!("HTTP/1.1 {} {}\r\n", self.status, reason.unwrap_or_default());
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("content-length: {}\r\nconnection: close\r\n\r\n{}", self.body.len(), self.body));
        text.into_bytes()
    }
}
