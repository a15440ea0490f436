use crate::status::Status;
use crate::wire::{TextMessage, WireStatus};

/// A message as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Unique.
    pub id: String,
    /// The sender.
    pub user_id: String,
    /// The sender's name.
    pub user_name: String,
    /// The line.
    pub text: String,
    /// The time when it was sent, by the sender's clock: milliseconds since the Unix epoch.
    pub timestamp: i64,
    /// `true` if it is ours.
    pub own: bool,
    /// Its status. Of others' messages: always sent.
    pub status: Status,
    /// Its place in the room's history, where the server gives one.
    pub offset: Option<u64>,
    /// Messages that belong right before this one and are not here.
    pub missing: Option<Missing>,
}

/// A gap in the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The server has them, as far as is known.
    Unloaded {
        /// How many, at most.
        count: u64,
    },
    /// The server has removed them.
    Gone {
        /// How many.
        count: u64,
    },
}

impl Entry {
    /// As it goes over the wire.
    #[must_use]
    pub fn to_message(&self) -> TextMessage {
        TextMessage {
            id: self.id.clone(),
            user_id: self.user_id.clone(),
            user_name: self.user_name.clone(),
            text: self.text.clone(),
            timestamp: self.timestamp,
            status: WireStatus::Sent,
            offset: self.offset,
        }
    }

    pub(super) fn new(message: TextMessage, own: bool, status: Status) -> Self {
        let TextMessage { id, user_id, user_name, text, timestamp, status: _, offset } = message;
        Self { id, user_id, user_name, text, timestamp, own, status, offset, missing: None }
    }
}

/// A small step from one view of a timeline to the next, so that a UI need not draw everything again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A message is new at this place.
    Added {
        /// Its place, counted from the oldest.
        at: usize,
        /// The message.
        entry: Entry,
    },
    /// Older messages are new, in a row.
    Earlier {
        /// The place of the first of them.
        at: usize,
        /// The messages, oldest first.
        entries: Vec<Entry>,
    },
    /// The message at this place has another status, or another gap before it.
    Updated {
        /// Its place.
        at: usize,
        /// The message as it is now.
        entry: Entry,
    },
    /// A message stands somewhere else.
    Moved {
        /// Where it was.
        from: usize,
        /// Where it is once it has been taken out there.
        to: usize,
        /// The message as it is now.
        entry: Entry,
    },
    /// The message at this place was taken back, or deleted.
    Removed {
        /// Its place.
        at: usize,
        /// Which it was.
        id: String,
    },
    /// Entries have left at the front.
    Trimmed {
        /// How many.
        count: usize,
    },
}

impl Change {
    /// Does the step on a copy of the timeline that has taken all steps before. It is a `Vec`, since views draw slices
    /// of it; what leaves at its front moves the rest, which takes some 0.1 ms where there are 20,000.
    pub fn apply(self, copy: &mut Vec<Entry>) {
        match self {
            Self::Added { at, entry } => copy.insert(at.min(copy.len()), entry),
            Self::Earlier { at, entries } => {
                let at = at.min(copy.len());
                drop(copy.splice(at..at, entries));
            }
            Self::Updated { at, entry } => {
                if let Some(old) = copy.get_mut(at) {
                    *old = entry;
                }
            }
            Self::Moved { from, to, entry } => {
                if from < copy.len() {
                    copy.remove(from);
                    copy.insert(to.min(copy.len()), entry);
                }
            }
            Self::Removed { at, .. } => {
                if at < copy.len() {
                    copy.remove(at);
                }
            }
            Self::Trimmed { count } => drop(copy.drain(..count.min(copy.len()))),
        }
    }
}
