use std::collections::HashMap;

use rustc_hash::FxBuildHasher;

/// Calls by their ids. They are looked up several times for each call, and their order is asked for only when many end or are told at
/// once. Ids that a peer picks to fall together slow down its own session, by the limit on running calls at most.
#[derive(Debug)]
pub(crate) struct IdMap<T>(HashMap<u64, T, FxBuildHasher>);

/// The largest capacity, in calls, that is kept when the last one is gone.
const KEPT: usize = 1_024;

impl<T> IdMap<T> {
    pub(crate) const fn new() -> Self {
        Self(HashMap::with_hasher(FxBuildHasher))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn contains(&self, id: u64) -> bool {
        self.0.contains_key(&id)
    }

    pub(crate) fn get(&self, id: u64) -> Option<&T> {
        self.0.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: u64) -> Option<&mut T> {
        self.0.get_mut(&id)
    }

    pub(crate) fn insert(&mut self, id: u64, value: T) {
        self.0.insert(id, value);
    }

    pub(crate) fn remove(&mut self, id: u64) -> Option<T> {
        let removed = self.0.remove(&id);
        if self.0.is_empty() && self.0.capacity() > KEPT {
            self.clear();
        }
        removed
    }

    pub(crate) fn clear(&mut self) {
        self.0 = HashMap::with_hasher(FxBuildHasher);
    }

    /// Those of which this is true, in ascending order.
    pub(crate) fn ids(&self, mut is_one: impl FnMut(u64, &T) -> bool) -> Vec<u64> {
        let ids = self.0.iter().filter(|(id, value)| is_one(**id, value));
        let mut ids: Vec<u64> = ids.map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids
    }

    /// All, in ascending order.
    pub(crate) fn in_order(&self) -> Vec<(u64, &T)> {
        let mut all: Vec<_> = self.0.iter().map(|(id, value)| (*id, value)).collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_by_any_order_is_told_in_that_of_the_ids() {
        let mut map = IdMap::new();
        for id in [7, 1 << 52, 3, 1 << 20, 5] {
            map.insert(id, id);
        }
        assert_eq!(map.remove(5), Some(5));
        assert_eq!(map.ids(|id, _| id != 7), [3, 1 << 20, 1 << 52]);
        assert_eq!(map.in_order().iter().map(|(id, _)| *id).collect::<Vec<_>>(), [3, 7, 1 << 20, 1 << 52]);
    }

    #[test]
    fn the_memory_of_many_calls_is_given_back_with_the_last() {
        let mut map = IdMap::new();
        (0..10_000).for_each(|id| map.insert(id, id));
        (0..9_999).for_each(|id| assert!(map.remove(id).is_some()));
        assert!(map.0.capacity() >= 10_000);
        assert_eq!(map.remove(9_999), Some(9_999));
        assert_eq!(map.0.capacity(), 0);
        map.insert(1, 1);
        map.remove(1);
        assert!(map.0.capacity() > 0, "that of few is kept");
    }
}
