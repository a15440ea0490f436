//! Messages that are worth something only now: sent if there is a connection, never again, and no proof is sought.

use std::collections::VecDeque;

use everwire_ws::Message;

use super::{Entry, Outbox};
use crate::{DropPolicy, MessageId, Outcome, Outgoing, Stage, outputs::Outputs, session::Prefix};

const MAX_MESSAGES: usize = 1024;
const MAX_BYTES: usize = 1 << 20;

#[derive(Debug, Default)]
pub(super) struct Volatile {
    queued: VecDeque<Entry>,
    queued_bytes: usize,
    /// Those taken, each with the number of its unit.
    taken: VecDeque<(u64, MessageId)>,
}

impl Volatile {
    pub(super) fn is_empty(&self) -> bool {
        self.queued.is_empty()
    }

    pub(super) fn is_queued(&self, id: MessageId) -> bool {
        self.find(id).is_some()
    }

    pub(super) fn is_taken(&self, id: MessageId) -> bool {
        self.taken.binary_search_by_key(&id, |(_, taken)| *taken).is_ok()
    }

    pub(super) fn remove(&mut self, id: MessageId) -> Option<Entry> {
        let entry = self.queued.remove(self.find(id)?)?;
        self.queued_bytes -= entry.message.len();
        Some(entry)
    }

    /// Whether any was taken and is not yet known to be written.
    pub(super) fn is_on_its_way(&self) -> bool {
        !self.taken.is_empty()
    }

    /// Puts another message into the entry and gives the earlier one back, or the new one if there is no room.
    pub(super) fn replace(&mut self, id: MessageId, message: Message) -> Result<Message, Message> {
        let Some(entry) = self.find(id).and_then(|index| self.queued.get_mut(index)) else { return Err(message) };
        let bytes = self.queued_bytes - entry.message.len() + message.len();
        if bytes > MAX_BYTES {
            return Err(message);
        }
        self.queued_bytes = bytes;
        Ok(std::mem::replace(&mut entry.message, message))
    }

    fn find(&self, id: MessageId) -> Option<usize> {
        self.queued.binary_search_by_key(&id, |entry| entry.id).ok()
    }

    fn pop(&mut self) -> Option<Entry> {
        let entry = self.queued.pop_front()?;
        self.queued_bytes -= entry.message.len();
        Some(entry)
    }
}

impl Outbox {
    /// Appends a volatile message. At the bound the oldest of its kind are dropped; without a connection, itself.
    pub(crate) fn push_volatile(&mut self, message: Message, connected: bool, outputs: &mut Outputs) -> MessageId {
        let id = self.next_id();
        if !connected || message.len() > MAX_BYTES {
            outputs.outcome(id, id, Outcome::Dropped(DropPolicy::NotConnected));
            outputs.dispose(message);
            return id;
        }
        self.volatile.queued_bytes += message.len();
        self.volatile.queued.push_back(Entry::new(id, message));
        while self.volatile.queued.len() > MAX_MESSAGES || self.volatile.queued_bytes > MAX_BYTES {
            let Some(oldest) = self.volatile.pop() else { break };
            self.counts.dropped += 1;
            outputs.outcome(oldest.id, oldest.id, Outcome::Dropped(DropPolicy::Oldest));
            outputs.dispose(oldest.message);
        }
        id
    }

    /// Hands them to `encode`. Says how many it took, and whether it took all.
    pub(super) fn take_volatile(
        &mut self,
        outputs: &mut Outputs,
        encode: &mut dyn FnMut(Outgoing<'_>) -> bool,
    ) -> (usize, bool) {
        let prefix = if self.session.is_some() { Prefix::VOLATILE } else { Prefix::NONE };
        let mut taken = 0;
        while let Some(entry) = self.volatile.queued.front() {
            if !encode(Outgoing { prefix, message: &entry.message }) {
                return (taken, false);
            }
            let unit = self.in_flight.end_frame(0);
            if let Some(entry) = self.volatile.pop() {
                self.volatile.taken.push_back((unit, entry.id));
                outputs.dispose(entry.message);
            }
            taken += 1;
        }
        (taken, true)
    }

    /// What is wholly written is all that will be known.
    pub(super) fn volatile_written(&mut self, outputs: &mut Outputs) {
        let reported = self.in_flight.units_reported();
        while self.volatile.taken.front().is_some_and(|(unit, _)| *unit <= reported)
            && let Some((_, id)) = self.volatile.taken.pop_front()
        {
            outputs.outcome(id, id, Outcome::Unknown(Stage::Written));
        }
    }

    /// The connection is closed in order: what it was given is written yet.
    pub(super) fn volatile_left_behind(&mut self, outputs: &mut Outputs) {
        for (_, id) in std::mem::take(&mut self.volatile.taken) {
            outputs.outcome(id, id, Outcome::Unknown(Stage::Written));
        }
    }

    /// The connection is lost: what was not wholly written has not arrived.
    pub(super) fn volatile_lost(&mut self, outputs: &mut Outputs) {
        let volatile = std::mem::take(&mut self.volatile);
        for (_, id) in volatile.taken {
            outputs.outcome(id, id, Outcome::Dropped(DropPolicy::NotConnected));
        }
        for entry in volatile.queued {
            outputs.outcome(entry.id, entry.id, Outcome::Dropped(DropPolicy::NotConnected));
            outputs.dispose(entry.message);
        }
    }
}
