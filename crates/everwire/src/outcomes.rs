//! The outcomes of all messages, as one stream.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use everwire_core::{MessageId, Outcome};

use crate::shared::Shared;

/// Messages with consecutive numbers that have the same outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutcomeRange {
    /// The first of them.
    pub first: MessageId,
    /// The last of them.
    pub last: MessageId,
    /// The outcome of each.
    pub outcome: Outcome,
}

/// The outcomes of all messages from the moment of [`Client::outcomes`](crate::Client::outcomes) on, in the order in which
/// they become known.
///
/// For a program that keeps its own list of messages, as a binding for another language does: it asks in one place for all
/// of them, where a [`Delivery`](crate::Delivery) speaks of one. Neighbours with the same outcome are one range. It does
/// not keep the client alive.
///
/// Nothing is discarded: what is not fetched stays here, 48 bytes for each range ([`pending`](Self::pending) counts them).
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

    /// How many ranges wait to be fetched.
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

/// What has not been fetched. It is guarded by the mutex of the machine.
#[derive(Debug, Default)]
pub(crate) struct OutcomeFeed {
    /// Of the reader; 0: there has been none, and nothing is kept.
    generation: u64,
    ranges: VecDeque<OutcomeRange>,
    waker: Option<Waker>,
    ended: bool,
}

impl OutcomeFeed {
    fn attach(&mut self) -> (u64, Option<Waker>) {
        self.generation = self.generation.saturating_add(1);
        (self.generation, self.waker.take())
    }

    /// Returns the reader's waker.
    pub(crate) fn push(&mut self, first: MessageId, last: MessageId, outcome: Outcome) -> Option<Waker> {
        if self.generation == 0 {
            return None;
        }
        match self.ranges.back_mut() {
            Some(range) if range.outcome == outcome && range.last.0.checked_add(1) == Some(first.0) => {
                range.last = last
            }
            _ => self.ranges.push_back(OutcomeRange { first, last, outcome }),
        }
        self.waker.take()
    }

    /// Nothing more comes. Returns the reader's waker.
    pub(crate) fn end(&mut self) -> Option<Waker> {
        self.ended = true;
        self.waker.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_with_the_same_outcome_are_one_range_and_nothing_is_kept_without_a_reader() {
        let mut feed = OutcomeFeed::default();
        feed.push(MessageId(1), MessageId(9), Outcome::Received);
        assert!(feed.ranges.is_empty());
        feed.attach();
        feed.push(MessageId(10), MessageId(12), Outcome::Received);
        feed.push(MessageId(13), MessageId(13), Outcome::Received);
        feed.push(MessageId(15), MessageId(15), Outcome::Received);
        feed.push(MessageId(16), MessageId(16), Outcome::Expired);
        let ranges: Vec<_> = feed.ranges.iter().map(|range| (range.first.0, range.last.0, range.outcome)).collect();
        assert_eq!(ranges, [(10, 13, Outcome::Received), (15, 15, Outcome::Received), (16, 16, Outcome::Expired)]);
    }
}
