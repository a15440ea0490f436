use std::{sync::Arc, time::Duration};

/// The options of a message. The default is what `send` without options does: no time to live, normal priority, no key.
///
/// ```
/// use std::time::Duration;
/// use everwire_core::{Priority, SendOptions};
///
/// // A price that is worth sending for two seconds, and of which only the latest matters.
/// let options = SendOptions::new().ttl(Duration::from_secs(2)).key("EUR/USD").priority(Priority::High);
/// # let _ = options;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SendOptions {
    pub(crate) ttl: Option<Duration>,
    pub(crate) priority: Priority,
    pub(crate) key: Option<Arc<str>>,
}

impl SendOptions {
    /// The default options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The time for which the message may wait for a socket. Default:
    /// [`OutboxConfig::max_age`](crate::OutboxConfig::max_age), which this replaces, be it shorter or longer. With zero
    /// the message expires unless the connection takes it at once.
    ///
    /// A message that is still queued then ends as [`Expired`](crate::Outcome::Expired), connected or not. One that has
    /// been handed to a connection does not expire; if it comes back to the queue because the connection was lost, its
    /// time counts again, from the `send` on, and if it may have arrived it ends as
    /// [`Unknown(Written)`](crate::Outcome::Unknown). In a session a message gets a number when it is first handed to a
    /// connection, and numbers can't be left out: from then on it does not expire, as long as the session lives.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// The priority of the message. Default [`Priority::Normal`].
    #[must_use]
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Names what the message is about: of the queued messages with the same key only the latest is kept (conflation).
    ///
    /// The older one ends as [`Dropped(Conflated)`](crate::DropPolicy::Conflated), or as
    /// [`Unknown(Written)`](crate::Outcome::Unknown) if an earlier connection has had it. The newer one takes its place
    /// in the queue (at the end of the queue, a key that changes faster than the connection sends would never be sent).
    /// Only if the two differ in priority does the newer one queue at the end of its own level. A message that was
    /// handed to a connection is never conflated; if it comes back to the queue, it is dropped in favour of a newer one
    /// with its key there.
    ///
    /// Keys are compared as they are. They are not counted among the outbox's bytes, so keep them short; an
    /// `Arc<str>` that is used again costs no copy.
    #[must_use]
    pub fn key(mut self, key: impl Into<Arc<str>>) -> Self {
        self.key = Some(key.into());
        self
    }
}

/// The priority of a message among those that are queued.
///
/// Within a level messages go in the order of `send`, and one that comes back to the queue because its connection was
/// lost keeps its place there. Between levels there is no order but this: whatever is queued in a higher one goes
/// before everything in a lower one, so that a higher level that is always busy starves a lower one. Messages that were
/// handed to a connection keep the order in which they were handed over. In a session the peer processes messages in
/// that order too.
///
/// One exception: messages that were under way when the peer closed with a code that blames one of them (1003, 1007,
/// 1009) go first and one by one, until the one at fault is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Priority {
    /// Before all others.
    High,
    /// The priority of messages that are sent by `send`.
    #[default]
    Normal,
    /// Sent when nothing else waits.
    Low,
}

impl Priority {
    /// In the order of going out.
    pub(crate) const ALL: [Self; 3] = [Self::High, Self::Normal, Self::Low];
}
