//! What the open connection has been given: one queue with cursors.
//!
//! Positions count messages from a start: `proven <= written <= taken <= end`. The queue holds `proven..end`.
//!
//! On a plain connection they count from its start, and everything is taken as it comes. In a session they count from
//! the session's start, so that a message's position is its sequence number less one; what is left when a connection is
//! lost stays here and is taken again on the next.

mod invariant;

use std::collections::VecDeque;

use everwire_ws::Message;

use super::{Entry, IDLE};
use crate::{MessageId, Outcome, outputs::Outputs, session::Limits};

#[derive(Debug, Default)]
pub(crate) struct InFlight {
    entries: VecDeque<Entry>,
    /// Their numbers do not grow throughout: levels, or conflation.
    mixed: bool,
    bytes: usize,
    /// Of those that this connection was given.
    taken_bytes: usize,
    proven: u64,
    written: u64,
    taken: u64,
    /// What was written to any connection of the session.
    ever_written: u64,
    /// What any connection of the session was given.
    ever_taken: u64,
    /// What the driver has reported as written. A pong can be ahead of it.
    reported: u64,
    /// The sizes of the frames not yet reported as written, where some hold several messages.
    frames: VecDeque<usize>,
    /// The messages not yet reported that are in no entry of `frames`: those in front of it, each a frame of its own.
    singles: u64,
    /// Frames of this connection, whatever they hold.
    units_taken: u64,
    units_reported: u64,
}

impl InFlight {
    /// Gives these their places, to be taken later.
    pub(crate) fn stage(&mut self, entries: impl Iterator<Item = Entry>) {
        let before = self.entries.len();
        let mut latest = self.entries.back().map_or(MessageId(0), |entry| entry.id);
        self.mixed &= before > 0;
        self.entries.extend(entries);
        for entry in self.entries.range(before..) {
            self.bytes += entry.message.len();
            self.mixed |= entry.id < latest;
            latest = entry.id;
        }
    }

    /// Takes these over, as given to the connection.
    pub(crate) fn extend(&mut self, entries: impl Iterator<Item = Entry>) {
        self.stage(entries);
        (self.taken, self.taken_bytes) = (self.end(), self.bytes);
        self.ever_taken = self.taken;
    }

    /// What a process before this one has left, behind the position `before`. All of it may have been written.
    pub(crate) fn restore(&mut self, before: u64, entries: impl Iterator<Item = Entry>) {
        (self.proven, self.written, self.taken, self.reported) = (before, before, before, before);
        self.stage(entries);
        (self.ever_written, self.ever_taken) = (self.end(), self.end());
        self.check();
    }

    /// The next message that has a sequence number and was not taken on this connection, up to the position `gate` and as
    /// far as the peer is ready for it, and its number.
    pub(crate) fn next_again(&self, gate: u64, limits: &Limits) -> Option<(u64, &Message)> {
        if !self.has_untaken(gate, limits) {
            return None;
        }
        let entry = self.entries.get(self.index(self.taken))?;
        Some((self.taken + 1, &entry.message))
    }

    /// That message is taken, in a frame of its own. Whether an earlier connection has had it.
    pub(crate) fn take_again(&mut self) -> bool {
        let again = self.taken < self.ever_taken;
        self.pass(1);
        self.end_singles(1);
        again
    }

    /// Counts this many more messages as given to this connection.
    fn pass(&mut self, messages: u64) {
        let from = self.index(self.taken);
        self.taken += messages;
        let to = self.index(self.taken);
        self.taken_bytes += self.entries.range(from..to).map(|entry| entry.message.len()).sum::<usize>();
        self.ever_taken = self.ever_taken.max(self.taken);
    }

    /// The connection is lost, the session goes on: everything unproven is taken again on the next one.
    pub(crate) fn rewind(&mut self) {
        (self.written, self.taken, self.reported) = (self.proven, self.proven, self.proven);
        self.taken_bytes = 0;
        self.singles = 0;
        self.frames.clear();
        (self.units_taken, self.units_reported) = (0, 0);
        self.check();
    }

    pub(crate) fn proven(&self) -> u64 {
        self.proven
    }

    pub(crate) fn units_reported(&self) -> u64 {
        self.units_reported
    }

    /// The peer has processed everything up to this position, which may be beyond what this connection was given.
    pub(crate) fn skip_to(&mut self, position: u64) {
        let skipped = position.min(self.end()).saturating_sub(self.taken);
        if skipped == 0 {
            return;
        }
        self.pass(skipped);
        // What is skipped counts with the last frame that is not reported yet.
        match self.frames.back_mut() {
            Some(messages) => *messages += skipped as usize,
            None if self.singles > 0 => {
                self.singles -= 1;
                self.frames.push_back(1 + skipped as usize);
            }
            None => self.reported = self.taken,
        }
        self.check();
    }

    /// The last `messages` taken over are a frame each.
    pub(crate) fn end_singles(&mut self, messages: usize) {
        self.units_taken += messages as u64;
        if self.frames.is_empty() {
            self.singles += messages as u64;
        } else {
            self.frames.extend(std::iter::repeat_n(1, messages));
        }
        self.check();
    }

    /// The last `messages` taken over make up one frame, whose number on this connection is returned.
    pub(crate) fn end_frame(&mut self, messages: usize) -> u64 {
        self.frames.push_back(messages);
        self.units_taken += 1;
        self.check();
        self.units_taken
    }

    /// `units` more frames are wholly written. More than there are is taken for all of them.
    pub(crate) fn report_written(&mut self, units: usize, outputs: &mut Outputs) {
        self.units_reported = self.units_taken.min(self.units_reported.saturating_add(units as u64));
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
        self.ever_written = self.ever_written.max(position);
        self.check();
    }

