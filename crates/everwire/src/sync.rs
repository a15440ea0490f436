//! Locks and atomics: std's, and those of loom where its model test builds the files that use these.

pub(crate) use std::sync::Mutex;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::sync::{MutexGuard, PoisonError};

/// Locks, also after a panic elsewhere: what is guarded in this crate is valid at every step.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the wall clock reads: milliseconds since the Unix epoch.
pub(crate) fn unix_ms() -> u64 {
    let since = web_time::SystemTime::now().duration_since(web_time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
