//! What lies between the driver and the user: received messages, bounded.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::task::Context;

use everwire_ws::Message;

use super::bounds::{Bounds, Limit, Reading, Room};
use crate::sync::{AtomicU64, Mutex, Ordering, lock};
use crate::wakeup::Wakeup;

/// Both sides exchange whole batches, so the wake-up is paid once per batch.
///
/// Lock order: batch, state.
#[derive(Debug)]
pub(crate) struct Mailbox {
    bounds: Bounds,
    reading: Reading,
    /// Wakes the driver, here and everywhere else.
    driver: Arc<Wakeup>,
    /// Wakes the reader.
    reader: Wakeup,
    /// How far the reader has come, counted in messages delivered since the start.
    processed: AtomicU64,
    /// Discarded by the reader, and not yet told by the driver.
    untold: AtomicU64,
    batch: Mutex<Batch>,
    state: Mutex<MailboxState>,
}

/// What the reader has taken and not yet handed out.
#[derive(Debug, Default)]
struct Batch {
    /// Which reader's; raised by each `attach`: an earlier one sees that it was replaced, and the new one goes on where it
    /// was.
    generation: u64,
    messages: VecDeque<Message>,
    /// Messages ever handed out or discarded in front of those.
    position: u64,
}

#[derive(Debug)]
struct MailboxState {
    queue: VecDeque<Message>,
    queued_bytes: usize,
    /// What has left the queue, by whatever way.
    passed: u64,
    /// The batch that the reader took last; it counts until the reader comes for the next.
    held_messages: usize,
    held_bytes: usize,
    reader: Reader,
    /// The driver waits for room within this limit.
    wanted: Option<Limit>,
    /// Nothing more will come by itself.
    ended: bool,
    discarded: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    /// Nobody has asked yet: the newest are kept, up to the bounds.
    NotYet,
    /// There is a reader: nothing is discarded, the socket waits.
    Reading,
    /// Nobody reads any more: everything is discarded.
    Gone,
}

/// What a reader finds in its batch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A message, and how many were handed out with it.
    Message(Message, u64),
    /// Nothing: [refill](Mailbox::refill) it.
    Nothing,
    /// A later reader has taken over.
    Replaced,
}

/// What a reader finds beyond its batch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refill {
    Filled,
    Empty,
    /// Nothing more will come.
    Ended,
}

impl Mailbox {
    pub(crate) fn new(bounds: Bounds, reading: Reading, driver: Arc<Wakeup>) -> Self {
        let state = MailboxState {
            queue: VecDeque::new(),
            queued_bytes: 0,
            passed: 0,
            held_messages: 0,
            held_bytes: 0,
            reader: Reader::NotYet,
            wanted: None,
            ended: false,
            discarded: 0,
        };
        Self {
            bounds,
            reading,
            driver,
            reader: Wakeup::default(),
            processed: AtomicU64::new(0),
            untold: AtomicU64::new(0),
            batch: Mutex::default(),
            state: Mutex::new(state),
        }
    }

    // The driver's side.

    /// Room within this limit for what is read next. Without any, the driver is woken when there is some.
    pub(crate) fn poll_room(&self, limit: Limit, cx: &Context<'_>) -> Room {
        let mut state = lock(&self.state);
        let room = state.room(self.bounds, self.reading, limit);
        let earlier = if room.is_none() { self.driver.arm(cx) } else { None };
        state.wanted = room.is_none().then_some(limit);
        drop(state);
        drop(earlier);
        room
    }

    /// Takes a batch over and leaves the vector empty. Returns how many messages were discarded
    /// because nobody has come to read them, or because they came beyond the limit.
    pub(crate) fn deliver(&self, batch: &mut Vec<Message>, limit: Limit) -> u64 {
        let mut state = lock(&self.state);
        let discarded = match state.reader {
            Reader::Gone => {
                let discarded = batch.drain(..).len();
                state.passed += discarded as u64;
                // Messages that arrive after the inbox was dropped count as processed.
                self.processed.fetch_max(state.passed, Ordering::SeqCst);
                discarded
            }
            Reader::Reading | Reader::NotYet if self.reading != Reading::Plain => {
                batch.drain(..).for_each(|message| state.push(message));
                0
            }
            Reader::Reading => state.push_while_room(batch, self.bounds, self.reading, limit),
            Reader::NotYet => state.push_newest(batch, self.bounds),
        } as u64;
        state.discarded += discarded;
        let news = !state.queue.is_empty();
        drop(state);
        if news {
            self.reader.wake();
        }
        discarded
    }

