//! What waits for a connection: three levels, first come first served within each.
//!
//! A level is sorted by the [places](Entry::place) of its messages, so any of them is found by a binary search.

use std::{
    collections::{VecDeque, vec_deque},
    mem,
};

use everwire_ws::Message;

use super::{Entry, Priority, index::Index, lane::Lane};
use crate::{MessageId, Moment};

#[derive(Debug, Default)]
pub(super) struct Queue {
    lanes: [Lane; Priority::ALL.len()],
    len: usize,
    bytes: usize,
    index: Index,
}

impl Queue {
    /// Appends a message that nothing is special about.
    #[inline]
    pub(super) fn push_plain(&mut self, id: MessageId, message: Message) {
        self.len += 1;
        self.bytes += message.len();
        self.lanes[Priority::Normal as usize].push_back(Entry::new(id, message));
    }

    /// Appends a message to its level.
    pub(super) fn push_back(&mut self, entry: Entry) {
        if !entry.is_plain() {
            self.index.insert(&entry);
        }
        self.count(&entry).push_back(entry);
    }

    /// Appends a message to its level, or puts it into the place of the one with the same key, which is returned.
    pub(super) fn push_newer(&mut self, mut entry: Entry) -> Option<Entry> {
        let older = match self.keyed(&entry) {
            Some((priority, place)) if priority == entry.priority() => {
                entry.set_place(place);
                return self.swap(priority, entry);
            }
            Some((priority, place)) => self.remove_at(priority, place),
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
            Some((priority, place)) => {
                if priority == entry.priority()
                    && let Some(mut newer) = self.remove_at(priority, place)
                {
                    newer.set_place(entry.place());
                    self.insert_front(newer);
                }
                Some(entry)
            }
        }
    }

    pub(super) fn pop_front(&mut self, priority: Priority) -> Option<Entry> {
        let entry = self.lanes[priority as usize].pop_front()?;
        self.uncount(&entry);
        Some(entry)
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
        let (priority, place) = self.find(id)?;
        self.remove_at(priority, place)
    }

    pub(super) fn get(&self, id: MessageId) -> Option<&Entry> {
        let (priority, place) = self.find(id)?;
        self.lanes[priority as usize].get(place)
    }

    /// Puts another message into the entry, and gives the earlier one back.
    pub(super) fn replace(&mut self, id: MessageId, message: Message) -> Option<Message> {
        let (priority, place) = self.find(id)?;
        let after = message.len();
        let older = self.lanes[priority as usize].replace_message(place, message)?;
        self.bytes = self.bytes - older.len() + after;
        Some(older)
    }

    /// Takes out what expires until `now`. One walk for many: to look for each by itself would cost more.
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
            lane.extract(|entry| {
                let due = entry.expires_at().is_some_and(|at| at <= now);
                if due {
                    (*len, *bytes) = (*len - 1, *bytes - entry.message.len());
                    index.remove(entry);
                    expired(entry);
                }
                due
            });
        }
    }

    /// Appends messages that nothing is special about, numbered from `first` on: as many as there are, up to `count`.
    pub(super) fn push_back_many(&mut self, first: MessageId, messages: &mut VecDeque<Message>, count: usize) {
        let lane = &mut self.lanes[Priority::Normal as usize];
        let count = count.min(messages.len());
        let bytes = messages.range(..count).map(Message::len).sum::<usize>();
        let ids = (first.0..).map(MessageId);
        lane.extend(ids.zip(messages.drain(..count)).map(|(id, message)| Entry::new(id, message)), bytes);
        self.len += count;
        self.bytes += bytes;
    }

    /// The first `count` of a level, out of the queue and into `into`.
    pub(super) fn drain(&mut self, priority: Priority, count: usize, into: impl FnOnce(vec_deque::Drain<'_, Entry>)) {
        let Self { lanes, len, bytes, index } = self;
        let lane = &mut lanes[priority as usize];
        let count = count.min(lane.len());
        // Looked at before they move: moving them is then nothing but that.
        let mut drained = 0;
        lane.look_at(count, |entry| {
            drained += entry.message.len();
            if !entry.is_plain() {
                index.remove(entry);
            }
        });
        *len -= count;
        *bytes -= drained;
        into(lane.drain(count, drained));
        lane.trim();
    }

    /// Everything, in the order in which it would have gone out.
    pub(super) fn drain_all(&mut self) -> impl Iterator<Item = Entry> + use<> {
        mem::take(self).lanes.into_iter().flat_map(Lane::into_entries)
    }

    #[inline]
    pub(super) fn iter(&self, priority: Priority) -> impl Iterator<Item = &Entry> {
        self.lanes[priority as usize].iter()
    }

    #[inline]
    pub(super) fn front(&self, priority: Priority) -> Option<&Entry> {
        self.lanes[priority as usize].front()
    }

    pub(super) fn back(&self, priority: Priority) -> Option<&Entry> {
        self.lanes[priority as usize].back()
    }

    /// How many bytes the message with this key has, if there is one.
    pub(super) fn size_of_keyed(&self, key: &str) -> Option<usize> {
        let (priority, place) = self.index.keyed(key)?;
        self.lanes[priority as usize].get(place).map(|entry| entry.message.len())
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
        above.iter().fold((0, 0), |(len, bytes), lane| (len + lane.len(), bytes + lane.bytes()))
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
        self.lanes.iter_mut().for_each(Lane::relax);
    }

    #[cfg(test)]
    pub(super) fn is_forgotten(&self) -> bool {
        self.len == 0 && self.bytes == 0 && self.index.is_empty()
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.lanes.iter().map(Lane::capacity).sum()
    }

    fn insert_front(&mut self, entry: Entry) {
        if !entry.is_plain() {
            self.index.insert(&entry);
        }
        self.count(&entry).push_front(entry);
    }

    /// Counts one more in, and says where it belongs.
    #[inline]
    fn count(&mut self, entry: &Entry) -> &mut Lane {
        self.len += 1;
        self.bytes += entry.message.len();
        &mut self.lanes[entry.priority() as usize]
    }

    /// An entry has left its level.
    fn uncount(&mut self, entry: &Entry) {
        self.len -= 1;
        self.bytes -= entry.message.len();
        if !entry.is_plain() {
            self.index.remove(entry);
        }
    }

    /// Puts an entry into the place of another, which is returned.
    fn swap(&mut self, priority: Priority, entry: Entry) -> Option<Entry> {
        let (place, after) = (entry.place(), entry.message.len());
        let lane = &mut self.lanes[priority as usize];
        let older = lane.replace(entry)?;
        self.bytes = self.bytes - older.message.len() + after;
        self.index.remove(&older);
        if let Some(newer) = lane.get(place) {
            self.index.insert(newer);
        }
        Some(older)
    }

    fn remove_at(&mut self, priority: Priority, place: MessageId) -> Option<Entry> {
        let entry = self.lanes[priority as usize].remove(place)?;
        self.uncount(&entry);
        Some(entry)
    }

    fn find(&self, id: MessageId) -> Option<(Priority, MessageId)> {
        let place = self.index.place(id);
        let has = |priority: &Priority| self.lanes[*priority as usize].get(place).is_some_and(|entry| entry.id == id);
        Priority::ALL.into_iter().find(has).map(|priority| (priority, place))
    }

    /// The queued message that has the key of this one.
    fn keyed(&self, entry: &Entry) -> Option<(Priority, MessageId)> {
        self.index.keyed(entry.key()?)
    }
}
