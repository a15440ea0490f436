//! What the open connection has been given: one queue with cursors.
//!
//! Positions count the messages of this connection from its start: `proven <= written <= taken`. The queue holds
//! `proven..taken`.

use std::collections::VecDeque;

use everwire_ws::Message;

use super::{Entry, IDLE};
use crate::{MessageId, Outcome, outputs::Outputs};

#[derive(Debug, Default)]
pub(crate) struct InFlight {
    entries: VecDeque<Entry>,
    bytes: usize,
    proven: u64,
    written: u64,
    /// What the driver has reported as written. A pong can be ahead of it.
    reported: u64,
    /// The sizes of the frames not yet reported as written, where some hold several messages.
    frames: VecDeque<usize>,
    /// The messages not yet reported that are in no entry of `frames`: those in front of it, each a frame of its own.
    singles: u64,
}

impl InFlight {
    /// Takes these over, and says how many bytes they have.
    pub(crate) fn extend(&mut self, entries: impl Iterator<Item = Entry>) -> usize {
        let mut bytes = 0;
        self.entries.extend(entries.inspect(|entry| bytes += entry.message.len()));
        self.bytes += bytes;
        bytes
    }

    /// The last `messages` taken over are a frame each.
    pub(crate) fn end_singles(&mut self, messages: usize) {
        if self.frames.is_empty() {
            self.singles += messages as u64;
        } else {
            self.frames.extend(std::iter::repeat_n(1, messages));
        }
    }

    /// The last `messages` taken over make up one frame.
    pub(crate) fn end_frame(&mut self, messages: usize) {
        self.frames.push_back(messages);
    }

    /// `units` more frames are wholly written. More than there are is taken for all of them.
    pub(crate) fn report_written(&mut self, units: usize, outputs: &mut Outputs) {
        let singles = self.singles.min(units as u64);
        self.singles -= singles;
        self.reported += singles;
        for _ in singles..units as u64 {
            let Some(messages) = self.frames.pop_front() else { break };
            self.reported += messages as u64;
        }
        self.mark_written(self.reported, outputs);
    }

    /// Everything up to this position is written.
    pub(crate) fn mark_written(&mut self, position: u64, outputs: &mut Outputs) {
        let position = position.min(self.taken());
        self.ranges(self.written, position, |first, last| outputs.written(first, last));
        self.written = self.written.max(position);
    }

    /// Everything that is written, at most up to this position, ends with this outcome.
    pub(crate) fn resolve(
        &mut self,
        position: u64,
        outcome: Outcome,
        outputs: &mut Outputs,
    ) -> impl ExactSizeIterator<Item = Message> {
        let position = position.clamp(self.proven, self.written);
        self.ranges(self.proven, position, |first, last| outputs.outcome(first, last, outcome));
        let ended = self.index(position);
        self.bytes -= self.entries.iter().take(ended).map(|entry| entry.message.len()).sum::<usize>();
        self.proven = position;
        self.entries.drain(..ended).map(|entry| entry.message)
    }

    /// The numbers of the messages between two positions, as ranges.
    fn ranges(&self, from: u64, to: u64, mut tell: impl FnMut(MessageId, MessageId)) {
        if from >= to {
            return;
        }
        let (from, to) = (self.index(from), self.index(to));
        let (Some(first), Some(last)) = (self.entries.get(from), self.entries.get(to - 1)) else { return };
        if last.id.0 - first.id.0 == (to - from - 1) as u64 {
            tell(first.id, last.id);
        } else {
            self.entries.range(from..to).for_each(|entry| tell(entry.id, entry.id));
        }
    }

    /// Where in the queue a position from `proven` to `taken` is.
    fn index(&self, position: u64) -> usize {
        usize::try_from(position - self.proven).map_or(self.entries.len(), |index| index.min(self.entries.len()))
    }

    /// Everything that is left, the newest first. The next connection counts from zero.
    pub(crate) fn drain_newest_first(&mut self) -> impl Iterator<Item = Entry> {
        std::mem::take(self).entries.into_iter().rev()
    }

    pub(crate) fn taken(&self) -> u64 {
        self.proven + self.entries.len() as u64
    }

    pub(crate) fn written_len(&self) -> usize {
        self.index(self.written)
    }

    pub(crate) fn last_written(&self) -> Option<MessageId> {
        self.entries.get(self.written_len().checked_sub(1)?).map(|entry| entry.id)
    }

    pub(crate) fn oldest(&self) -> Option<MessageId> {
        self.entries.front().map(|entry| entry.id)
    }

    pub(crate) fn newest(&self) -> Option<MessageId> {
        self.entries.back().map(|entry| entry.id)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.entries.capacity()
    }

    pub(crate) fn relax(&mut self) {
        if self.entries.capacity() > IDLE && self.entries.len() < self.entries.capacity() / 4 {
            self.entries.shrink_to((self.entries.len() * 2).max(IDLE));
        }
        if self.frames.is_empty() && self.frames.capacity() > IDLE {
            self.frames = VecDeque::new();
        }
    }
}
