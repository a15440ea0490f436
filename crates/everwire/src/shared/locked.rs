//! The mutex around the machine.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard};

use everwire_ws::Message;

use super::Inner;
use crate::sync::lock;

/// The mutex, held. What has ended under it is dropped when it is free: a payload's owner may do anything.
#[derive(Debug)]
pub(crate) struct Locked<'a> {
    // The order of these two is that of their drops.
    inner: MutexGuard<'a, Inner>,
    ended: Option<Vec<Message>>,
}

impl<'a> Locked<'a> {
    pub(super) fn new(mutex: &'a Mutex<Inner>) -> Self {
        Self { inner: lock(mutex), ended: None }
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        if self.inner.machine.has_ended_messages() {
            self.inner.machine.take_ended(self.ended.get_or_insert_default());
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