    /// Everything that is written, at most up to this position, ends with this outcome. How many those are.
    pub(crate) fn resolve(&mut self, position: u64, outcome: Outcome, outputs: &mut Outputs) -> usize {
        let ended = self.tell_ended(position, outcome, outputs);
        outputs.dispose_all(self.entries.drain(..ended).map(|entry| entry.message));
        self.check();
        ended
    }

    /// The same, and gives the messages back.
    pub(crate) fn give_back(
        &mut self,
        position: u64,
        outcome: Outcome,
        outputs: &mut Outputs,
    ) -> impl Iterator<Item = Message> + use<'_> {
        let ended = self.tell_ended(position, outcome, outputs);
        self.entries.drain(..ended).map(|entry| entry.message)
    }

    fn tell_ended(&mut self, position: u64, outcome: Outcome, outputs: &mut Outputs) -> usize {
        let position = position.clamp(self.proven, self.written);
        self.ranges(self.proven, position, |first, last| outputs.outcome(first, last, outcome));
        let ended = self.index(position);
        // What is written was taken.
        let bytes = self.entries.iter().take(ended).map(|entry| entry.message.len()).sum::<usize>();
        self.bytes -= bytes;
        self.taken_bytes -= bytes;
        self.proven = position;
        ended
    }

    /// The numbers of the messages between two positions, as ranges.
    fn ranges(&self, from: u64, to: u64, mut tell: impl FnMut(MessageId, MessageId)) {
        if from >= to {
            return;
        }
        let (from, to) = (self.index(from), self.index(to));
        let mut entries = self.entries.range(from..to);
        let (Some(first), Some(last)) = (entries.next(), self.entries.get(to - 1)) else { return };
        if !self.mixed && last.id.0 - first.id.0 == (to - from - 1) as u64 {
            return tell(first.id, last.id);
        }
        let (mut first, mut last) = (first.id, first.id);
        for entry in entries {
            if entry.id.0 != last.0 + 1 {
                tell(first, last);
                first = entry.id;
            }
            last = entry.id;
        }
        tell(first, last);
    }

    /// Where in the queue a position from `proven` to `taken` is.
    fn index(&self, position: u64) -> usize {
        usize::try_from(position - self.proven).map_or(self.entries.len(), |index| index.min(self.entries.len()))
    }

    /// Everything that is left, in order. The next connection counts from zero.
    pub(crate) fn drain(&mut self) -> impl DoubleEndedIterator<Item = Entry> + use<> {
        std::mem::take(self).entries.into_iter()
    }

    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// The position behind the last message.
    pub(crate) fn end(&self) -> u64 {
        self.proven + self.entries.len() as u64
    }

    /// How many wait to be taken again.
    pub(crate) fn again_len(&self) -> usize {
        self.index(self.ever_taken.max(self.taken)) - self.index(self.taken)
    }

    /// Whether one up to the position `gate` waits to be taken, and the peer is ready for it.
    pub(crate) fn has_untaken(&self, gate: u64, limits: &Limits) -> bool {
        let unproven = self.index(self.taken);
        self.taken < gate.min(self.end()) && limits.admit(unproven, self.taken_bytes as u64)
    }

    /// The message with this sequence number.
    pub(crate) fn numbered(&self, seq: u64) -> Option<&Entry> {
        let position = seq.checked_sub(1).filter(|position| *position >= self.proven)?;
        self.entries.get(self.index(position))
    }

    pub(crate) fn get(&self, id: MessageId) -> Option<&Entry> {
        if self.mixed {
            return self.entries.iter().find(|entry| entry.id == id);
        }
        let at = self.entries.binary_search_by_key(&id, |entry| entry.id).ok()?;
        self.entries.get(at)
    }

    /// What is taken may yet be written without a word.
    pub(crate) fn expect_written(&mut self) {
        self.ever_written = self.ever_written.max(self.taken);
        self.check();
    }

    /// What any connection of the session has written counts as written: it may have arrived.
    pub(crate) fn assume_written(&mut self) {
        self.written = self.written.max(self.ever_written);
        // The present connection may not have come so far.
        let behind = self.written.saturating_sub(self.taken);
        self.pass(behind);
        self.reported += behind;
        self.check();
    }

    pub(crate) fn written_len(&self) -> usize {
        self.index(self.written)
    }

    /// What is written keeps in mind that it may have arrived, wherever it goes from here.
    pub(crate) fn remember_written(&mut self) {
        let written = self.written_len();
        self.entries.iter_mut().take(written).for_each(Entry::set_may_have_arrived);
    }

    /// The first, if it is written.
    pub(crate) fn first_written(&self) -> Option<MessageId> {
        self.entries.front().filter(|_| self.written_len() > 0).map(|entry| entry.id)
    }

    /// The peer may be busy with one of them, and answer nothing meanwhile.
    pub(crate) fn suspect(&mut self) {
        self.entries.iter_mut().for_each(Entry::set_suspect);
    }

    /// The only one, if there is exactly one.
    pub(crate) fn only(&self) -> Option<&Entry> {
        self.entries.front().filter(|_| self.entries.len() == 1)
    }

    /// Whether the peer may have blamed what is on its way: then it is alone there.
    pub(crate) fn is_suspected(&self) -> bool {
        self.entries.front().is_some_and(Entry::is_suspect)
    }

    pub(crate) fn contains(&self, id: MessageId) -> bool {
        self.get(id).is_some()
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
