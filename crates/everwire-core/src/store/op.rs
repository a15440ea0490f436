use std::sync::Arc;

use everwire_ws::Message;

use crate::{MessageId, Priority};

/// The contents of a store: everything that a machine needs to continue after a crash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// The session, if there is one.
    pub session: Option<SavedSession>,
    /// The messages without an outcome, in the order of their numbers.
    pub messages: Vec<StoredMessage>,
}

/// The data that are needed to resume a session.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SavedSession {
    /// The session's id.
    pub id: String,
    /// The secret token that proves the right to resume it.
    pub token: String,
    /// The highest number that a connection of the session may have had.
    pub connection: u64,
    /// The highest sequence number of the peer's messages that is processed.
    pub processed: u64,
    /// The highest sequence number that a message to the peer has got.
    pub numbered: u64,
}

/// A message as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMessage {
    /// Its number, unique over the store's life.
    pub id: MessageId,
    /// Its place among the messages of its priority: its own number, or that of the message whose place it has taken.
    pub place: MessageId,
    /// Its sequence number in the session; it has one as soon as it may have been handed to a connection.
    pub seq: Option<u64>,
    /// Its priority.
    pub priority: Priority,
    /// The key for conflation.
    pub key: Option<Arc<str>>,
    /// The time when its time to live is over, in milliseconds since the Unix epoch.
    pub expires_at: Option<u64>,
    /// `true` if a connection of an earlier session may have delivered it.
    pub may_have_arrived: bool,
    /// The message.
    pub message: Message,
}

/// A change of a store's contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreOp {
    /// Keep this message, in place of any with its number. If it has a sequence number, that is given out.
    Put(StoredMessage),
    /// Give the messages `first..=last` the sequence numbers from `seq` on.
    Number {
        /// The first message.
        first: MessageId,
        /// The last message.
        last: MessageId,
        /// The sequence number of the first.
        seq: u64,
    },
    /// Take the sequence numbers of all messages away: their session is over.
    Unnumber {
        /// `true` if messages that had one may have arrived.
        may_have_arrived: bool,
    },
    /// Remove those of the messages `first..=last` that are kept.
    Remove {
        /// The first message.
        first: MessageId,
        /// The last message.
        last: MessageId,
    },
    /// Replace the session; `None`: there is none.
    Session(Option<SavedSession>),
    /// Note that the peer's messages are processed up to this sequence number.
    Processed(u64),
}

impl Saved {
    /// Performs a step. This defines the meaning of each, for stores to be compared with.
    pub fn apply(&mut self, op: StoreOp) {
        match op {
            StoreOp::Put(message) => {
                self.numbered(message.seq);
                match self.messages.binary_search_by_key(&message.id, |kept| kept.id) {
                    Ok(at) => self.messages[at] = message,
                    Err(at) => self.messages.insert(at, message),
                }
            }
            StoreOp::Number { first, last, seq } => {
                self.numbered(Some(seq + (last.0 - first.0)));
                for message in self.messages.iter_mut().filter(|kept| (first..=last).contains(&kept.id)) {
                    message.seq = Some(seq + (message.id.0 - first.0));
                }
            }
            StoreOp::Unnumber { may_have_arrived } => {
                for message in self.messages.iter_mut().filter(|kept| kept.seq.is_some()) {
                    message.seq = None;
                    message.may_have_arrived |= may_have_arrived;
                }
            }
            StoreOp::Remove { first, last } => self.messages.retain(|kept| !(first..=last).contains(&kept.id)),
            StoreOp::Session(session) => self.session = session,
            StoreOp::Processed(processed) => {
                if let Some(session) = &mut self.session {
                    session.processed = processed;
                }
            }
        }
    }

    fn numbered(&mut self, seq: Option<u64>) {
        if let (Some(session), Some(seq)) = (&mut self.session, seq) {
            session.numbered = session.numbered.max(seq);
        }
    }
}

/// The token is not shown.
impl std::fmt::Debug for SavedSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { id, token: _, connection, processed, numbered } = self;
        f.debug_struct("SavedSession")
            .field("id", id)
            .field("connection", connection)
            .field("processed", processed)
            .field("numbered", numbered)
            .finish_non_exhaustive()
    }
}
