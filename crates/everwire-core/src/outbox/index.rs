//! Where the queued messages are that something is special about.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Entry, Priority};
use crate::{MessageId, Moment};

/// Holds nothing of a message that is not queued.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// The one queued message of each key: its level, and its place in it.
    keys: BTreeMap<Arc<str>, (Priority, MessageId)>,
    /// The places of those that have taken another's.
    places: BTreeMap<u64, u64>,
    expiries: BTreeSet<(Moment, MessageId)>,
    resending: usize,
    suspects: [usize; Priority::ALL.len()],
}

impl Index {
    /// A message is queued. The caller has seen to it that no other has its key.
    pub(super) fn insert(&mut self, entry: &Entry) {
        let (priority, place) = (entry.priority(), entry.place());
        if let Some(key) = entry.key() {
            self.keys.insert(Arc::clone(key), (priority, place));
        }
        if place != entry.id {
            self.places.insert(entry.id.0, place.0);
        }
        if let Some(at) = entry.expires_at() {
            self.expiries.insert((at, entry.id));
        }
        self.resending += usize::from(entry.may_have_arrived());
        self.suspects[priority as usize] += usize::from(entry.is_suspect());
    }

    /// A message is queued no longer.
    pub(super) fn remove(&mut self, entry: &Entry) {
        if let Some(key) = entry.key() {
            self.keys.remove(key);
        }
        self.places.remove(&entry.id.0);
        if let Some(at) = entry.expires_at() {
            self.expiries.remove(&(at, entry.id));
        }
        self.resending -= usize::from(entry.may_have_arrived());
        self.suspects[entry.priority() as usize] -= usize::from(entry.is_suspect());
    }

    pub(super) fn keyed(&self, key: &str) -> Option<(Priority, MessageId)> {
        self.keys.get(key).copied()
    }

    /// Where a message stands, if it is queued.
    pub(super) fn place(&self, id: MessageId) -> MessageId {
        self.places.get(&id.0).map_or(id, |place| MessageId(*place))
    }

    /// When the next one expires.
    #[inline]
    pub(super) fn expiry(&self) -> Option<Moment> {
        self.expiries.first().map(|(at, _)| *at)
    }

    /// Those that expire until `now`: the first, and whether there are more.
    pub(super) fn due(&self, now: Moment) -> Option<(MessageId, bool)> {
        let mut due = self.expiries.range(..=(now, MessageId(u64::MAX)));
        let (_, id) = due.next()?;
        Some((*id, due.next().is_some()))
    }

    /// How many were written to an earlier connection.
    pub(super) fn resending(&self) -> usize {
        self.resending
    }

    /// The first level that holds a message which the peer may have blamed.
    pub(super) fn suspected(&self) -> Option<Priority> {
        Priority::ALL.into_iter().find(|priority| self.suspects[*priority as usize] > 0)
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
            && self.places.is_empty()
            && self.expiries.is_empty()
            && self.resending == 0
            && self.suspected().is_none()
    }
}
