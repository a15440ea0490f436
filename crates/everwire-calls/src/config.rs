use std::time::Duration;

/// Limits of one end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Calls and streams that this end may have open at the peer. One more is [`OpenError::TooMany`](crate::OpenError). Each
    /// costs some 250 bytes. The peer's own limit holds too. What is found again of earlier runs of the
    /// program comes on top, up to `max_keyed`. Default: 10,000.
    pub max_open: usize,
    /// Calls and streams of the peer that run here at the same time, with those that have a key and wait to be forgotten.
    /// One more is answered with the error [`TOO_MANY`](crate::codes::TOO_MANY). Default: 10,000.
    pub max_running: usize,
    /// How many of those may have a key. Default: 1,000.
    pub max_keyed: usize,
    /// Bytes of replies and items that are kept for calls with a key until the peer has processed them. Beyond it
    /// their streams wait, and further calls with a key are answered with [`TOO_MANY`](crate::codes::TOO_MANY). Default: 16 MiB.
    pub max_kept_bytes: usize,
    /// Items that the peer may send of a stream of ours before this end has processed them. A small window costs throughput
    /// on long paths, a large one memory. Default: 64.
    pub window: u32,
    /// The largest window that a peer gets, whatever it asks for. Default: 1,024.
    pub max_window: u32,
    /// Bytes of a stream that this end sends before the peer has processed them; one item may exceed it. Default: 1 MiB.
    pub window_bytes: usize,
    /// The largest frame of calls in bytes that the session takes from the peer: what this end has told as
    /// [`message_bytes`](everwire_core::session::Limits::message_bytes). The peer is told, and answers larger replies with
    /// [`TOO_LARGE`](crate::codes::TOO_LARGE). Default: 1 MiB.
    pub max_message: usize,
    /// The largest frame in bytes that this end can send, whatever the peer takes. Default: no limit.
    pub max_sent: usize,
    /// How long a peer that has processed our hello, or that we have a call for, may take to show that it knows calls.
    /// Default: 10 s.
    pub hello_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_open: 10_000,
            max_running: 10_000,
            max_keyed: 1_000,
            max_kept_bytes: 16 << 20,
            window: 64,
            max_window: 1_024,
            window_bytes: 1 << 20,
            max_message: 1 << 20,
            max_sent: usize::MAX,
            hello_timeout: Duration::from_secs(10),
        }
    }
}
