use everwire::json::{self, Object};
use everwire_chat_core::timeline::Entry;
use everwire_chat_core::wire::{Position, Receipt, TextMessage, receipt, text_message};
use serde::{Deserialize, Serialize};

use super::room::Inner;

/// The knowledge of a client of its room, to be kept by a program and given to its next client: the last messages are
/// there at once, without a connection, and only what came since is asked for. Messages that wait to be sent are not in
/// it; a [store](everwire::Builder::store) keeps those.
///
/// ```
/// use everwire_chat::Memory;
///
/// let json = Memory::default().to_json();
/// assert_eq!(Memory::from_json(&json), Some(Memory::default()));
/// assert_eq!(Memory::from_json("of another version"), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Which history the offsets belong to.
    epoch: String,
    /// Up to where everything is known.
    offset: u64,
    /// The last messages, oldest first.
    messages: Vec<TextMessage>,
    /// How far others have ours.
    receipt: Receipt,
    /// How far we have theirs.
    had: Receipt,
    /// How far our user has read, on any device.
    #[serde(default)]
    read: u64,
}

/// Messages in it at most.
const MOST: usize = 200;

impl Memory {
    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings and numbers in structs: there is nothing in it that JSON can't hold.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// From JSON; `None` if it is none of these, and then a client is better off without.
    #[must_use]
    pub fn from_json(json: &str) -> Option<Self> {
        let json = json::read(json).ok()?;
        let fields = Object::of(&json)?;
        Some(Self {
            epoch: fields.text("epoch").ok()?.to_owned(),
            offset: fields.number("offset").ok()?,
            messages: fields.objects("messages", text_message).ok()?,
            receipt: receipt(fields.object("receipt").ok()?).ok()?,
            had: receipt(fields.object("had").ok()?).ok()?,
            read: fields.number_or("read", 0).ok()?,
        })
    }
}

impl Inner {
    pub(super) fn memory(&self) -> Option<Memory> {
        let Position { epoch, offset } = self.position()?;
        let stored = self.timeline.entries().rev().filter(|entry| entry.offset.is_some());
        let mut messages: Vec<_> = stored.take(MOST).map(Entry::to_message).collect();
        messages.reverse();
        let read = self.read_position(0).offset;
        Some(Memory { epoch, offset, messages, receipt: self.timeline.receipt(), had: self.had, read })
    }

    pub(super) fn recall(&mut self, memory: Memory, me: &str) {
        let Memory { epoch, offset, messages, receipt, had, read } = memory;
        for message in messages {
            let own = message.user_id == me;
            self.timeline.on_text(message, own);
        }
        self.timeline.on_receipt(receipt);
        self.had = had;
        self.recall_read(read);
        if !epoch.is_empty() {
            (self.epoch, self.seen) = (Some(epoch), Some(offset));
        }
    }
}
