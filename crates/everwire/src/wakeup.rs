//! How one task is woken by others, without ever missing anything.

use std::task::{Context, Waker};

use crate::sync::{AtomicBool, Mutex, Ordering, fence, lock};

/// Wakes the one task that sleeps by it.
///
/// The sleeper [arms](Self::arm) it and then looks, for the last time, at everything that it waits for. A task that has
/// something for the sleeper stores it there and then [wakes](Self::wake) the sleeper. So one of the two sees the
/// other, and no wake-up is lost; the sleeper may wake and find nothing. `tests/loom` explores the orders in which this
/// can happen.
#[derive(Debug, Default)]
pub(crate) struct Wakeup {
    /// Whether there is a waker, so that it costs next to nothing to wake a task that is awake.
    armed: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Wakeup {
    /// To be called before the last look. Returns the waker that stood here before, to be dropped where no lock is held.
    pub(crate) fn arm(&self, cx: &Context<'_>) -> Option<Waker> {
        let mut waker = lock(&self.waker);
        let earlier = match &*waker {
            Some(same) if same.will_wake(cx.waker()) => None,
            _ => waker.replace(cx.waker().clone()),
        };
        self.armed.store(true, Ordering::Relaxed);
        drop(waker);
        // The last look comes after this, whatever it looks at.
        fence(Ordering::SeqCst);
        earlier
    }

    /// To be called after there is something for the sleeper, and with no lock held: it runs code of the executor's.
    #[inline]
    pub(crate) fn wake(&self) {
        // What is there for the sleeper comes before this.
        fence(Ordering::SeqCst);
        if self.armed.load(Ordering::Relaxed) {
            self.wake_armed();
        }
    }

    #[cold]
    fn wake_armed(&self) {
        let mut waker = lock(&self.waker);
        self.armed.store(false, Ordering::Relaxed);
        let waker_now = waker.take();
        drop(waker);
        waker_now.into_iter().for_each(Waker::wake);
    }
}
