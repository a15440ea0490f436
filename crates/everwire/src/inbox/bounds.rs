//! How much may be received and not yet consumed.

/// Bounds over what has been received and not yet been consumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
}

/// What a reader owes to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Nothing.
    Plain,
    /// Word on what is processed: each message when the next is asked for, or when the reader says so.
    Session { manual_acks: bool },
}

/// Which of the two limits holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// The user's bounds.
    Usual,
    /// Something that the user has sent waits for what comes behind the messages: evidence, or room in the outbox. It must
    /// not wait for the user alone, who may well wait for it.
    Hard,
}

/// How much the driver may read before the mailbox is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
}

/// The most that is read is the user's bounds times these factors, …
const HARD_MESSAGES_FACTOR: usize = 64;
const HARD_BYTES_FACTOR: usize = 4;
/// … but at least these values.
const HARD_MESSAGES: usize = 1 << 16;
const HARD_BYTES: usize = 64 << 20;

impl Bounds {
    /// In a session its own limits bound the messages, and a peer that keeps to them never meets this one; its
    /// acknowledgements come the same way as the messages.
    pub(crate) fn within(self, limit: Limit, reading: Reading) -> Self {
        let bytes = self.bytes.saturating_mul(HARD_BYTES_FACTOR).max(HARD_BYTES);
        match (reading, limit) {
            (Reading::Plain, Limit::Usual) => self,
            (Reading::Plain, Limit::Hard) => {
                Self { messages: self.messages.saturating_mul(HARD_MESSAGES_FACTOR).max(HARD_MESSAGES), bytes }
            }
            (Reading::Session { .. }, Limit::Usual | Limit::Hard) => Self { messages: usize::MAX, bytes },
        }
    }
}

impl Room {
    pub(crate) const UNBOUNDED: Self = Self { messages: usize::MAX, bytes: usize::MAX };

    pub(crate) fn is_none(self) -> bool {
        self.messages == 0 || self.bytes == 0
    }
}
