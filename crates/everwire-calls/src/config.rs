use std::time::Duration;

use crate::Limits;

/// Limits of one end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// The most calls and streams of this end that are open at the peer. Opening one more fails with
    /// [`OpenError::TooMany`](crate::OpenError). Each costs some 500 bytes at a client, besides its payload. The peer's
    /// own limit applies too. Calls of earlier runs of the program that are resumed come on top, up to `max_keyed`.
    /// Default: 10,000.
    ///
    /// Too low: a busy caller is refused. Too high: calls pile up while the peer is away.
    pub max_open: usize,
    /// The most bytes of the payloads of this end's open calls and streams; a single one may have more. Opening one
    /// beyond that fails with [`OpenError::TooManyBytes`](crate::OpenError). The peer's own limit applies too. Default:
    /// 64 MiB.
    ///
    /// Too low: large calls are refused while others are open. Too high: that much waits here while the peer is away.
    pub max_open_bytes: usize,
    /// The most calls and streams of the peer that run here at the same time, those with a key included whose ends the
    /// peer has not processed. One more is answered with the error [`TOO_MANY`](crate::codes::TOO_MANY). Default:
    /// 10,000.
    ///
    /// Too low: callers are refused although there is room. Too high: a peer can start that many handlers.
    pub max_running: usize,
    /// The most bytes of the payloads of calls that run here at the same time; a single one may have more. One beyond
    /// that is answered with the error [`TOO_MANY`](crate::codes::TOO_MANY). Default: 64 MiB.
    ///
    /// Too low: large calls are refused although there is room. Too high: a peer can fill that much memory.
    pub max_running_bytes: usize,
    /// The most calls of the peer with a key that run or are kept here. Default: 1,000.
    ///
    /// Too low: calls with a key are refused. Too high: their replies stay in memory until they are confirmed.
    pub max_keyed: usize,
    /// The most bytes of replies and items that are kept for calls with a key until the peer has processed them. Beyond
    /// that, streams with a key wait, further calls with a key are answered with [`TOO_MANY`](crate::codes::TOO_MANY),
    /// and in place of a reply the error [`NOT_KEPT`](crate::codes::NOT_KEPT) is kept for a later run of the caller's
    /// program. Default: 16 MiB.
    ///
    /// Too small: streams with a key stop and start. Too large: memory, for as long as the peer is away.
    pub max_kept_bytes: usize,
    /// The most items that the peer may send of this end's stream before they are processed. Default: 64. Too small: a
    /// stream waits for each round trip on long paths. Too large: a slow consumer holds that many items.
    pub window: u32,
    /// The largest window of the peer's streams, whatever it asks for. Default: 1,024.
    ///
    /// Too small: fast streams wait for round trips. Too large: a peer decides how much this end sends ahead.
    pub max_window: u32,
    /// The most bytes of a stream's items that are sent before they are processed, for streams in both directions; the
    /// last item may exceed it. The smaller value of both ends applies. Default: 1 MiB.
    ///
    /// Too small: large items go one by one. Too large: memory for each stream whose consumer is slow.
    pub window_bytes: usize,
    /// The most bytes of received replies and items that the application has not taken, over all calls of this end.
    /// Beyond that the call that holds the most is cancelled, and ends with the error [`UNREAD`](crate::codes::UNREAD).
    /// An [`Endpoint`](crate::Endpoint) does not hold them; `everwire-peer` does, and applies this limit. Default: 64
    /// MiB.
    ///
    /// Too low: streams that are read slowly end early. Too high: memory, where a program does not read what it asks for.
    pub max_unread_bytes: usize,
    /// The largest frame of calls in bytes that the session accepts from the peer: this end's
    /// [`message_bytes`](everwire_core::session::Limits::message_bytes). The peer is told, and sends the error
    /// [`TOO_LARGE`](crate::codes::TOO_LARGE) in place of a larger reply. Default: 1 MiB.
    ///
    /// Too small: larger replies become errors. Too large: more than the session takes ends the session.
    pub max_message: usize,
    /// The largest frame in bytes that this end can send, whatever the peer accepts. Default: no limit.
    ///
    /// Too small: larger calls are refused. Too large: the transport refuses what it can't send.
    pub max_sent: usize,
    /// The time within which the peer has to show that it supports calls, once it has processed this end's hello, or
    /// once this end has a call for it. Default: 10 s.
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
