//! The settings of compression, and the agreement of both sides.

use std::fmt;

/// Settings of permessage-deflate. The default costs an idle connection nothing: no context is kept between messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deflate {
    /// Payloads of fewer bytes are sent uncompressed; default 128. Too low: small messages cost time and hardly shrink.
    /// Too high: messages that would shrink do not.
    pub threshold: usize,
    /// The effort from 0 (no compression) to 9 (smallest result); default 6. Short messages take about the same time at
    /// 2 to 9; at 1 it is half the time for a third more bytes.
    pub level: u8,
    /// `true` if messages that we send may refer to our earlier messages; default `false`. It compresses similar
    /// messages better, but keeps some 260 KiB per connection while it is in use, and connections can't share one
    /// compressed broadcast frame.
    pub keep_own_context: bool,
    /// `true` if messages that the peer sends may refer to its earlier messages; default `false`. It keeps up to 42 KiB
    /// per connection.
    pub keep_peer_context: bool,
    /// The largest window that we compress with; default 15 (32 KiB). Fewer bits cost less memory and compress less.
    pub own_window: WindowBits,
    /// The largest window that the peer may compress with, where the negotiation can say so; default 15.
    pub peer_window: WindowBits,
    /// The highest ratio of a message's inflated size to its size on the wire, for messages that inflate to more than 1
    /// MiB; default 256. A message beyond that closes the connection with 1009. Too low: honest messages that compress
    /// well are refused. Too high: a few bytes cost much work. The size limit of messages applies as well.
    pub max_ratio: u32,
}

impl Default for Deflate {
    fn default() -> Self {
        Self {
            threshold: 128,
            level: 6,
            keep_own_context: false,
            keep_peer_context: false,
            own_window: WindowBits::MAX,
            peer_window: WindowBits::MAX,
            max_ratio: 256,
        }
    }
}

/// The choice whether one message may be compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compress {
    /// If compression is agreed on, the message is as long as [`Deflate::threshold`], and it shrinks.
    #[default]
    Auto,
    /// Never: for data that are compressed already, such as images, and for secrets that must not share a context with
    /// data that an attacker chooses (RFC 7692 section 8).
    No,
}

/// The base-2 logarithm of a compression window's size in bytes: 9 (512 B) to 15 (32 KiB).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WindowBits(u8);

impl WindowBits {
    /// 512 bytes.
    pub const MIN: Self = Self(9);
    /// 32 KiB.
    pub const MAX: Self = Self(15);

    /// `None` outside 9 to 15. (RFC 7692 also knows 8, which no deflate library in use can write.)
    #[must_use]
    pub const fn new(bits: u8) -> Option<Self> {
        if bits >= Self::MIN.0 && bits <= Self::MAX.0 { Some(Self(bits)) } else { None }
    }

    /// The number of bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }
}

impl fmt::Display for WindowBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The agreement of both sides, seen from ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Agreement {
    /// Messages that we send may refer to our earlier messages.
    pub own_context: bool,
    /// Messages that the peer sends may refer to its earlier messages.
    pub peer_context: bool,
    /// The largest window that we may compress with. `None`: the peer asked for 8 bits, so we send uncompressed.
    pub own_window: Option<WindowBits>,
    /// Our own settings that need no agreement.
    pub settings: Deflate,
}
