//! Where 256 neighbouring messages stand, one byte each.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use everwire_core::{DropPolicy, Outcome, Stage};

use super::Progress;
use crate::sync::lock;

/// The number of messages per block: one allocation serves all of their deliveries.
pub(crate) const BLOCK: u64 = 256;

/// The least code that a waiter waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wants {
    /// Durable, or finished.
    Stored = 0,
    /// Written to a socket, or finished.
    Written = 1,
    /// Finished.
    Outcome = 2,
}

/// The places of 256 messages with contiguous numbers.
#[derive(Debug)]
pub(super) struct Block {
    /// Number of the message at index 0.
    pub(super) first: u64,
    codes: [AtomicU8; BLOCK as usize],
    /// Which are durable, a bit each.
    stored: [AtomicU64; BLOCK as usize / 64],
    state: Mutex<BlockState>,
}

#[derive(Debug, Default)]
struct BlockState {
    waiters: Vec<Waiter>,
    /// Outcomes that have no code of their own.
    rare: Vec<(u8, Outcome)>,
}

#[derive(Debug)]
struct Waiter {
    index: u8,
    wants: Wants,
    waker: Waker,
}

impl Block {
    pub(super) fn new(first: u64) -> Self {
        Self {
            first,
            codes: [const { AtomicU8::new(QUEUED) }; BLOCK as usize],
            stored: [const { AtomicU64::new(0) }; BLOCK as usize / 64],
            state: Mutex::default(),
        }
    }

    pub(super) fn progress(&self, index: u8) -> Progress {
        let code = self.load(index);
        if code == RARE { self.lock().rare(index) } else { decode(code) }
    }

    /// Ready when the message stands at least at `wants`; otherwise the waker replaces the one
    /// that this message may have here already.
    pub(super) fn poll(&self, index: u8, wants: Wants, cx: &mut Context<'_>) -> Poll<Progress> {
        if self.load(index) < wants as u8 {
            let mut state = self.lock();
            // The code is stored before the state is locked for waking, so one of us sees the other.
            if self.load(index) < wants as u8 {
                let earlier = state.register(index, wants, cx);
                drop(state);
                drop(earlier);
                return Poll::Pending;
            }
        }
        Poll::Ready(self.progress(index))
    }

    /// Ready when the message is durable, or has its outcome.
    pub(super) fn poll_stored(&self, index: u8, cx: &mut Context<'_>) -> Poll<Result<(), Outcome>> {
        if let Some(known) = self.known_of_storing(index) {
            return Poll::Ready(known);
        }
        let mut state = self.lock();
        // The bit is stored before the state is locked for waking: either this look finds it, or the waker is found.
        match self.known_of_storing_locked(index, &state) {
            Some(known) => Poll::Ready(known),
            None => {
                let earlier = state.register(index, Wants::Stored, cx);
                drop(state);
                drop(earlier);
                Poll::Pending
            }
        }
    }

    fn known_of_storing(&self, index: u8) -> Option<Result<(), Outcome>> {
        if self.is_stored(index) {
            return Some(Ok(()));
        }
        match self.progress(index) {
            Progress::Done(outcome) => Some(Err(outcome)),
            Progress::Queued | Progress::Written => None,
        }
    }

    fn known_of_storing_locked(&self, index: u8, state: &BlockState) -> Option<Result<(), Outcome>> {
        if self.is_stored(index) {
            return Some(Ok(()));
        }
        let code = self.load(index);
        match if code == RARE { state.rare(index) } else { decode(code) } {
            Progress::Done(outcome) => Some(Err(outcome)),
            Progress::Queued | Progress::Written => None,
        }
    }

    fn is_stored(&self, index: u8) -> bool {
        self.stored[usize::from(index) / 64].load(Ordering::Acquire) & (1 << (index % 64)) != 0
    }

    /// Marks messages as durable and collects those who waited for that.
    pub(super) fn set_stored(&self, range: RangeInclusive<u8>, wakers: &mut Vec<Waker>) {
        for index in range.clone() {
            self.stored[usize::from(index) / 64].fetch_or(1 << (index % 64), Ordering::Release);
        }
        self.lock().collect_stored(range, wakers);
    }

