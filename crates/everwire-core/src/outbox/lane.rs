//! One level of what waits, in the order of [places](Entry::place).
//!
//! What is taken out of the middle leaves its slot behind, empty, until such slots are half of all, or come to an end of the
//! level: to close up each time would cost a move of all that stand behind. Neither end is ever empty.

use std::collections::{BTreeSet, VecDeque, vec_deque};
use std::mem::ManuallyDrop;

use everwire_ws::Message;

use super::{Entry, IDLE};
use crate::MessageId;

/// So near to an end a slot is closed up at once.
const NEAR: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Lane {
    slots: VecDeque<Entry>,
    /// Places of the slots that are empty.
    empty: BTreeSet<MessageId>,
    bytes: usize,
}

impl Lane {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.empty.len()
    }

    #[inline]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Where room is made before there is anything to be dropped if that fails, an entry goes from the processor's registers
    /// into its slot. By way of the stack it would be stored there in words and at once loaded again in pairs of them, and each
    /// such load waits for the stores.
    #[inline]
    pub(super) fn push_back(&mut self, entry: Entry) {
        self.bytes += entry.message.len();
        let entry = ManuallyDrop::new(entry);
        while self.slots.len() == self.slots.capacity() {
            self.grow();
        }
        self.slots.push_back(ManuallyDrop::into_inner(entry));
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        self.slots.reserve(1);
    }

    pub(super) fn push_front(&mut self, entry: Entry) {
        self.bytes += entry.message.len();
        self.slots.push_front(entry);
    }

    /// Appends entries whose messages have `bytes` bytes together.
    pub(super) fn extend(&mut self, entries: impl Iterator<Item = Entry>, bytes: usize) {
        self.bytes += bytes;
        self.slots.extend(entries);
    }

    #[inline]
    pub(super) fn front(&self) -> Option<&Entry> {
        self.slots.front()
    }

    pub(super) fn back(&self) -> Option<&Entry> {
        self.slots.back()
    }

    #[inline]
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        let all = self.empty.is_empty();
        self.slots.iter().filter(move |entry| all || !self.is_empty_slot(entry))
    }

    #[inline(never)] // out of the way of levels without any
    fn is_empty_slot(&self, entry: &Entry) -> bool {
        self.empty.contains(&entry.place())
    }

    /// Looks at the first `count`.
    #[inline]
    pub(super) fn look_at(&self, count: usize, mut look: impl FnMut(&Entry)) {
        if self.empty.is_empty() {
            self.slots.range(..count).for_each(look);
        } else {
            self.iter().take(count).for_each(&mut look);
        }
    }

    /// The entry of this place.
    pub(super) fn get(&self, place: MessageId) -> Option<&Entry> {
        self.slots.get(self.index(place)?)
    }

    /// Puts another message into the entry of this place, and gives the earlier one back.
    pub(super) fn replace_message(&mut self, place: MessageId, message: Message) -> Option<Message> {
        let entry = self.index(place).and_then(|at| self.slots.get_mut(at))?;
        let older = std::mem::replace(&mut entry.message, message);
        self.bytes = self.bytes - older.len() + entry.message.len();
        Some(older)
    }

    /// Puts another entry of the same place there, and gives the earlier one back.
    pub(super) fn replace(&mut self, entry: Entry) -> Option<Entry> {
        let slot = self.index(entry.place()).and_then(|at| self.slots.get_mut(at))?;
        self.bytes = self.bytes - slot.message.len() + entry.message.len();
        Some(std::mem::replace(slot, entry))
    }

    pub(super) fn pop_front(&mut self) -> Option<Entry> {
        let entry = self.slots.pop_front()?;
        self.bytes -= entry.message.len();
        self.trim();
        Some(entry)
    }

    /// Takes out the entry of this place.
    pub(super) fn remove(&mut self, place: MessageId) -> Option<Entry> {
        let at = self.index(place)?;
        let is_near = at < NEAR || self.slots.len() - at <= NEAR;
        let entry = if is_near {
            self.slots.remove(at)?
        } else {
            self.empty.insert(place);
            std::mem::replace(self.slots.get_mut(at)?, Entry::new(place, Message::binary(bytes::Bytes::new())))
        };
        self.bytes -= entry.message.len();
        self.trim();
        Some(entry)
    }

    /// Takes out all that `is_due` says, which is given them one by one and in order.
    pub(super) fn extract(&mut self, mut is_due: impl FnMut(&mut Entry) -> bool) {
        self.close_up();
        let bytes = &mut self.bytes;
        self.slots.retain_mut(|entry| {
            let size = entry.message.len();
            let due = is_due(entry);
            *bytes -= if due { size } else { 0 };
            !due
        });
    }

    /// The first `count`, to be taken out of the level; `bytes` is what they have together.
    pub(super) fn drain(&mut self, count: usize, bytes: usize) -> vec_deque::Drain<'_, Entry> {
        self.bytes -= bytes;
        if !self.empty.is_empty() {
            self.close_up_front(count);
        }
        self.slots.drain(..count)
    }

    /// To be called when what was [drained](Self::drain) is gone: what follows it may be empty.
    #[inline]
    pub(super) fn trim(&mut self) {
        if !self.empty.is_empty() {
            self.trim_ends();
        }
    }

    pub(super) fn into_entries(mut self) -> VecDeque<Entry> {
        self.close_up();
        self.slots
    }

    /// Gives back the memory that a burst has needed.
    pub(super) fn relax(&mut self) {
        if self.slots.capacity() > IDLE && self.slots.len() < self.slots.capacity() / 4 {
            self.slots.shrink_to((self.slots.len() * 2).max(IDLE));
        }
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.slots.capacity()
    }

    fn index(&self, place: MessageId) -> Option<usize> {
        // Places grow by one from slot to slot, unless messages between them went to other levels or were taken out.
        let first = self.slots.front()?.place();
        let guess = usize::try_from(place.0.checked_sub(first.0)?).ok()?;
        let is_there = self.slots.get(guess).is_some_and(|entry| entry.place() == place);
        let at = if is_there { guess } else { self.slots.binary_search_by_key(&place, Entry::place).ok()? };
        (self.empty.is_empty() || !self.empty.contains(&place)).then_some(at)
    }

    fn trim_ends(&mut self) {
        while self.slots.front().is_some_and(|entry| self.empty.remove(&entry.place())) {
            self.slots.pop_front();
        }
        while self.slots.back().is_some_and(|entry| self.empty.remove(&entry.place())) {
            self.slots.pop_back();
        }
        if self.empty.len() > self.slots.len() / 2 {
            self.close_up();
        }
    }

    fn close_up(&mut self) {
        if !self.empty.is_empty() {
            let empty = std::mem::take(&mut self.empty);
            self.slots.retain(|entry| !empty.contains(&entry.place()));
        }
    }

    /// Makes the first `count` entries those of the first slots. What stands behind does not move.
    fn close_up_front(&mut self, count: usize) {
        let mut entries = 0;
        let is_entry = |entry: &Entry| !self.empty.contains(&entry.place());
        let end = self.slots.iter().position(|entry| {
            entries += usize::from(is_entry(entry));
            entries > count
        });
        let end = end.unwrap_or(self.slots.len());
        let mut to = end;
        for from in (0..end).rev() {
            if !self.empty.contains(&self.slots[from].place()) {
                to -= 1;
                self.slots.swap(from, to);
            }
        }
        for slot in self.slots.drain(..to) {
            self.empty.remove(&slot.place());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbered from 1, each with as many bytes as its number.
    fn lane(entries: u64) -> Lane {
        let mut lane = Lane::default();
        (1..=entries).for_each(|id| lane.push_back(entry(id)));
        lane
    }

    fn entry(id: u64) -> Entry {
        Entry::new(MessageId(id), Message::binary(vec![0; id as usize]))
    }

    fn ids(lane: &Lane) -> Vec<u64> {
        lane.iter().map(|entry| entry.id.0).collect()
    }

    fn check(lane: &Lane, expected: &[u64]) {
        assert_eq!(ids(lane), expected);
        assert_eq!(lane.len(), expected.len());
        assert_eq!(lane.bytes() as u64, expected.iter().sum::<u64>());
        assert_eq!(lane.front().map(|entry| entry.id.0), expected.first().copied());
        assert_eq!(lane.back().map(|entry| entry.id.0), expected.last().copied());
        assert!(lane.slots.len() <= 2 * lane.len() + 1, "{} slots for {}", lane.slots.len(), lane.len());
        for id in 1..=300 {
            assert_eq!(lane.get(MessageId(id)).is_some(), expected.contains(&id), "{id}");
        }
    }

    #[test]
    fn whatever_is_taken_out_in_whatever_order_the_rest_stays_in_order() {
        let mut dice = 1_u64;
        for round in 0..50 {
            let mut lane = lane(300);
            let mut left: Vec<u64> = (1..=300).collect();
            while !left.is_empty() {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = (dice >> 33) as usize % left.len();
                match (dice >> 20) % 16 {
                    0 => {
                        let count = at.min(20);
                        let bytes = left[..count].iter().sum::<u64>() as usize;
                        let drained: Vec<u64> = lane.drain(count, bytes).map(|entry| entry.id.0).collect();
                        lane.trim();
                        assert_eq!(drained, left.drain(..count).collect::<Vec<_>>());
                    }
                    1 => assert_eq!(lane.pop_front().map(|entry| entry.id.0), Some(left.remove(0))),
                    _ => {
                        let id = left.remove(at);
                        assert_eq!(lane.remove(MessageId(id)).map(|entry| entry.id.0), Some(id));
                        assert!(lane.remove(MessageId(id)).is_none());
                    }
                }
                if round == 0 || left.len().is_multiple_of(37) {
                    check(&lane, &left);
                }
            }
            assert!(lane.slots.is_empty() && lane.empty.is_empty());
        }
    }

    #[test]
    fn what_is_empty_is_not_seen_by_those_who_take_or_replace() {
        let mut lane = lane(300);
        assert!(lane.remove(MessageId(150)).is_some());
        assert!(lane.replace_message(MessageId(150), Message::text("new")).is_none());
        assert!(lane.replace(entry(150)).is_none());
        let mut seen = Vec::new();
        lane.extract(|entry| {
            seen.push(entry.id.0);
            entry.id.0.is_multiple_of(2)
        });
        assert_eq!(seen.len(), 299);
        check(&lane, &(1..=300).filter(|id| id % 2 == 1).collect::<Vec<_>>());
        assert_eq!(lane.into_entries().len(), 150);
    }

    #[test]
    fn an_entry_is_found_behind_gaps_between_the_places() {
        let places = [3, 5, 6, 100, 101];
        let mut lane = Lane::default();
        places.into_iter().for_each(|id| lane.push_back(entry(id)));
        for id in 0..200 {
            assert_eq!(lane.get(MessageId(id)).map(|entry| entry.id.0), places.contains(&id).then_some(id));
        }
        assert!(Lane::default().get(MessageId(1)).is_none());
    }

    #[test]
    fn to_take_one_out_of_the_middle_moves_nothing_behind_it() {
        let mut lane = lane(300);
        let before: Vec<*const Entry> = lane.slots.iter().map(std::ptr::from_ref).collect();
        assert!(lane.remove(MessageId(100)).is_some());
        let after: Vec<*const Entry> = lane.slots.iter().map(std::ptr::from_ref).collect();
        assert_eq!(before, after);
        assert_eq!(lane.slots[100].id, MessageId(101));
    }
}
