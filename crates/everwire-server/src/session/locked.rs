use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use everwire_ws::Message;

use super::slot::Inner;

/// What a slot's mutex guards, locked. What has ended meanwhile is dropped when the mutex is free: a payload's owner may do
/// anything.
pub(super) struct Locked<'a> {
    // The order of these two is that of their drops.
    inner: MutexGuard<'a, Inner>,
    ended: Vec<Message>,
}

impl<'a> Locked<'a> {
    pub(super) fn new(mutex: &'a Mutex<Inner>) -> Self {
        // The machine is never left half changed: nothing in it panics halfway.
        let inner = mutex.lock().unwrap_or_else(PoisonError::into_inner);
        Self { inner, ended: Vec::new() }
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        self.inner.machine.take_ended(&mut self.ended);
    }
}

impl Deref for Locked<'_> {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.inner
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut Inner {
        &mut self.inner
    }
}
