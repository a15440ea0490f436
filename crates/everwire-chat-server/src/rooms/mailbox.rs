use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use everwire_server::{CloseCode, Message, Prepared};

/// Room for so many items is kept by an empty mailbox.
const KEPT_ITEMS: usize = 64;

/// What waits for one member. Bounded: a member for whom it overflows is closed, and catches up when it comes back.
#[derive(Debug)]
pub(crate) struct Mailbox {
    inner: Mutex<Inner>,
    max_items: usize,
    max_bytes: usize,
}

#[derive(Debug, Default)]
struct Inner {
    items: VecDeque<Item>,
    bytes: usize,
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
    Close(CloseCode, &'static str),
}

impl Mailbox {
    pub(crate) fn new(max_items: usize, max_bytes: usize) -> Self {
        Self { inner: Mutex::default(), max_items, max_bytes }
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
            inner.put(item, self.max_items, self.max_bytes);
        }
        if !inner.items.is_empty() {
            inner.wake();
        }
        lines
    }

    /// Puts something in that may be left out: only if there is plenty of room.
    pub(crate) fn put_volatile(&self, item: Item) {
        let plenty = {
            let inner = self.lock();
            inner.items.len() < self.max_items / 2 && inner.bytes < self.max_bytes / 2
        };
        if plenty {
            self.put(item);
        }
    }

    /// Ends the connection at once: what waits is not worth sending any more.
    pub(crate) fn close(&self, code: CloseCode, reason: &'static str) {
        let mut inner = self.lock();
        if !inner.ended {
            inner.end(code, reason);
            inner.wake();
        }
    }

    /// The next thing. One task at a time may wait.
    pub(crate) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Item> {
        let mut inner = self.lock();
        if let Some(item) = inner.items.pop_front() {
            inner.bytes -= item.bytes();
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
    fn put(&mut self, item: Item, max_items: usize, max_bytes: usize) {
        if self.ended {
            return;
        }
        let bytes = self.bytes + item.bytes();
        if self.items.len() >= max_items || bytes > max_bytes {
            self.end(CloseCode::TRY_AGAIN_LATER, "too slow for this room: come back to catch up");
        } else {
            self.bytes = bytes;
            self.ended = matches!(item, Item::Close(..));
            self.items.push_back(item);
        }
    }

    fn end(&mut self, code: CloseCode, reason: &'static str) {
        self.items.clear();
        self.bytes = 0;
        self.items.push_back(Item::Close(code, reason));
        self.ended = true;
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

impl Item {
    fn bytes(&self) -> usize {
        match self {
            Self::Frame(frame) | Self::Lines { frame, .. } => frame.message().len(),
            Self::Done { frame: Some(frame), .. } => frame.len(),
            Self::Done { frame: None, .. } | Self::Failed | Self::Close(..) => 0,
        }
    }
}
