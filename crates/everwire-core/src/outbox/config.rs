use crate::{ConfigError, config::check_count};

/// Bounds over everything whose outcome is still open: queued, handed to the socket, written and not proven.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct OutboxConfig {
    /// The most messages. Default 65,536. A message costs 48 bytes besides its payload.
    pub max_messages: usize,
    /// The most payload bytes. Default 16 MiB. Also the largest message that can be sent.
    pub max_bytes: usize,
    /// What happens to a message for which there is no room. Default [`Overflow::Reject`].
    pub overflow: Overflow,
}

impl Default for OutboxConfig {
    fn default() -> Self {
        Self { max_messages: 65_536, max_bytes: 16 << 20, overflow: Overflow::Reject }
    }
}

impl OutboxConfig {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        check_count("outbox.max_messages", self.max_messages)?;
        check_count("outbox.max_bytes", self.max_bytes)
    }
}

/// What happens to a message for which there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Overflow {
    /// `send` gives it back.
    #[default]
    Reject,
    /// As many of the oldest queued ones as needed are dropped, with that outcome; those that were written to an earlier
    /// connection end as unknown instead, since they may have arrived. What is handed to the socket is never dropped: if
    /// it alone fills the outbox, `send` gives the message back.
    DropOldest,
    /// The new one is dropped, with that outcome.
    DropNewest,
}

/// How far delivery is proven to a plain peer, and what happens to the unproven when a connection is lost.
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
    /// A peer that answers no pings (it breaks RFC 6455 section 5.5.2) proves nothing: the outbox fills up.
    #[default]
    AtMostOnce,
    /// The same evidence; what is unproven when the connection is lost is sent again, first and in order. The peer may
    /// see messages twice.
    AtLeastOnce,
}
