use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks. Nothing under our locks panics half-way; if something did, serving the others is better than ending all.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
