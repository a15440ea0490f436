//! Finds the deliveries of a range of messages.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::task::Waker;

use everwire_core::{MessageId, Outcome};

use super::block::{BLOCK, Block};
use super::{Deliveries, Delivery};

/// The blocks that hold a message without an outcome, and the one that is being filled. A block
/// leaves with its last outcome, so there are never more than the outbox holds messages; a
/// [`Delivery`] that is kept longer pins its own block only.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// By their numbers.
    blocks: VecDeque<Entry>,
    filling: Option<Filling>,
}

#[derive(Debug)]
struct Filling {
    number: u64,
    block: Arc<Block>,
    /// The place which comes next.
    next_index: u16,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    block: Arc<Block>,
    unsettled: u64,
}

impl Ledger {
    /// The delivery of a message that was just accepted.
    pub(crate) fn open(&mut self, id: MessageId) -> Delivery {
        let (number, index) = place(id.0);
        if let Some(filling) = &mut self.filling
            && filling.number == number
            && filling.next_index == u16::from(index)
        {
            filling.next_index += 1;
            return Delivery::new(Arc::clone(&filling.block), index);
        }
        let block = Arc::clone(self.reserve(number, index));
        Delivery::new(block, index)
    }

    /// Appends the deliveries of the `count` messages that were just accepted, the last of them with the number `last`.
    pub(crate) fn open_many(&mut self, last: MessageId, count: usize, deliveries: &mut Deliveries) {
        if count == 0 {
            return;
        }
        for (number, indices) in blocks(last.0 + 1 - count as u64, last.0) {
            let (start, end) = indices.into_inner();
            let block = Arc::clone(self.reserve(number, start));
            if let Some(filling) = &mut self.filling {
                filling.next_index = u16::from(end) + 1;
            }
            deliveries.push(block, start, end);
        }
    }

    /// Makes a place of a block that of a message.
    #[inline(never)] // out of the way of the next place in the same block
    fn reserve(&mut self, number: u64, index: u8) -> &Arc<Block> {
        let mut filling = match self.filling.take() {
            Some(filling) if filling.number == number => filling,
            before => {
                if let Some(before) = before {
                    self.give_up(before.number, BLOCK - u64::from(before.next_index));
                }
                self.start(number)
            }
        };
        self.give_up(number, u64::from(index) - u64::from(filling.next_index));
        filling.next_index = u16::from(index) + 1;
        &self.filling.insert(filling).block
    }

    pub(crate) fn stored(&mut self, first: MessageId, last: MessageId, wakers: &mut Vec<Waker>) {
        for (number, indices) in blocks(first.0, last.0) {
            if let Some((_, entry)) = self.find(number) {
                entry.block.set_stored(indices, wakers);
            }
        }
    }

    /// Gives up `places` places of a block that belong to no message: the numbers that a store has kept have gaps.
    fn give_up(&mut self, number: u64, places: u64) {
        if places > 0
            && let Some((at, entry)) = self.find(number)
        {
            entry.subtract(places);
            if entry.unsettled == 0 {
                self.blocks.remove(at);
            }
        }
    }

    pub(crate) fn written(&mut self, first: MessageId, last: MessageId, wakers: &mut Vec<Waker>) {
        for (number, indices) in blocks(first.0, last.0) {
            if let Some((_, entry)) = self.find(number) {
                entry.block.set_written(indices, wakers);
            }
        }
    }

    pub(crate) fn settle(&mut self, first: MessageId, last: MessageId, outcome: Outcome, wakers: &mut Vec<Waker>) {
        for (number, indices) in blocks(first.0, last.0) {
            let Some((at, entry)) = self.find(number) else {
                debug_assert!(false, "all of {first:?} to {last:?} that belong to block {number} had their outcomes");
                continue;
            };
            let count = u64::from(*indices.end() - *indices.start()) + 1;
            entry.block.set_outcome(indices, outcome, wakers);
            entry.subtract(count);
            if entry.unsettled == 0 {
                self.blocks.remove(at);
            }
        }
    }

    fn find(&mut self, number: u64) -> Option<(usize, &mut Entry)> {
        let at = self.blocks.binary_search_by_key(&number, |entry| entry.number).ok()?;
        Some((at, self.blocks.get_mut(at)?))
    }

    fn start(&mut self, number: u64) -> Filling {
        let block = Arc::new(Block::new(number * BLOCK + FIRST_ID));
        self.blocks.push_back(Entry { number, block: Arc::clone(&block), unsettled: BLOCK });
        Filling { number, block, next_index: 0 }
    }
}

impl Entry {
    /// Counts `places` of its places as settled. Each place must count once: else the block is removed too early, or never.
    fn subtract(&mut self, places: u64) {
        debug_assert!(places <= self.unsettled, "{places} of {} places of block {}", self.unsettled, self.number);
        self.unsettled = self.unsettled.saturating_sub(places);
    }
}

