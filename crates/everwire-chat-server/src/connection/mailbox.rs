use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use everwire_ws::CloseCode;

use crate::budget::MailboxBudget;
use crate::domain::{Delivery, Sink};
use crate::sync::lock;

/// The largest number of items for which an empty mailbox keeps its memory.
const KEPT_ITEMS: usize = 64;

/// What waits for one member. Bounded: a member for whom it overflows is closed, and catches up when it comes back.
#[derive(Debug)]
pub(crate) struct Mailbox {
    inner: Mutex<Inner>,
    limits: Limits,
}

#[derive(Debug)]
struct Limits {
    items: usize,
    bytes: usize,
    budget: Arc<MailboxBudget>,
}

#[derive(Debug, Default)]
struct Inner {
    items: VecDeque<Delivery>,
    bytes: usize,
    /// What is counted of it among all mailboxes.
    counted: usize,
    waker: Option<Waker>,
    ended: bool,
}

impl Mailbox {
    /// An empty mailbox for at most `items` deliveries and `bytes` bytes; the budget of all mailboxes may allow less.
    pub(crate) fn new(items: usize, bytes: usize, budget: Arc<MailboxBudget>) -> Self {
        budget.add();
        Self { inner: Mutex::default(), limits: Limits { items, bytes, budget } }
    }

    /// The next thing. One task at a time may wait.
    pub(crate) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Delivery> {
        let mut inner = self.lock();
        if let Some(item) = inner.items.pop_front() {
            inner.bytes -= item.bytes();
            inner.count(&self.limits);
            inner.relax();
            return Poll::Ready(item);
        }
        inner.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Only the end, once nothing else waits before it: for a member whose socket takes no more.
    pub(crate) fn poll_end(&self, cx: &mut Context<'_>) -> Poll<Delivery> {
        let mut inner = self.lock();
        if let Some(Delivery::Close(..)) = inner.items.front()
            && let Some(end) = inner.items.pop_front()
        {
            return Poll::Ready(end);
        }
        inner.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }
}

impl Sink for Mailbox {
    /// If there is no room, everything that waits is replaced by the end.
    fn deliver_all(&self, deliveries: &mut dyn Iterator<Item = Delivery>) -> u64 {
        let mut texts = 0;
        let mut inner = self.lock();
        for delivery in deliveries {
            texts += u64::from(matches!(delivery, Delivery::Texts { .. }));
            inner.put(delivery, &self.limits);
        }
        inner.count(&self.limits);
        if !inner.items.is_empty() {
            inner.wake();
        }
        texts
    }

    fn deliver_volatile(&self, delivery: Delivery) {
        let plenty = {
            let inner = self.lock();
            let Limits { items, bytes, budget } = &self.limits;
            let is_shared = !budget.is_too_much(0, inner.counted);
            is_shared && inner.items.len() < items / 2 && inner.bytes < bytes / 2
        };
        if plenty {
            self.deliver(delivery);
        }
    }

    fn close(&self, code: CloseCode, reason: Arc<str>) {
        let mut inner = self.lock();
        if !inner.ended {
            inner.end(code, reason);
            inner.count(&self.limits);
            inner.wake();
        }
    }
}

impl Inner {
    fn put(&mut self, item: Delivery, limits: &Limits) {
        if self.ended {
            return;
        }
        let bytes = self.bytes + item.bytes();
        let holds = cost(self.items.len() + 1, bytes);
        let is_too_much = limits.budget.is_too_much(holds.saturating_sub(self.counted), holds);
        if self.items.len() >= limits.items || bytes > limits.bytes || is_too_much {
            self.end(CloseCode::TRY_AGAIN_LATER, "too slow for this room: come back to catch up");
        } else {
            self.bytes = bytes;
            self.ended = matches!(item, Delivery::Close(..));
            self.items.push_back(item);
        }
    }

    fn end(&mut self, code: CloseCode, reason: impl Into<Arc<str>>) {
        self.items.clear();
        self.bytes = 0;
        self.items.push_back(Delivery::Close(code, reason.into()));
        self.ended = true;
    }

    fn count(&mut self, limits: &Limits) {
        let holds = cost(self.items.len(), self.bytes);
        limits.budget.change(self.counted, holds);
        self.counted = holds;
    }

    /// What a burst has needed is given back, once it is over.
    fn relax(&mut self) {
        if self.items.is_empty() && self.items.capacity() > KEPT_ITEMS {
            self.items = VecDeque::new();
        }
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        let counted = self.lock().counted;
        self.limits.budget.remove(counted);
    }
}

/// The memory that `items` items with `bytes` bytes take.
fn cost(items: usize, bytes: usize) -> usize {
    bytes + items * size_of::<Delivery>()
}
