use std::ops::{Deref, DerefMut};
use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};

use everwire_ws::Message;

use super::{Inner, Slot};

/// What a slot's mutex guards, locked. What has ended meanwhile is dropped when the mutex is free: a payload's owner may do
/// anything. Then it is told what a session without a connection holds, if that has changed, whatever has changed it.
pub(in crate::session) struct Locked<'a> {
    // The order of these is that of their drops.
    inner: MutexGuard<'a, Inner>,
    ended: Vec<Message>,
    report: Report<'a>,
}

struct Report<'a> {
    slot: &'a Slot,
    due: bool,
}

impl<'a> Locked<'a> {
    pub(super) fn new(slot: &'a Slot) -> Self {
        // The machine is never left half changed: nothing in it panics halfway.
        let inner = slot.inner.lock().unwrap_or_else(PoisonError::into_inner);
        Self { inner, ended: Vec::new(), report: Report { slot, due: false } }
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        self.inner.machine.take_ended(&mut self.ended);
        if self.inner.machine.link().is_none() {
            let held = self.inner.machine.held_bytes();
            self.report.due = self.report.slot.held.swap(held, Ordering::SeqCst) != held;
        }
    }
}

impl Drop for Report<'_> {
    fn drop(&mut self) {
        if self.due {
            self.slot.holds.tell(self.slot.id);
        }
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