/// Messages are numbered from 1.
const FIRST_ID: u64 = 1;

/// Number of the block, and the index in it.
fn place(id: u64) -> (u64, u8) {
    let offset = id.saturating_sub(FIRST_ID);
    (offset / BLOCK, (offset % BLOCK) as u8)
}

/// A range of messages, block by block.
fn blocks(first: u64, last: u64) -> impl Iterator<Item = (u64, RangeInclusive<u8>)> {
    let ((first_block, first_index), (last_block, last_index)) = (place(first), place(last));
    (first_block..=last_block).map(move |number| {
        let start = if number == first_block { first_index } else { 0 };
        let end = if number == last_block { last_index } else { u8::MAX };
        (number, start..=end)
    })
}

#[cfg(test)]
mod tests {
    use super::super::Progress;
    use super::*;

    #[test]
    fn a_range_over_several_blocks_reaches_each_of_its_messages_and_no_other() {
        let mut ledger = Ledger::default();
        let deliveries: Vec<_> = (1..=1000).map(|id| ledger.open(MessageId(id))).collect();
        ledger.written(MessageId(1), MessageId(900), &mut Vec::new());
        ledger.settle(MessageId(200), MessageId(800), Outcome::Received, &mut Vec::new());
        for delivery in &deliveries {
            let expected = match delivery.id().0 {
                200..=800 => Progress::Done(Outcome::Received),
                1..=900 => Progress::Written,
                _ => Progress::Queued,
            };
            assert_eq!(delivery.progress(), expected, "{:?}", delivery.id());
        }
    }

    #[test]
    fn many_at_once_have_the_places_that_each_would_have_by_itself() {
        let mut ledger = Ledger::default();
        let mut deliveries = Deliveries::new();
        drop(ledger.open(MessageId(1)));
        for (last, count) in [(1, 0), (4, 3), (257, 253), (900, 643), (901, 1)] {
            ledger.open_many(MessageId(last), count, &mut deliveries);
        }
        drop(ledger.open(MessageId(902)));
        ledger.settle(MessageId(1), MessageId(500), Outcome::Received, &mut Vec::new());
        assert_eq!(deliveries.len(), 900);
        for (id, delivery) in (2..).zip(deliveries) {
            assert_eq!(delivery.id(), MessageId(id));
            let expected = if id <= 500 { Progress::Done(Outcome::Received) } else { Progress::Queued };
            assert_eq!(delivery.progress(), expected, "{id}");
        }
        ledger.settle(MessageId(501), MessageId(902), Outcome::Received, &mut Vec::new());
        assert_eq!(ledger.blocks.len(), 1, "the one that is being filled");
    }

    #[test]
    fn blocks_with_gaps_are_not_kept_for_messages_that_never_were() {
        let mut ledger = Ledger::default();
        for id in [3, 5, 700, 1_000_000, 1_000_001] {
            drop(ledger.open(MessageId(id)));
        }
        (1_000_002..=1_000_448).for_each(|id| drop(ledger.open(MessageId(id))));
        assert_eq!(ledger.blocks.len(), 4);
        ledger.settle(MessageId(3), MessageId(3), Outcome::Received, &mut Vec::new());
        ledger.settle(MessageId(5), MessageId(5), Outcome::Received, &mut Vec::new());
        ledger.settle(MessageId(700), MessageId(700), Outcome::Received, &mut Vec::new());
        ledger.settle(MessageId(1_000_000), MessageId(1_000_448), Outcome::Received, &mut Vec::new());
        assert_eq!(ledger.blocks.len(), 0);
    }

    #[cfg(debug_assertions)]
    #[test]
    #[should_panic(expected = "had their outcomes")]
    fn an_outcome_for_a_block_that_is_done_with_does_not_go_unnoticed() {
        let mut ledger = Ledger::default();
        (1..=2 * BLOCK).for_each(|id| drop(ledger.open(MessageId(id))));
        ledger.settle(MessageId(1), MessageId(BLOCK), Outcome::Received, &mut Vec::new());
        ledger.settle(MessageId(BLOCK), MessageId(BLOCK), Outcome::Received, &mut Vec::new());
    }

    #[test]
    fn settled_blocks_are_not_kept_even_behind_one_that_is_stuck() {
        let mut ledger = Ledger::default();
        for id in 1..=BLOCK * 1000 {
            drop(ledger.open(MessageId(id)));
            if id != 1 {
                ledger.settle(MessageId(id), MessageId(id), Outcome::Received, &mut Vec::new());
            }
        }
        assert_eq!(ledger.blocks.len(), 1, "the first, for its first message");
    }
}
