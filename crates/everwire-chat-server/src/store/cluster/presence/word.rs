//! What nodes say.

use everwire_chat_core::wire::{Receipt, Typing, User};
use serde::{Deserialize, Serialize};

use crate::domain::{Furthest, StoredReceipts};

/// A node's word.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Word {
    pub(super) node: String,
    #[serde(flatten)]
    pub(super) what: What,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(super) enum What {
    /// All users of a room on this node. `round`: part of telling of all rooms; then with how far its messages have come.
    Here {
        room: String,
        users: Vec<User>,
        round: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        marks: Option<Marks>,
    },
    /// All rooms have been told of.
    Round {
        round: u64,
    },
    /// The node ends.
    Gone,
    Typing {
        room: String,
        typing: Typing,
    },
    Binary {
        room: String,
        data: String,
    },
    Receipt {
        room: String,
        user: String,
        receipt: Receipt,
    },
    /// A user has come into this room, about which other nodes may know more.
    Ask {
        room: String,
    },
    /// What is known of it.
    Marks {
        room: String,
        marks: Marks,
    },
}

/// How far a room's messages have come.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Marks {
    delivered: Mark,
    read: Mark,
}

#[derive(Debug, Serialize, Deserialize)]
struct Mark {
    user: String,
    offset: u64,
    others: u64,
}

impl Marks {
    /// `None`: nobody has anything.
    pub(super) fn of(receipts: StoredReceipts) -> Option<Self> {
        if receipts == StoredReceipts::default() {
            return None;
        }
        let mark = |Furthest { user, offset, others }| Mark { user, offset, others };
        Some(Self { delivered: mark(receipts.delivered), read: mark(receipts.read) })
    }

    pub(super) fn receipts(self) -> StoredReceipts {
        let furthest = |Mark { user, offset, others }| Furthest { user, offset, others };
        StoredReceipts { delivered: furthest(self.delivered), read: furthest(self.read) }
    }
}