    /// Nobody waits for this message any more.
    pub(super) fn forget(&self, index: u8) {
        let mut state = self.lock();
        let gone: Vec<Waiter> = state.waiters.extract_if(.., |waiter| waiter.index == index).collect();
        drop(state);
        // Wakers are their executors' code.
        drop(gone);
    }

    /// Marks messages as written and collects those who waited for that.
    pub(super) fn set_written(&self, range: RangeInclusive<u8>, wakers: &mut Vec<Waker>) {
        for index in range.clone() {
            // A message that is sent again does not step back, nor one that has its outcome.
            if self.load(index) == QUEUED {
                self.store(index, WRITTEN);
            }
        }
        self.lock().collect(range, WRITTEN, wakers);
    }

    /// Gives messages their outcome and collects those who waited.
    pub(super) fn set_outcome(&self, range: RangeInclusive<u8>, outcome: Outcome, wakers: &mut Vec<Waker>) {
        debug_assert!(range.clone().all(|index| self.load(index) <= WRITTEN), "a message has two outcomes");
        let code = encode(outcome);
        if code == RARE {
            let mut state = self.lock();
            state.rare.extend(range.clone().map(|index| (index, outcome)));
        }
        for index in range.clone() {
            self.store(index, code);
        }
        self.lock().collect(range, code, wakers);
    }

    fn load(&self, index: u8) -> u8 {
        self.codes[usize::from(index)].load(Ordering::Acquire)
    }

