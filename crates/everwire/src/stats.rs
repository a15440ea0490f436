//! Numbers of a client.

use everwire_core::MachineStats;

use crate::Opening;

/// The counters of a client at one moment, from [`Client::stats`](crate::Client::stats).
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// Attempts, connections, outbox and round-trip times.
    pub machine: MachineStats,
    /// Payload bytes handed to a socket, those sent again included.
    pub bytes_sent: u64,
    /// Payload bytes received.
    pub bytes_received: u64,
    /// Messages handed to a socket, those sent again included. With [batching](crate::Builder::batching) each frame
    /// counts as one.
    pub messages_sent: u64,
    /// Messages received.
    pub messages_received: u64,
    /// Received messages that the application has not taken yet.
    pub inbox_messages: usize,
    /// Received messages that were discarded; see [`Inbox`](crate::Inbox) for when that happens.
    pub inbox_discarded: u64,
    /// The way the last connection was opened; `None` before the first.
    pub opening: Option<Opening>,
}
