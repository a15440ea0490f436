use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

/// Wakes the one task, and remembers it until the task has looked.
#[derive(Default)]
pub(crate) struct Work {
    is_there: AtomicBool,
    waker: AtomicWaker,
}

impl Work {
    /// There is something for the task. With nothing locked.
    pub(super) fn notify(&self) {
        self.is_there.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Ready if there was something since it was ready last.
    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        if self.take() {
            return Poll::Ready(());
        }
        self.waker.register(cx.waker());
        // What came before the waker was there is seen now.
        if self.take() { Poll::Ready(()) } else { Poll::Pending }
    }

    fn take(&self) -> bool {
        self.is_there.load(Ordering::Acquire) && self.is_there.swap(false, Ordering::AcqRel)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::{Wake, Waker};

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn what_came_while_the_task_was_not_waiting_is_told_once_when_it_looks() {
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let cx = Context::from_waker(&waker);
        let work = Work::default();
        work.notify();
        work.notify();
        assert!(work.poll(&cx).is_ready());
        assert!(work.poll(&cx).is_pending());
        work.notify();
        assert_eq!(count.0.load(Ordering::SeqCst), 1, "it is woken");
        assert!(work.poll(&cx).is_ready());
        assert!(work.poll(&cx).is_pending());
    }
}
