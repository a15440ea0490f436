//! An outbox that is too simple to be wrong: one list, looked through from the front at each step.

use std::collections::{BTreeMap, VecDeque};

use everwire_core::{DropPolicy, Guarantee, Outcome, Overflow, Stage};

pub(super) struct Model {
    pub(super) guarantee: Guarantee,
    pub(super) overflow: Overflow,
    pub(super) max_messages: usize,
    pub(super) max_bytes: usize,
    pub(super) messages: Vec<Item>,
    pub(super) outcomes: BTreeMap<u64, Outcome>,
    last_id: u64,
    /// Taken on this connection and not yet reported as written, proven or not.
    unreported: VecDeque<u64>,
}

#[derive(Clone, Copy)]
pub(super) struct Item {
    pub(super) id: u64,
    size: usize,
    place: Place,
    /// Written to some connection, ever.
    written_once: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Queued,
    Taken,
    Written,
}

impl Model {
    pub(super) fn new(guarantee: Guarantee, overflow: Overflow, max_messages: usize, max_bytes: usize) -> Self {
        let (messages, outcomes) = (Vec::new(), BTreeMap::new());
        Self {
            guarantee,
            overflow,
            max_messages,
            max_bytes,
            messages,
            outcomes,
            last_id: 0,
            unreported: VecDeque::new(),
        }
    }

    /// The number of the message, if it is accepted.
    pub(super) fn send(&mut self, size: usize) -> Option<u64> {
        if size > self.max_bytes {
            return None;
        }
        if !self.fits(size, |_| true) {
            match self.overflow {
                Overflow::Reject => return None,
                Overflow::DropNewest => {
                    self.last_id += 1;
                    self.outcomes.insert(self.last_id, Outcome::Dropped(DropPolicy::Newest));
                    return Some(self.last_id);
                }
                Overflow::DropOldest => {
                    if !self.fits(size, |item| item.place != Place::Queued) {
                        return None;
                    }
                    while !self.fits(size, |_| true) {
                        let oldest = self.messages.iter().position(|item| item.place == Place::Queued).unwrap();
                        let item = self.messages.remove(oldest);
                        let dropped = Outcome::Dropped(DropPolicy::Oldest);
                        self.end(item, if item.written_once { Outcome::Unknown(Stage::Written) } else { dropped });
                    }
                }
            }
        }
        self.last_id += 1;
        self.messages.push(Item { id: self.last_id, size, place: Place::Queued, written_once: false });
        Some(self.last_id)
    }

    pub(super) fn take(&mut self, count: usize) -> Vec<u64> {
        let queued = self.messages.iter_mut().filter(|item| item.place == Place::Queued).take(count);
        let taken: Vec<_> = queued
            .map(|item| {
                item.place = Place::Taken;
                item.id
            })
            .collect();
        self.unreported.extend(&taken);
        taken
    }

    pub(super) fn write(&mut self, count: usize) {
        for _ in 0..count {
            let Some(id) = self.unreported.pop_front() else { break };
            let item = self.messages.iter_mut().find(|item| item.id == id);
            if let Some(item) = item {
                (item.place, item.written_once) = (Place::Written, true);
            }
        }
        if self.guarantee == Guarantee::Unproven {
            self.end_where(|item| item.place == Place::Written, Outcome::Unknown(Stage::Written));
        }
    }

    /// Everything of this connection up to this message has been read by the peer.
    pub(super) fn prove(&mut self, last: u64) {
        self.end_where(|item| item.place != Place::Queued && item.id <= last, Outcome::Received);
    }

    pub(super) fn lose(&mut self) {
        self.unreported.clear();
        if self.guarantee != Guarantee::AtLeastOnce {
            self.end_where(|item| item.place == Place::Written, Outcome::Unknown(Stage::Written));
        }
        self.messages.iter_mut().for_each(|item| item.place = Place::Queued);
    }

    pub(super) fn last_taken(&self) -> Option<u64> {
        self.messages.iter().rev().find(|item| item.place != Place::Queued).map(|item| item.id)
    }

    fn fits(&self, size: usize, counts: impl Fn(&Item) -> bool) -> bool {
        let counted: Vec<_> = self.messages.iter().filter(|item| counts(item)).collect();
        let bytes: usize = counted.iter().map(|item| item.size).sum();
        counted.len() < self.max_messages && bytes + size <= self.max_bytes
    }

    fn end_where(&mut self, ends: impl Fn(&Item) -> bool, outcome: Outcome) {
        let (ended, kept) = self.messages.iter().copied().partition(|item| ends(item));
        self.messages = kept;
        let ended: Vec<Item> = ended;
        ended.into_iter().for_each(|item| self.end(item, outcome));
    }

    fn end(&mut self, item: Item, outcome: Outcome) {
        assert_eq!(self.outcomes.insert(item.id, outcome), None);
    }
}
