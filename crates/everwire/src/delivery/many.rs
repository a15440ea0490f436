//! What `send_many` has accepted.

use std::collections::VecDeque;
use std::fmt;
use std::iter::FusedIterator;
use std::sync::Arc;

use everwire_core::{MessageId, Outcome};

use super::Delivery;
use super::block::Block;

/// The deliveries of many messages, in the order in which they were sent.
///
/// It holds one reference for each 256 consecutive messages, where a [`Delivery`] holds one for each message. Like a
/// delivery it may be dropped at any time. It is an iterator of [`Delivery`], to handle each message separately.
#[derive(Default)]
#[must_use = "the outcomes are lost with the deliveries; `drop` them to say that this is meant"]
pub struct Deliveries {
    runs: VecDeque<IdRange>,
    len: usize,
}

/// Neighbours in a block.
struct IdRange {
    block: Arc<Block>,
    first: u8,
    count: u16,
}

impl Deliveries {
    /// An empty collection, for [`Client::send_many`](crate::Client::send_many) to fill.
    pub const fn new() -> Self {
        Self { runs: VecDeque::new(), len: 0 }
    }

    /// The number of messages whose deliveries are left.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns `true` if there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number of the first message that is left; `None` if there are none.
    pub fn first_id(&self) -> Option<MessageId> {
        self.runs.front().map(|run| MessageId(run.block.first + u64::from(run.first)))
    }

    /// Waits for the outcome of the next message, in the order of sending; `None` once there are no more. Cancel-safe:
    /// what was not returned is still there.
    pub async fn next_outcome(&mut self) -> Option<Outcome> {
        let run = self.runs.front()?;
        let outcome = Delivery::new(Arc::clone(&run.block), run.first).await;
        drop(self.next());
        Some(outcome)
    }

    /// Adds the next messages, from the place `first` of a block to `last`.
    pub(super) fn push(&mut self, block: Arc<Block>, first: u8, last: u8) {
        let count = u16::from(last - first) + 1;
        self.len += usize::from(count);
        match self.runs.back_mut() {
            Some(run) if Arc::ptr_eq(&run.block, &block) && run.end() == u16::from(first) => run.count += count,
            _ => self.runs.push_back(IdRange { block, first, count }),
        }
    }
}

impl IdRange {
    fn end(&self) -> u16 {
        u16::from(self.first) + self.count
    }
}

impl Iterator for Deliveries {
    type Item = Delivery;

    fn next(&mut self) -> Option<Delivery> {
        let run = self.runs.front_mut()?;
        let index = run.first;
        self.len -= 1;
        if run.count > 1 {
            run.first += 1;
            run.count -= 1;
            return Some(Delivery::new(Arc::clone(&run.block), index));
        }
        self.runs.pop_front().map(|run| Delivery::new(run.block, index))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len, Some(self.len))
    }
}

impl ExactSizeIterator for Deliveries {}
impl FusedIterator for Deliveries {}

impl fmt::Debug for Deliveries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deliveries").field("first_id", &self.first_id()).field("len", &self.len).finish()
    }
}
