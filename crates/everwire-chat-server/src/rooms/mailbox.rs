use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use everwire_server::{CloseCode, Message, Prepared};

use super::together::Together;

/// Room for so many items is kept by an empty mailbox.
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
    together: Arc<Together>,
}

#[derive(Debug, Default)]
struct Inner {
    items: VecDeque<Item>,
    bytes: usize,
    /// What is counted of it among all mailboxes.
    counted: usize,
    waker: Option<Waker>,
    ended: bool,
}

/// Something for a member.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// A frame to be sent.
    Frame(Prepared),
    /// Lines of the history that were committed together: not to be sent if the member's catch-up has had them.
    Lines {
        /// The frame.
        frame: Prepared,
        /// The place of the last of them.
        last: u64,
    },
    /// Posts of the member's own are stored; with a frame if it understands one.
    Done {
        /// How many.
        posts: usize,
        /// The frame; apart, since there are few of these, and thousands of the others.
        frame: Option<Box<Message>>,
    },
    /// A post of the member's own could not be stored.
    Failed,
    /// The connection is to end. Nothing follows.
    Close(CloseCode, Arc<str>),
}

impl Mailbox {
    /// An empty one, for so many items and bytes at most, and no more than what all may hold `together`.
    pub(crate) fn new(items: usize, bytes: usize, together: Arc<Together>) -> Self {
        together.add();
        Self { inner: Mutex::default(), limits: Limits { items, bytes, together } }
    }

    /// Puts something in; if there is no room, everything that waits is replaced by the end.
    pub(crate) fn put(&self, item: Item) {
        self.put_all([item]);
    }

    /// Puts several things in, as if one by one; how many of them are [lines](Item::Lines).
    pub(crate) fn put_all(&self, items: impl IntoIterator<Item = Item>) -> u64 {
        let mut lines = 0;
        let mut inner = self.lock();
        for item in items {
            lines += u64::from(matches!(item, Item::Lines { .. }));
            inner.put(item, &self.limits);
        }
        inner.count(&self.limits);
        if !inner.items.is_empty() {
            inner.wake();
        }
        lines
    }

    /// Puts something in that may be left out: only if there is plenty of room.
    pub(crate) fn put_volatile(&self, item: Item) {
        let plenty = {
            let inner = self.lock();
            let Limits { items, bytes, together } = &self.limits;
            let is_shared = !together.is_too_much(0, inner.counted);
            is_shared && inner.items.len() < items / 2 && inner.bytes < bytes / 2
        };
        if plenty {
            self.put(item);
        }
    }

    /// Ends the connection at once: what waits is not worth sending any more.
    pub(crate) fn close(&self, code: CloseCode, reason: impl Into<Arc<str>>) {
        let mut inner = self.lock();
        if !inner.ended {
            inner.end(code, reason);
            inner.count(&self.limits);
            inner.wake();
        }
    }

    /// The next thing. One task at a time may wait.
    pub(crate) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Item> {
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
    pub(crate) fn poll_end(&self, cx: &mut Context<'_>) -> Poll<Item> {
        let mut inner = self.lock();
        if let Some(Item::Close(..)) = inner.items.front()
            && let Some(end) = inner.items.pop_front()
        {
            return Poll::Ready(end);
        }
        inner.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn put(&mut self, item: Item, limits: &Limits) {
        if self.ended {
            return;
        }
        let bytes = self.bytes + item.bytes();
        let holds = cost(self.items.len() + 1, bytes);
        let is_too_much = limits.together.is_too_much(holds.saturating_sub(self.counted), holds);
        if self.items.len() >= limits.items || bytes > limits.bytes || is_too_much {
            self.end(CloseCode::TRY_AGAIN_LATER, "too slow for this room: come back to catch up");
        } else {
            self.bytes = bytes;
            self.ended = matches!(item, Item::Close(..));
            self.items.push_back(item);
        }
    }

    fn end(&mut self, code: CloseCode, reason: impl Into<Arc<str>>) {
        self.items.clear();
        self.bytes = 0;
        self.items.push_back(Item::Close(code, reason.into()));
        self.ended = true;
    }

    fn count(&mut self, limits: &Limits) {
        let holds = cost(self.items.len(), self.bytes);
        limits.together.change(self.counted, holds);
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
        self.limits.together.remove(counted);
    }
}

/// What so many items with so many bytes take.
fn cost(items: usize, bytes: usize) -> usize {
    bytes + items * size_of::<Item>()
}

impl Item {
    fn bytes(&self) -> usize {
        match self {
            Self::Frame(frame) | Self::Lines { frame, .. } => frame.message().len(),
            Self::Done { frame: Some(frame), .. } => frame.len(),
            Self::Done { frame: None, .. } | Self::Failed | Self::Close(..) => 0,
        }
    }
}
