//! Two tasks on one socket: one reads, one writes.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};

/// Who waits for the transport to take more.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Half {
    /// A reader writes as well: pongs, and what is queued.
    Reader,
    Writer,
}

/// A transport remembers only the last task that waits to write to it. Where both halves of a socket may be that, they leave
/// a waker with it that wakes both.
#[derive(Debug)]
pub(crate) struct Halves {
    both: Arc<Both>,
    waker: Waker,
}

impl Halves {
    pub(crate) fn new() -> Self {
        let both = Arc::<Both>::default();
        Self { waker: Waker::from(Arc::clone(&both)), both }
    }

    /// What this half leaves with the transport.
    pub(crate) fn waker(&self, half: Half, cx: &Context<'_>) -> Waker {
        let mut slot = self.both.0[half as usize].lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *slot {
            Some(waker) => waker.clone_from(cx.waker()),
            None => *slot = Some(cx.waker().clone()),
        }
        self.waker.clone()
    }
}

#[derive(Debug, Default)]
struct Both([Mutex<Option<Waker>>; 2]);

impl Wake for Both {
    fn wake(self: Arc<Self>) {
        for slot in &self.0 {
            let waker = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
            waker.into_iter().for_each(Waker::wake);
        }
    }
}
