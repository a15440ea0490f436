use std::time::Duration;

use crate::Limits;

/// Limits of one end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Calls and streams that this end may have open at the peer. One more is [`OpenError::TooMany`](crate::OpenError). Each
    /// costs some 250 bytes. The peer's own limit holds too. What is found again of earlier runs of the
    /// program comes on top, up to `max_keyed`. Default: 10,000.
    ///
    /// Too low: a busy caller is refused. Too high: calls pile up while the peer is away.
    pub max_open: usize,
    /// Bytes of the payloads of calls and streams that this end may have open at the peer; one alone may have more. One more is
    /// [`OpenError::TooManyBytes`](crate::OpenError). The peer's own limit holds too. Default: 64 MiB.
    ///
    /// Too low: large calls are refused while others are open. Too high: that much waits here while the peer is away.
    pub max_open_bytes: usize,
    /// Calls and streams of the peer that run here at the same time, with those that have a key and wait to be forgotten.
    /// One more is answered with the error [`TOO_MANY`](crate::codes::TOO_MANY). Default: 10,000.
    ///
    /// Too low: callers are refused although there is room. Too high: a peer can start that many handlers.
    pub max_running: usize,
    /// Bytes of the payloads of those that run at the same time; one alone may have more. One more is answered with the error
    /// [`TOO_MANY`](crate::codes::TOO_MANY). Default: 64 MiB.
    ///
    /// Too low: large calls are refused although there is room. Too high: a peer can fill that much memory.
    pub max_running_bytes: usize,
    /// The number of those that may have a key. Default: 1,000.
    ///
    /// Too low: calls with a key are refused. Too high: their replies stay in memory until they are confirmed.
    pub max_keyed: usize,
    /// Bytes of replies and items that are kept for calls with a key until the peer has processed them. Beyond it
    /// their streams wait, further calls with a key are answered with [`TOO_MANY`](crate::codes::TOO_MANY), and of a reply
    /// the error [`NOT_KEPT`](crate::codes::NOT_KEPT) is kept for a later run of the caller's program. Default: 16 MiB.
    ///
    /// Too small: streams with a key stop and start. Too large: memory, for as long as the peer is away.
    pub max_kept_bytes: usize,
    /// Items that the peer may send of a stream of ours before this end has processed them. Default: 64. Too small: a
    /// stream waits for each round trip on long paths. Too large: a slow consumer holds that many items.
    pub window: u32,
    /// The largest window that a peer gets, whatever it asks for. Default: 1,024.
    ///
    /// Too small: fast streams wait for round trips. Too large: a peer decides how much this end sends ahead.
    pub max_window: u32,
    /// Bytes of a stream's items that are on the way before they are processed, in both directions: what this end sends, and what
    /// it takes; the last item may exceed it. The smaller one of both ends' holds. Default: 1 MiB.
    ///
    /// Too small: large items go one by one. Too large: memory for each stream whose consumer is slow.
    pub window_bytes: usize,
    /// Bytes of replies and items that have come and that the application has not taken, over all calls of this end. Beyond it the
    /// one that holds most of them is cancelled, and ends with an error that says so. An [`Endpoint`](crate::Endpoint) hands
    /// them on at once; `everwire-peer`, where they wait, holds this limit. Default: 64 MiB.
    ///
    /// Too low: streams that are read slowly end early. Too high: memory, where a program does not read what it asks for.
    pub max_unread_bytes: usize,
    /// The largest frame of calls in bytes that the session takes from the peer: what this end has told as
    /// [`message_bytes`](everwire_core::session::Limits::message_bytes). The peer is told, and answers larger replies with
    /// [`TOO_LARGE`](crate::codes::TOO_LARGE). Default: 1 MiB.
    ///
    /// Too small: larger replies become errors. Too large: more than the session takes ends the session.
    pub max_message: usize,
    /// The largest frame in bytes that this end can send, whatever the peer takes. Default: no limit.
    ///
    /// Too small: larger calls are refused. Too large: the transport refuses what it can't send.
    pub max_sent: usize,
    /// The time that a peer that has processed our hello, or that we have a call for, may take to show that it knows calls.
    /// Default: 10 s.
    ///
    /// Too short: a peer on a slow network is taken for one without calls. Too long: calls to a peer without calls fail
    /// that much later.
    pub hello_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_open: 10_000,
            max_open_bytes: 64 << 20,
            max_running: 10_000,
            max_running_bytes: 64 << 20,
            max_keyed: 1_000,
            max_kept_bytes: 16 << 20,
            window: 64,
            max_window: 1_024,
            window_bytes: 1 << 20,
            max_unread_bytes: 64 << 20,
            max_message: 1 << 20,
            max_sent: usize::MAX,
            hello_timeout: Duration::from_secs(10),
        }
    }
}

impl Config {
    /// What the peer is told.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            max_running: self.max_running as u64,
            max_message: self.max_message as u64,
            batches: true,
            max_running_bytes: self.max_running_bytes as u64,
            max_window: u64::from(self.max_window),
            window_bytes: self.window_bytes as u64,
        }
    }
}
