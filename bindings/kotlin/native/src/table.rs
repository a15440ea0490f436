//! Things by handles, which a foreign language may keep for too long: nothing then is where they point.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// What handles stand for. No handle is ever given out twice.
pub(crate) struct Table<T> {
    entries: RwLock<Option<HashMap<i64, Arc<T>>>>,
    last: AtomicI64,
}

impl<T> Table<T> {
    pub(crate) const fn new() -> Self {
        Self { entries: RwLock::new(None), last: AtomicI64::new(0) }
    }

    /// The handle, from 1.
    pub(crate) fn insert(&self, entry: Arc<T>) -> i64 {
        let handle = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        entries.get_or_insert_default().insert(handle, entry);
        handle
    }

    pub(crate) fn get(&self, handle: i64) -> Option<Arc<T>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).as_ref()?.get(&handle).cloned()
    }

    /// Dropped by the caller: not under the lock.
    pub(crate) fn remove(&self, handle: i64) -> Option<Arc<T>> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner).as_mut()?.remove(&handle)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Table;

    #[test]
    fn a_handle_that_was_removed_stands_for_nothing_and_never_comes_again() {
        let table = Table::new();
        let first = table.insert(Arc::new("a"));
        assert_eq!(table.get(first).as_deref(), Some(&"a"));
        assert_eq!(table.remove(first).as_deref(), Some(&"a"));
        assert!(table.insert(Arc::new("b")) != first);
        assert_eq!((table.get(first), table.remove(first), table.get(0)), (None, None, None));
    }
}
