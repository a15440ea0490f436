use std::sync::Arc;

use everwire_ws::Message;

use crate::{MessageId, Priority};

/// The contents of a store: all that a machine needs to go on after a crash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// The session, if there is one.
    pub session: Option<SavedSession>,
    /// The messages whose outcome is open, by their numbers.
    pub messages: Vec<StoredMessage>,
}

/// The data that it takes to resume a session.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SavedSession {
    /// The id or number.
    pub id: String,
    /// The secret that proves that it is ours.
    pub token: String,
    /// No connection of the session has had a number above this one.
    pub connection: u64,
    /// Up to which sequence number the peer's messages are processed.
    pub processed: u64,
    /// The highest sequence number that a message of ours has got.
    pub numbered: u64,
}

/// A message as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMessage {
    /// Its number, unique over the store's life.
    pub id: MessageId,
    /// Its place among those of its priority: its number, or that of one whose place it has taken.
    pub place: MessageId,
    /// Its sequence number in the session, from the moment on at which a connection may have been given it.
    pub seq: Option<u64>,
    /// Its level.
    pub priority: Priority,
    /// The key for conflation.
    pub key: Option<Arc<str>>,
    /// The time when its time to live is over, in milliseconds since the Unix epoch.
    pub expires_at: Option<u64>,
    /// A connection of an earlier session may have brought it there.
    pub may_have_arrived: bool,
    /// The message.
    pub message: Message,
}

/// A step from what is saved to what is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreOp {
    /// This message is kept, in place of any with its number. A sequence number in it counts as given out.
    Put(StoredMessage),
    /// The messages `first..=last` have the sequence numbers from `seq` on, which count as given out.
    Number {
        /// The first message.
        first: MessageId,
        /// The last message.
        last: MessageId,
        /// The sequence number of the first.
        seq: u64,
    },
    /// The session is over: its messages have no sequence numbers any more.
    Unnumber {
        /// Those that had one may have arrived.
        may_have_arrived: bool,
    },
    /// Those of the messages `first..=last` that are there are kept no longer.
    Remove {
        /// The first message.
        first: MessageId,
        /// The last message.
        last: MessageId,
    },
    /// This is the session now; none: there is none.
    Session(Option<SavedSession>),
    /// The peer's messages are processed up to this sequence number.
    Processed(u64),
}

impl Saved {
    /// Does a step: the meaning of each, for stores to be compared with.
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