    fn store(&self, index: u8, code: u8) {
        self.codes[usize::from(index)].store(code, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, BlockState> {
        lock(&self.state)
    }
}

impl BlockState {
    /// Returns the waker that stood here before, to be dropped where nothing is locked.
    fn register(&mut self, index: u8, wants: Wants, cx: &mut Context<'_>) -> Option<Waker> {
        match self.waiters.iter_mut().find(|waiter| waiter.index == index) {
            Some(waiter) => {
                waiter.wants = wants;
                let same = waiter.waker.will_wake(cx.waker());
                (!same).then(|| std::mem::replace(&mut waiter.waker, cx.waker().clone()))
            }
            None => {
                self.waiters.push(Waiter { index, wants, waker: cx.waker().clone() });
                None
            }
        }
    }

    fn collect(&mut self, range: RangeInclusive<u8>, code: u8, wakers: &mut Vec<Waker>) {
        // A waiter for durability is not woken here when the message is written, only by its outcome.
        let reached = |wants: Wants| match wants {
            Wants::Stored => code > WRITTEN,
            Wants::Written | Wants::Outcome => wants as u8 <= code,
        };
        let due = |waiter: &mut Waiter| range.contains(&waiter.index) && reached(waiter.wants);
        wakers.extend(self.waiters.extract_if(.., due).map(|waiter| waiter.waker));
    }

    fn collect_stored(&mut self, range: RangeInclusive<u8>, wakers: &mut Vec<Waker>) {
        let due = |waiter: &mut Waiter| range.contains(&waiter.index) && waiter.wants == Wants::Stored;
        wakers.extend(self.waiters.extract_if(.., due).map(|waiter| waiter.waker));
    }

    fn rare(&self, index: u8) -> Progress {
        match self.rare.iter().find(|(at, _)| *at == index) {
            Some((_, outcome)) => Progress::Done(*outcome),
            None => Progress::Queued,
        }
    }
}

const QUEUED: u8 = 0;
const WRITTEN: u8 = 1;
/// The outcome is in [`BlockState::rare`].
const RARE: u8 = u8::MAX;
/// Codes from 2 upwards, in this order.
const COMMON: [Outcome; 11] = [
    Outcome::Acknowledged,
    Outcome::Received,
    Outcome::Unknown(Stage::Written),
    Outcome::Unknown(Stage::Queued),
    Outcome::Cancelled,
    Outcome::Expired,
    Outcome::Dropped(DropPolicy::Oldest),
    Outcome::Dropped(DropPolicy::Newest),
    Outcome::Dropped(DropPolicy::LowestPriority),
    Outcome::Dropped(DropPolicy::Conflated),
    Outcome::Stored,
];

fn encode(outcome: Outcome) -> u8 {
    (WRITTEN + 1..).zip(COMMON).find(|(_, common)| *common == outcome).map_or(RARE, |(code, _)| code)
}

fn decode(code: u8) -> Progress {
    match code {
        QUEUED => Progress::Queued,
        WRITTEN => Progress::Written,
        code => match COMMON.get(usize::from(code - WRITTEN - 1)) {
            Some(outcome) => Progress::Done(*outcome),
            None => Progress::Queued,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use everwire_core::Rejection;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn wake_all(wakers: &mut Vec<Waker>) {
        wakers.drain(..).for_each(Waker::wake);
    }

    #[test]
    fn every_outcome_comes_back_as_it_was_given() {
        let rare = Outcome::Rejected(Rejection::PeerRefuses(1009));
        for outcome in COMMON.into_iter().chain([rare]) {
            let block = Block::new(1);
            block.set_outcome(7..=9, outcome, &mut Vec::new());
            for index in 7..=9 {
                assert_eq!(block.progress(index), Progress::Done(outcome));
            }
            assert_eq!(block.progress(6), Progress::Queued);
            assert_eq!(block.progress(10), Progress::Queued);
        }
    }

    #[cfg(debug_assertions)]
    #[test]
    #[should_panic(expected = "a message has two outcomes")]
    fn a_second_outcome_does_not_go_unnoticed() {
        let block = Block::new(1);
        block.set_outcome(7..=9, Outcome::Received, &mut Vec::new());
        block.set_outcome(9..=9, Outcome::Cancelled, &mut Vec::new());
    }

    #[test]
    fn a_waiter_is_woken_once_for_what_it_waits_for_and_by_its_latest_waker() {
        let (block, mut wakers) = (Block::new(1), Vec::new());
        let (stale, count) = (Arc::new(Count::default()), Arc::new(Count::default()));
        let stale_waker = Waker::from(Arc::clone(&stale));
        let waker = Waker::from(Arc::clone(&count));

        assert!(block.poll(3, Wants::Outcome, &mut Context::from_waker(&stale_waker)).is_pending());
        assert!(block.poll(3, Wants::Outcome, &mut Context::from_waker(&waker)).is_pending());
        block.set_written(0..=255, &mut wakers);
        wake_all(&mut wakers);
        assert_eq!(count.0.load(Ordering::SeqCst), 0, "written is not what it waits for");

        block.set_outcome(4..=255, Outcome::Received, &mut wakers);
        wake_all(&mut wakers);
        assert_eq!(count.0.load(Ordering::SeqCst), 0, "its message is another");

        block.set_outcome(0..=3, Outcome::Received, &mut wakers);
        wake_all(&mut wakers);
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        assert_eq!(stale.0.load(Ordering::SeqCst), 0);
        assert_eq!(
            block.poll(3, Wants::Outcome, &mut Context::from_waker(&waker)),
            Poll::Ready(Progress::Done(Outcome::Received))
        );
    }

    #[test]
    fn a_message_that_is_written_again_does_not_step_back() {
        let (block, mut wakers) = (Block::new(1), Vec::new());
        block.set_outcome(0..=0, Outcome::Cancelled, &mut wakers);
        block.set_written(0..=1, &mut wakers);
        assert_eq!(block.progress(0), Progress::Done(Outcome::Cancelled));
        assert_eq!(block.progress(1), Progress::Written);
    }

    #[test]
    fn a_forgotten_waiter_leaves_nothing_behind() {
        let block = Block::new(1);
        let waker = Waker::from(Arc::new(Count::default()));
        assert!(block.poll(0, Wants::Written, &mut Context::from_waker(&waker)).is_pending());
        block.forget(0);
        assert!(lock(&block.state).waiters.is_empty());
    }
}