    /// Whether more may come by itself. If that is news for the reader, it is to be [woken](Self::wake_reader).
    pub(crate) fn set_ended(&self, ended: bool) -> bool {
        let mut state = lock(&self.state);
        let news = ended && !state.ended;
        state.ended = ended;
        news
    }

    /// With no lock held.
    pub(crate) fn wake_reader(&self) {
        self.reader.wake();
    }

    /// Messages that were received and not yet consumed, and how many were discarded so far.
    pub(crate) fn counts(&self) -> (usize, u64) {
        let state = lock(&self.state);
        (state.queue.len() + state.held_messages, state.discarded)
    }

    /// Messages, and payload bytes, that the reader has not come for.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        let state = lock(&self.state);
        (state.queue.len() + state.held_messages, state.queued_bytes + state.held_bytes)
    }

    /// How far the reader has come, if the peer is owed the word.
    pub(crate) fn processed(&self) -> Option<u64> {
        (self.reading != Reading::Plain).then(|| self.processed.load(Ordering::SeqCst))
    }

    /// How many messages the reader has discarded since the last time, for the driver to tell.
    pub(crate) fn take_untold(&self) -> u64 {
        if self.untold.load(Ordering::Relaxed) == 0 { 0 } else { self.untold.swap(0, Ordering::SeqCst) }
    }

    /// Whether there is something for a driver that knows of this position.
    pub(crate) fn has_news(&self, known: u64) -> bool {
        self.untold.load(Ordering::SeqCst) > 0 || self.processed().is_some_and(|position| position != known)
    }

    // The reader's side.

    pub(crate) fn acknowledges_by_itself(&self) -> bool {
        self.reading == Reading::Session { manual_acks: false }
    }

    /// The reader has processed everything before this position.
    #[inline]
    pub(crate) fn process(&self, position: u64) {
        if self.processed.load(Ordering::Relaxed) < position {
            self.processed.fetch_max(position, Ordering::SeqCst);
            self.driver.wake();
        }
    }

    /// As [`process`](Self::process), but does not wake the driver, which reports the position when something else wakes it.
    #[cfg(feature = "calls")]
    pub(crate) fn note(&self, position: u64) {
        if self.processed.load(Ordering::Relaxed) < position {
            self.processed.fetch_max(position, Ordering::SeqCst);
        }
    }

    /// With no lock held.
    #[cfg(feature = "calls")]
    pub(crate) fn wake_driver(&self) {
        self.driver.wake();
    }

    /// A new reader takes over what the earlier one has not handed out. Its generation, and how many messages were handed
    /// out so far.
    pub(crate) fn attach(&self) -> (u64, u64) {
        let mut batch = lock(&self.batch);
        batch.generation += 1;
        let mut state = lock(&self.state);
        state.reader = Reader::Reading;
        if batch.messages.is_empty() {
            batch.position = state.passed;
        }
        let attached = (batch.generation, batch.position);
        drop(state);
        drop(batch);
        // The earlier one, which has come to its end.
        self.reader.wake();
        attached
    }

    /// The reader leaves, and has done with all that is there and that comes.
    pub(crate) fn detach(&self, generation: u64) {
        let mut batch = lock(&self.batch);
        if batch.generation != generation {
            return;
        }
        let mut state = lock(&self.state);
        state.reader = Reader::Gone;
        state.passed += state.queue.len() as u64;
        batch.position = state.passed;
        let discarded = (state.queue.len() + batch.messages.len()) as u64;
        state.discarded += discarded;
        self.untold.fetch_add(discarded, Ordering::SeqCst);
        self.processed.fetch_max(state.passed, Ordering::SeqCst);
        state.release();
        state.queued_bytes = 0;
        let left = (mem::take(&mut state.queue), mem::take(&mut batch.messages));
        drop(state);
        drop(batch);
        // There is room, word on what was discarded, and in a session on what is processed.
        self.driver.wake();
        drop(left);
    }

    /// The next message of the reader's batch.
    #[inline]
    pub(crate) fn next(&self, generation: u64) -> Next {
        let mut batch = lock(&self.batch);
        if batch.generation != generation {
            return Next::Replaced;
        }
        match batch.messages.pop_front() {
            Some(message) => {
                batch.position += 1;
                Next::Message(message, batch.position)
            }
            None => Next::Nothing,
        }
    }

    /// Exchanges the reader's empty batch for the next: half of the bound at most, so that
    /// the socket is read while the reader works on it. If there is nothing, the reader is woken when there is.
    pub(crate) fn refill(&self, generation: u64, cx: Option<&Context<'_>>) -> Refill {
        let mut batch = lock(&self.batch);
        if batch.generation != generation {
            return Refill::Ended;
        }
        if !batch.messages.is_empty() {
            return Refill::Filled;
        }
        let mut state = lock(&self.state);
        state.release();
        let found = match state.queue.len() {
            0 if state.ended => Refill::Ended,
            0 => Refill::Empty,
            _ => state.hand_over(&mut batch.messages, self.bounds),
        };
        batch.position = state.passed - batch.messages.len() as u64;
        let earlier = match cx {
            Some(cx) if found == Refill::Empty => self.reader.arm(cx),
            _ => None,
        };
        let room = state.wanted.is_some_and(|limit| !state.room(self.bounds, self.reading, limit).is_none());
        if room {
            state.wanted = None;
        }
        drop(state);
        drop(batch);
        drop(earlier);
        if room {
            self.driver.wake();
        }
        found
    }
}

