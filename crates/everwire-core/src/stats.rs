use std::time::Duration;

use crate::LearnedInterval;

/// The counters of a machine, at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct MachineStats {
    /// Openings started.
    pub attempts: u64,
    /// Connections that opened.
    pub connections: u64,
    /// Messages that wait for a socket.
    pub queued_messages: usize,
    /// Payload bytes that wait for a socket.
    pub queued_bytes: usize,
    /// Messages handed to the socket, written or not, whose arrival is not proven.
    pub unproven_messages: usize,
    /// Payload bytes of those.
    pub unproven_bytes: usize,
    /// The last round trip measured.
    pub round_trip: Option<Duration>,
    /// The round trip smoothed as in RFC 6298 section 2.
    pub smoothed_round_trip: Option<Duration>,
    /// `true` if the peer answers pings; `None` while that is not known. `Some(false)` if it sends other things and has
    /// answered no ping on this connection: nothing proves then that messages arrive.
    pub answers_pings: Option<bool>,
    /// The lesson from connections that were lost while idle, of this client or another one of the same host.
    pub learned_interval: Option<LearnedInterval>,
    /// Messages dropped by the overflow policy.
    pub dropped: u64,
    /// Messages whose place a newer one with the same key has taken.
    pub conflated: u64,
    /// Messages whose time to live was over while they were queued.
    pub expired: u64,
    /// Messages that the user has cancelled.
    pub cancelled: u64,
    /// Messages sent again after a loss.
    pub resent: u64,
}
