//! What waits for a connection: three levels, first come first served within each.
//!
//! A level is sorted by the [places](Entry::place) of its messages, so any of them is found by a binary search.

use std::{
    collections::{VecDeque, vec_deque},
    mem,
};

use everwire_ws::Message;

use super::{Entry, IDLE, Priority, index::Index};
use crate::{MessageId, Moment};

#[derive(Debug, Default)]
pub(super) struct Queue {
    lanes: [Lane; Priority::ALL.len()],
    len: usize,
    bytes: usize,
    index: Index,
}

#[derive(Debug, Default)]
struct Lane {
    entries: VecDeque<Entry>,
    bytes: usize,
}

impl Queue {
    /// Appends a message to its level.
    #[inline]
    pub(super) fn push_back(&mut self, entry: Entry) {
        if !entry.is_plain() {
            self.index.insert(&entry);
        }
        self.count(&entry).entries.push_back(entry);
    }

    /// Appends a message to its level, or puts it into the place of the one with the same key, which is returned.
    pub(super) fn push_newer(&mut self, mut entry: Entry) -> Option<Entry> {
        let older = match self.keyed(&entry) {
            Some((priority, index)) if priority == entry.priority() => {
                let slot = &mut self.lanes[priority as usize].entries[index];
                entry.set_place(slot.place());
                return Some(self.swap(priority, index, entry));
            }
            Some((priority, index)) => self.remove_at(priority, index),
            None => None,
        };
        self.push_back(entry);
        older
    }

    /// Puts a message that was taken back to the front of its level. If a newer one has its key, that one takes its
    /// place, and the older one is returned.
    pub(super) fn push_front(&mut self, entry: Entry) -> Option<Entry> {
        match self.keyed(&entry) {
            None => {
                self.insert_front(entry);
                None
            }
            Some((priority, index)) => {
                if priority == entry.priority()
                    && let Some(mut newer) = self.remove_at(priority, index)
                {
                    newer.set_place(entry.place());
                    self.insert_front(newer);
                }
                Some(entry)
            }
        }
    }

    pub(super) fn pop_front(&mut self, priority: Priority) -> Option<Entry> {
        self.remove_at(priority, 0)
    }

    /// The one that has waited longest, whatever its level.
    pub(super) fn pop_oldest(&mut self) -> Option<Entry> {
        let fronts = Priority::ALL.into_iter().filter_map(|priority| Some((self.front(priority)?.place(), priority)));
        let (_, priority) = fronts.min_by_key(|(place, _)| *place)?;
        self.pop_front(priority)
    }

    /// The first of the lowest level that is not empty.
    pub(super) fn pop_lowest(&mut self) -> Option<Entry> {
        Priority::ALL.into_iter().rev().find_map(|priority| self.pop_front(priority))
    }

    pub(super) fn remove(&mut self, id: MessageId) -> Option<Entry> {
        let (priority, index) = self.find(id)?;
        self.remove_at(priority, index)
    }

    pub(super) fn get(&self, id: MessageId) -> Option<&Entry> {
        let (priority, index) = self.find(id)?;
        self.lanes[priority as usize].entries.get(index)
    }

    /// Puts another message into the entry, and gives the earlier one back.
    pub(super) fn replace(&mut self, id: MessageId, message: Message) -> Option<Message> {
        let (priority, index) = self.find(id)?;
        let lane = &mut self.lanes[priority as usize];
        let (before, after) = (lane.entries[index].message.len(), message.len());
        let older = mem::replace(&mut lane.entries[index].message, message);
        lane.bytes = lane.bytes - before + after;
        self.bytes = self.bytes - before + after;
        Some(older)
    }

    /// Takes out what expires until `now`. One walk for many: to take each out by itself would cost a walk each.
    pub(super) fn expire(&mut self, now: Moment, mut expired: impl FnMut(&mut Entry)) {
        let Some((id, more)) = self.index.due(now) else { return };
        if !more {
            if let Some(mut entry) = self.remove(id) {
                expired(&mut entry);
            }
            return;
        }
        let Self { lanes, len, bytes, index } = self;
        for lane in lanes {
            lane.entries.retain_mut(|entry| {
                let due = entry.expires_at().is_some_and(|at| at <= now);
                if due {
                    let size = entry.message.len();
                    (*len, *bytes, lane.bytes) = (*len - 1, *bytes - size, lane.bytes - size);
                    index.remove(entry);
                    expired(entry);
                }
                !due
            });
        }
    }

    /// Appends messages that nothing is special about, numbered from `first` on: as many as there are, up to `count`.
    pub(super) fn push_back_many(&mut self, first: MessageId, messages: &mut VecDeque<Message>, count: usize) {
        let lane = &mut self.lanes[Priority::Normal as usize];
        let count = count.min(messages.len());
        let bytes = messages.range(..count).map(Message::len).sum::<usize>();
        let ids = (first.0..).map(MessageId);
        lane.entries.extend(ids.zip(messages.drain(..count)).map(|(id, message)| Entry::new(id, message)));
        lane.bytes += bytes;
        self.len += count;
        self.bytes += bytes;
    }