impl MailboxState {
    fn room(&self, bounds: Bounds, reading: Reading, limit: Limit) -> Room {
        match (self.reader, reading) {
            (Reader::NotYet | Reader::Gone, Reading::Plain) => Room::UNBOUNDED,
            (Reader::Reading, _) | (_, Reading::Session { .. }) => {
                let most = bounds.within(limit, reading);
                Room {
                    messages: most.messages.saturating_sub(self.queue.len() + self.held_messages),
                    bytes: most.bytes.saturating_sub(self.queued_bytes + self.held_bytes),
                }
            }
        }
    }

    /// A message is taken as long as there is any room, so bytes are exceeded by one at most.
    fn push_while_room(&mut self, batch: &mut Vec<Message>, bounds: Bounds, reading: Reading, limit: Limit) -> usize {
        let mut discarded = 0;
        for message in batch.drain(..) {
            if self.room(bounds, reading, limit).is_none() {
                discarded += 1;
            } else {
                self.push(message);
            }
        }
        discarded
    }

    fn push_newest(&mut self, batch: &mut Vec<Message>, bounds: Bounds) -> usize {
        let mut discarded = 0;
        for message in batch.drain(..) {
            self.push(message);
            while self.queue.len() > bounds.messages || (self.queued_bytes > bounds.bytes && self.queue.len() > 1) {
                if let Some(oldest) = self.queue.pop_front() {
                    self.queued_bytes -= oldest.len();
                    self.passed += 1;
                    discarded += 1;
                }
            }
        }
        discarded
    }

    fn push(&mut self, message: Message) {
        self.queued_bytes += message.len();
        self.queue.push_back(message);
    }

    fn hand_over(&mut self, batch: &mut VecDeque<Message>, bounds: Bounds) -> Refill {
        let most = (bounds.messages / 2).max(1);
        if self.queue.len() <= most {
            mem::swap(&mut self.queue, batch);
            self.held_bytes = mem::take(&mut self.queued_bytes);
        } else {
            batch.extend(self.queue.drain(..most));
            self.held_bytes = batch.iter().map(Message::len).sum();
            self.queued_bytes -= self.held_bytes;
        }
        self.held_messages = batch.len();
        self.passed += batch.len() as u64;
        Refill::Filled
    }

    fn release(&mut self) {
        self.held_messages = 0;
        self.held_bytes = 0;
    }
}
