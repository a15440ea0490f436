use std::collections::VecDeque;
use std::task::Waker;

use everwire_core::{MessageId, Outcome};

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

/// What has not been fetched. It is guarded by the mutex of the machine.
#[derive(Debug, Default)]
pub(crate) struct OutcomeFeed {
    /// Of the reader; 0: there has been none, and nothing is kept.
    pub(super) generation: u64,
    pub(super) ranges: VecDeque<OutcomeRange>,
    pub(super) waker: Option<Waker>,
    pub(super) ended: bool,
}

impl OutcomeFeed {
    pub(super) fn attach(&mut self) -> (u64, Option<Waker>) {
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
    #[test]
    fn a_range_takes_the_memory_that_the_documentation_of_outcomes_states() {
        assert_eq!(size_of::<OutcomeRange>(), 32);
    }
}