    /// The first `count` of a level, out of the queue.
    pub(super) fn drain(&mut self, priority: Priority, count: usize) -> vec_deque::Drain<'_, Entry> {
        let Self { lanes, len, bytes, index } = self;
        let Lane { entries, bytes: lane_bytes } = &mut lanes[priority as usize];
        let count = count.min(entries.len());
        // Looked at before they move: moving them is then nothing but that.
        let mut drained = 0;
        for entry in entries.range(..count) {
            drained += entry.message.len();
            if !entry.is_plain() {
                index.remove(entry);
            }
        }
        *len -= count;
        *bytes -= drained;
        *lane_bytes -= drained;
        entries.drain(..count)
    }

    /// Everything, in the order in which it would have gone out.
    pub(super) fn drain_all(&mut self) -> impl Iterator<Item = Entry> + use<> {
        mem::take(self).lanes.into_iter().flat_map(|lane| lane.entries)
    }

    #[inline]
    pub(super) fn iter(&self, priority: Priority) -> impl Iterator<Item = &Entry> {
        self.lanes[priority as usize].entries.iter()
    }

    #[inline]
    pub(super) fn front(&self, priority: Priority) -> Option<&Entry> {
        self.lanes[priority as usize].entries.front()
    }

    pub(super) fn back(&self, priority: Priority) -> Option<&Entry> {
        self.lanes[priority as usize].entries.back()
    }

    /// How many bytes the message with this key has, if there is one.
    pub(super) fn size_of_keyed(&self, key: &str) -> Option<usize> {
        let (priority, place) = self.index.keyed(key)?;
        let lane = &self.lanes[priority as usize].entries;
        lane.binary_search_by_key(&place, Entry::place).ok().map(|index| lane[index].message.len())
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many, and how many bytes, are in the levels above this one.
    pub(super) fn above(&self, priority: Priority) -> (usize, usize) {
        let above = &self.lanes[..priority as usize];
        above.iter().fold((0, 0), |(len, bytes), lane| (len + lane.entries.len(), bytes + lane.bytes))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// When the next one expires.
    #[inline]
    pub(super) fn expiry(&self) -> Option<Moment> {
        self.index.expiry()
    }

    /// How many were written to an earlier connection.
    pub(super) fn resending(&self) -> usize {
        self.index.resending()
    }

    /// The first level that holds a message which the peer may have blamed.
    pub(super) fn suspected(&self) -> Option<Priority> {
        self.index.suspected()
    }

    /// Gives back the memory that a burst has needed.
    pub(super) fn relax(&mut self) {
        for Lane { entries, .. } in &mut self.lanes {
            if entries.capacity() > IDLE && entries.len() < entries.capacity() / 4 {
                entries.shrink_to((entries.len() * 2).max(IDLE));
            }
        }
    }

    #[cfg(test)]
    pub(super) fn is_forgotten(&self) -> bool {
        self.len == 0 && self.bytes == 0 && self.index.is_empty()
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.lanes.iter().map(|lane| lane.entries.capacity()).sum()
    }

    fn insert_front(&mut self, entry: Entry) {
        if !entry.is_plain() {
            self.index.insert(&entry);
        }
        self.count(&entry).entries.push_front(entry);
    }

    /// Counts one more in, and says where it belongs.
    #[inline]
    fn count(&mut self, entry: &Entry) -> &mut Lane {
        let size = entry.message.len();
        self.len += 1;
        self.bytes += size;
        let lane = &mut self.lanes[entry.priority() as usize];
        lane.bytes += size;
        lane
    }

    fn swap(&mut self, priority: Priority, index: usize, entry: Entry) -> Entry {
        let lane = &mut self.lanes[priority as usize];
        let after = entry.message.len();
        let older = mem::replace(&mut lane.entries[index], entry);
        let before = older.message.len();
        lane.bytes = lane.bytes - before + after;
        self.bytes = self.bytes - before + after;
        self.index.remove(&older);
        self.index.insert(&lane.entries[index]);
        older
    }

    fn remove_at(&mut self, priority: Priority, index: usize) -> Option<Entry> {
        let lane = &mut self.lanes[priority as usize];
        let entry = lane.entries.remove(index)?;
        let size = entry.message.len();
        self.len -= 1;
        self.bytes -= size;
        lane.bytes -= size;
        if !entry.is_plain() {
            self.index.remove(&entry);
        }
        Some(entry)
    }

    fn find(&self, id: MessageId) -> Option<(Priority, usize)> {
        let place = self.index.place(id);
        Priority::ALL.into_iter().find_map(|priority| {
            let index = self.index_of(priority, place)?;
            (self.lanes[priority as usize].entries[index].id == id).then_some((priority, index))
        })
    }

    /// The queued message that has the key of this one.
    fn keyed(&self, entry: &Entry) -> Option<(Priority, usize)> {
        let (priority, place) = self.index.keyed(entry.key()?)?;
        Some((priority, self.index_of(priority, place)?))
    }

    fn index_of(&self, priority: Priority, place: MessageId) -> Option<usize> {
        self.lanes[priority as usize].entries.binary_search_by_key(&place, Entry::place).ok()
    }
}
