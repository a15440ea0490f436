//! Options of a message, hints, numbers.

use std::time::Duration;

use crate::IdRange;
use crate::plain_enum::plain_enum;

plain_enum! {
    /// Which of the queued messages go first.
    pub enum Priority {
        /// Before all others.
        High = "high",
        /// As `send` without options has it.
        Normal = "normal",
        /// When nothing else waits.
        Low = "low",
    }
}

plain_enum! {
    /// Word from outside.
    pub enum Hint {
        /// There is a network: a waiting client tries at once.
        Online = "online",
        /// There is no network: an open connection is probed.
        Offline = "offline",
        /// The network is another: an open connection is probed, with a session left for a new one; a waiting client tries
        /// at once.
        NetworkChanged = "network_changed",
        /// The device woke from sleep: an open connection is probed, a waiting client tries at once.
        Woke = "woke",
        /// The user asks: a waiting client tries at once.
        RetryNow = "retry_now",
    }
}

impl From<Hint> for everwire::Hint {
    fn from(hint: Hint) -> Self {
        match hint {
            Hint::Online => Self::Online,
            Hint::Offline => Self::Offline,
            Hint::NetworkChanged => Self::NetworkChanged,
            Hint::Woke => Self::Woke,
            Hint::RetryNow => Self::RetryNow,
        }
    }
}

/// What is special about a message. The default is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SendOptions {
    /// How long it may wait to be sent, in milliseconds; then it ends as expired.
    pub ttl_ms: Option<u64>,
    /// Which of the queued messages go first. `None`: normal.
    pub priority: Option<Priority>,
    /// Of the queued messages with one key only the latest is sent.
    pub key: Option<String>,
}

impl SendOptions {
    pub(super) fn into_core(self) -> Option<everwire::SendOptions> {
        let Self { ttl_ms, priority, key } = self;
        if ttl_ms.is_none() && priority.is_none() && key.is_none() {
            return None;
        }
        let mut options = everwire::SendOptions::new();
        if let Some(ttl) = ttl_ms {
            options = options.ttl(Duration::from_millis(ttl));
        }
        if let Some(key) = key {
            options = options.key(key);
        }
        Some(options.priority(match priority {
            Some(Priority::High) => everwire::Priority::High,
            None | Some(Priority::Normal) => everwire::Priority::Normal,
            Some(Priority::Low) => everwire::Priority::Low,
        }))
    }
}

/// What has become of many messages that were sent by one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// The numbers of those that were accepted, in order: of the first messages of the call.
    pub ids: Vec<IdRange>,
    /// Why the next one was refused, and those behind it were not tried; `None`: all were accepted.
    pub refused: Option<String>,
}

impl Sent {
    /// How many messages were accepted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.ids.iter().map(|range| range.last - range.first + 1).sum()
    }
}

/// Numbers of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Attempts to open a connection.
    pub attempts: u64,
    /// Connections that were opened.
    pub connections: u64,
    /// Messages that wait to be sent now.
    pub queued_messages: u64,
    /// Payload bytes of those.
    pub queued_bytes: u64,
    /// Messages that were handed to a connection and have no outcome now.
    pub unproven_messages: u64,
    /// Messages handed to a connection, those sent again included.
    pub messages_sent: u64,
    /// Messages received.
    pub messages_received: u64,
    /// Payload bytes sent.
    pub bytes_sent: u64,
    /// Payload bytes received.
    pub bytes_received: u64,
    /// Received messages that wait to be fetched now.
    pub inbox_messages: u64,
    /// Received messages that were discarded, since nobody read them.
    pub inbox_discarded: u64,
    /// The round trip, smoothed, in microseconds.
    pub round_trip_us: Option<u64>,
}

impl From<everwire::Stats> for Stats {
    fn from(stats: everwire::Stats) -> Self {
        let machine = stats.machine;
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Self {
            attempts: machine.attempts,
            connections: machine.connections,
            queued_messages: machine.queued_messages as u64,
            queued_bytes: machine.queued_bytes as u64,
            unproven_messages: machine.unproven_messages as u64,
            messages_sent: stats.messages_sent,
            messages_received: stats.messages_received,
            bytes_sent: stats.bytes_sent,
            bytes_received: stats.bytes_received,
            inbox_messages: stats.inbox_messages as u64,
            inbox_discarded: stats.inbox_discarded,
            round_trip_us: machine.smoothed_round_trip.map(micros),
        }
    }
}
