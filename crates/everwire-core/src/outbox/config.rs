use std::time::Duration;

use crate::{
    ConfigError,
    config::error::{check_count, check_duration},
};

/// Bounds on all messages without an outcome: queued, handed to the socket, or written and not proven.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct OutboxConfig {
    /// The most messages. Default 65,536. A message costs 56 bytes besides its payload, and some
    /// 200 more if there is something special about it ([`SendOptions`](crate::SendOptions), `max_age`).
    ///
    /// Too small: a short outage meets the overflow policy. Too large: memory, and a long queue of stale messages after
    /// an outage.
    pub max_messages: usize,
    /// The most payload bytes. Default 16 MiB. Also the largest message that can be sent.
    ///
    /// Too small: as with messages. Too large: the process holds this much while the peer is away.
    pub max_bytes: usize,
    /// The policy for a message for which there is no room. Default [`Overflow::Reject`].
    pub overflow: Overflow,
    /// The time for which a message may wait for a socket if its sender has not set a [time to
    /// live](crate::SendOptions::ttl) of its own. Default: none, as long as it takes. In a session it does not apply to
    /// messages that were handed to a connection before.
    ///
    /// Too short: an outage empties the outbox. Too long: the peer gets messages that nobody wants any more.
    pub max_age: Option<Duration>,
}

impl Default for OutboxConfig {
    fn default() -> Self {
        Self { max_messages: 65_536, max_bytes: 16 << 20, overflow: Overflow::Reject, max_age: None }
    }
}

impl OutboxConfig {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        check_count("outbox.max_messages", self.max_messages)?;
        check_count("outbox.max_bytes", self.max_bytes)?;
        self.max_age.map_or(Ok(()), |age| check_duration("outbox.max_age", age))
    }
}

/// The policy for a message for which there is no room.
///
/// Messages that were handed to the socket are never dropped: if they alone fill the outbox, `send` gives the new
/// message back, with any policy except [`DropNewest`](Self::DropNewest). A dropped message that was written to an
/// earlier connection ends as [`Unknown(Written)`](crate::Outcome::Unknown), since it may have arrived.
///
/// Waiting for room is not a policy of the outbox but up to the sender: with [`Reject`](Self::Reject), a driver can
/// offer a `send` that tries again at each [`Output::Room`](crate::Output::Room).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Overflow {
    /// `send` gives it back: for messages that must not be lost unnoticed.
    #[default]
    Reject,
    /// As many as needed of the messages that have waited longest are dropped, whatever their priority: for streams in
    /// which the latest counts. A message that took another's place by its key counts as having waited since that one.
    DropOldest,
    /// The new one is dropped: for streams in which what came first counts.
    DropNewest,
    /// As many as needed of the lowest priority in the queue are dropped, the oldest first. The new one is dropped if
    /// only messages of higher priority could make room for it.
    DropLowestPriority,
}

/// The delivery guarantee: how far delivery is proven to a plain peer, and what happens to the unproven when a
/// connection is lost.
///
/// What was not wholly written when the connection was lost can't have arrived, and is sent on the next one in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Guarantee {
    /// Nothing is proven: a message ends as `Unknown(Written)` as soon as the socket has it. No pings but the
    /// heartbeat's.
    Unproven,
    /// Arrival is proven by pings behind the messages. What is unproven when the connection is lost ends as
    /// `Unknown(Written)` and is never sent twice.
    ///
    /// A peer that answers no pings, against RFC 6455 section 5.5.2, proves nothing: messages have no outcome until the
    /// connection ends, and the outbox fills up.
    #[default]
    AtMostOnce,
    /// The same evidence; what is unproven when the connection is lost is sent again, first and in order. The peer may
    /// see messages twice.
    ///
    /// It ends as `Unknown(Written)` where sending it again proves nothing: when connections have died in silence five
    /// times with this message alone on its way, and when two connections were given up because the program took no
    /// message out of a full inbox ([`Loss::Unread`](crate::Loss::Unread)).
    AtLeastOnce,
}
