//! The outcomes of all messages, as one stream.

pub(crate) mod feed;

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

pub use self::feed::OutcomeRange;
use crate::shared::Shared;

/// The outcomes of all messages from the moment of [`Client::outcomes`](crate::Client::outcomes) on, in the order in which
/// they become known.
///
/// It is for a program that keeps its own list of messages, as a binding for another language does: it gets all
/// outcomes in one place, where a [`Delivery`](crate::Delivery) tells one. Messages with consecutive numbers and the
/// same outcome are one range. It does not keep the client alive.
///
/// Nothing is discarded: what is not fetched stays here, 32 bytes for each range ([`pending`](Self::pending) counts
/// them). A program that never fetches them holds more and more of them.
pub struct Outcomes {
    shared: Arc<Shared>,
    generation: u64,
}

impl Outcomes {
    pub(crate) fn attach(shared: Arc<Shared>) -> Self {
        let (generation, earlier) = shared.lock().outcomes.attach();
        earlier.into_iter().for_each(Waker::wake);
        Self { shared, generation }
    }

    /// The next outcomes, at most `max` ranges (at least one); `None` when the client has ended and all were fetched, or
    /// after a later call of [`Client::outcomes`](crate::Client::outcomes).
    ///
    /// Cancel-safe: what was not returned is still there.
    pub async fn next(&mut self, max: usize) -> Option<Vec<OutcomeRange>> {
        poll_fn(|cx| self.poll(max.max(1), cx)).await
    }

    /// The number of ranges that wait to be fetched.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.shared.lock().outcomes.ranges.len()
    }

    fn poll(&self, max: usize, cx: &Context<'_>) -> Poll<Option<Vec<OutcomeRange>>> {
        let mut inner = self.shared.lock();
        let feed = &mut inner.outcomes;
        if feed.generation != self.generation {
            return Poll::Ready(None);
        }
        if !feed.ranges.is_empty() {
            let count = max.min(feed.ranges.len());
            return Poll::Ready(Some(feed.ranges.drain(..count).collect()));
        }
        if feed.ended {
            return Poll::Ready(None);
        }
        let earlier = feed.waker.replace(cx.waker().clone());
        drop(inner);
        drop(earlier);
        Poll::Pending
    }
}

impl fmt::Debug for Outcomes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcomes").finish_non_exhaustive()
    }
}
