//! What lies between the driver and the user: received messages, bounded.

use std::collections::VecDeque;
use std::mem;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Waker};

use everwire_ws::Message;

use crate::sync::lock;

/// Bounds over what has been received and not yet been consumed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
}

/// What a reader owes to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Nothing.
    Plain,
    /// Word on what is processed: each message when the next is asked for, or when the reader says so.
    Session { manual_acks: bool },
}

/// Both sides exchange whole batches, so the lock and the wake-up are paid once per batch.
#[derive(Debug)]
pub(crate) struct Mailbox {
    bounds: Bounds,
    reading: Reading,
    pub(super) progress: Progress,
    desk: Mutex<Desk>,
}

/// How far the reader has come, counted in messages delivered since the start. Only kept in a session.
#[derive(Debug, Default)]
pub(super) struct Progress {
    processed: AtomicU64,
    /// The driver wants to hear of more.
    wanted: AtomicBool,
}

#[derive(Debug)]
struct Desk {
    queue: VecDeque<Message>,
    queued_bytes: usize,
    /// What has left the queue, by whatever way.
    passed: u64,
    /// The batch that the reader took last; it counts until the reader comes for the next.
    held_messages: usize,
    held_bytes: usize,
    reader: Reader,
    /// Raised by each `attach`: an earlier inbox sees that it was replaced.
    generation: u64,
    /// Nothing more will come by itself.
    ended: bool,
    discarded: u64,
    reader_waker: Option<Waker>,
    driver_waker: Option<Waker>,
    progress_waker: Option<Waker>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    /// Nobody has asked yet: the newest are kept, up to the bounds.
    NotYet,
    /// Somebody reads: nothing is discarded, the socket waits.
    Reading,
    /// Nobody reads any more: everything is discarded.
    Gone,
}

/// How much the driver may read before the mailbox is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
}

impl Room {
    pub(crate) const UNBOUNDED: Self = Self { messages: usize::MAX, bytes: usize::MAX };

    pub(crate) fn is_none(self) -> bool {
        self.messages == 0 || self.bytes == 0
    }
}

/// In a session the socket is read at least until so many bytes wait.
const HELD_BACK: usize = 64 << 20;

impl Progress {
    #[inline]
    fn advance(&self, position: u64) {
        if self.processed.load(Ordering::Relaxed) < position {
            self.processed.store(position, Ordering::SeqCst);
        }
    }
}

/// What a reader finds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refill {
    Filled,
    Empty,
    /// Nothing more will come.
    Ended,
}

impl Mailbox {
    pub(crate) fn new(bounds: Bounds, reading: Reading) -> Self {
        let desk = Desk {
            queue: VecDeque::new(),
            queued_bytes: 0,
            passed: 0,
            held_messages: 0,
            held_bytes: 0,
            reader: Reader::NotYet,
            generation: 0,
            ended: false,
            discarded: 0,
            reader_waker: None,
            driver_waker: None,
            progress_waker: None,
        };
        Self { bounds, reading, progress: Progress::default(), desk: Mutex::new(desk) }
    }

    // The driver's side.

    /// Room for what is read next. Without any, the driver's waker is kept until there is some.
    pub(crate) fn poll_room(&self, cx: &mut Context<'_>) -> Room {
        let mut desk = lock(&self.desk);
        let room = match self.reading {
            Reading::Plain => desk.room(self.bounds),
            // The session's limits bound it, and its acknowledgements come the same way.
            Reading::Session { .. } => desk.room_in_session(self.bounds),
        };
        desk.driver_waker = room.is_none().then(|| cx.waker().clone());
        room
    }

    /// Takes a batch over and leaves the vector empty. Returns how many messages were discarded
    /// because nobody has come to read them, or because they came beyond the bounds.
    pub(crate) fn deliver(&self, batch: &mut Vec<Message>) -> u64 {
        let mut desk = lock(&self.desk);
        let discarded = match desk.reader {
            Reader::Gone => {
                let discarded = batch.drain(..).len();
                desk.passed += discarded as u64;
                // Whoever drops the inbox has done with what comes.
                self.progress.advance(desk.passed);
                discarded
            }
            Reader::Reading | Reader::NotYet if self.reading != Reading::Plain => {
                batch.drain(..).for_each(|message| desk.push(message));
                0
            }
            Reader::Reading => desk.push_while_room(batch, self.bounds),
            Reader::NotYet => desk.push_newest(batch, self.bounds),
        } as u64;
        desk.discarded += discarded;
        let waker = if desk.queue.is_empty() { None } else { desk.reader_waker.take() };
        drop(desk);
        waker.into_iter().for_each(Waker::wake);
        discarded
    }

    /// Whether more may come by itself. Returns the reader's waker if that is news for it.
    pub(crate) fn set_ended(&self, ended: bool) -> Option<Waker> {
        let mut desk = lock(&self.desk);
        let news = ended && !desk.ended;
        desk.ended = ended;
        if news { desk.reader_waker.take() } else { None }
    }

    /// Messages that were received and not yet consumed, and how many were discarded so far.
    pub(crate) fn counts(&self) -> (usize, u64) {
        let desk = lock(&self.desk);
        (desk.queue.len() + desk.held_messages, desk.discarded)
    }

    /// How far the reader has come, if the peer is owed the word. With `wake`, the driver is woken when it has come
    /// further.
    pub(crate) fn processed(&self, cx: Option<&Context<'_>>) -> Option<u64> {
        if self.reading == Reading::Plain {
            return None;
        }
        if let Some(cx) = cx {
            lock(&self.desk).progress_waker = Some(cx.waker().clone());
            self.progress.wanted.store(true, Ordering::SeqCst);
        }
        Some(self.progress.processed.load(Ordering::SeqCst))
    }

    // The reader's side.

    pub(super) fn acknowledges_by_itself(&self) -> bool {
        self.reading == Reading::Session { manual_acks: false }
    }

    /// The reader has processed everything before this position.
    #[inline]
    pub(super) fn process(&self, position: u64) {
        self.progress.advance(position);
        if self.progress.wanted.load(Ordering::SeqCst) && self.progress.wanted.swap(false, Ordering::SeqCst) {
            let waker = lock(&self.desk).progress_waker.take();
            waker.into_iter().for_each(Waker::wake);
        }
    }

    /// Of the message that is handed out next.
    pub(super) fn position(&self, left: usize) -> u64 {
        lock(&self.desk).passed - left as u64
    }

    /// A new reader takes over; returns its generation.
    pub(super) fn attach(&self) -> u64 {
        let mut desk = lock(&self.desk);
        desk.generation += 1;
        desk.reader = Reader::Reading;
        // What the earlier reader still holds no longer counts: it hands out the rest and ends.
        desk.release();
        let (generation, wakers) = (desk.generation, desk.take_wakers());
        drop(desk);
        wakers.into_iter().flatten().for_each(Waker::wake);
        generation
    }

    pub(super) fn detach(&self, generation: u64, left_over: usize) {
        let mut desk = lock(&self.desk);
        if desk.generation != generation {
            return;
        }
        desk.reader = Reader::Gone;
        desk.passed += desk.queue.len() as u64;
        self.progress.advance(desk.passed);
        desk.discarded += (desk.queue.len() + left_over) as u64;
        desk.release();
        desk.queued_bytes = 0;
        let (queue, wakers) = (mem::take(&mut desk.queue), desk.take_wakers());
        drop(desk);
        wakers.into_iter().flatten().for_each(Waker::wake);
        drop(queue);
    }

    /// Exchanges the reader's empty queue for the next batch: half of the bound at most, so that
    /// the socket is read while the reader works on it.
    pub(super) fn refill(
        &self,
        generation: u64,
        local: &mut VecDeque<Message>,
        cx: Option<&mut Context<'_>>,
    ) -> Refill {
        let mut desk = lock(&self.desk);
        if desk.generation != generation {
            return Refill::Ended;
        }
        desk.release();
        let found = match desk.queue.len() {
            0 if desk.ended => Refill::Ended,
            0 => Refill::Empty,
            _ => desk.hand_over(local, self.bounds),
        };
        if found == Refill::Empty {
            desk.reader_waker = cx.map(|cx| cx.waker().clone());
        }
        let driver = if desk.room(self.bounds).is_none() { None } else { desk.driver_waker.take() };
        drop(desk);
        driver.into_iter().for_each(Waker::wake);
        found
    }
}

impl Desk {
    fn room(&self, bounds: Bounds) -> Room {
        match self.reader {
            Reader::NotYet | Reader::Gone => Room::UNBOUNDED,
            Reader::Reading => Room {
                messages: bounds.messages.saturating_sub(self.queue.len() + self.held_messages),
                bytes: bounds.bytes.saturating_sub(self.queued_bytes + self.held_bytes),
            },
        }
    }

    /// A peer that keeps to the limits never meets this one.
    fn room_in_session(&self, bounds: Bounds) -> Room {
        let full = self.queued_bytes + self.held_bytes >= bounds.bytes.saturating_mul(4).max(HELD_BACK);
        if full { Room { messages: 0, bytes: 0 } } else { Room::UNBOUNDED }
    }

    /// A message is taken as long as there is any room, so bytes are exceeded by one at most.
    fn push_while_room(&mut self, batch: &mut Vec<Message>, bounds: Bounds) -> usize {
        let mut discarded = 0;
        for message in batch.drain(..) {
            if self.room(bounds).is_none() {
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

    fn hand_over(&mut self, local: &mut VecDeque<Message>, bounds: Bounds) -> Refill {
        let most = (bounds.messages / 2).max(1);
        if self.queue.len() <= most {
            mem::swap(&mut self.queue, local);
            self.held_bytes = mem::take(&mut self.queued_bytes);
        } else {
            local.extend(self.queue.drain(..most));
            self.held_bytes = local.iter().map(Message::len).sum();
            self.queued_bytes -= self.held_bytes;
        }
        self.held_messages = local.len();
        self.passed += local.len() as u64;
        Refill::Filled
    }

    fn release(&mut self) {
        self.held_messages = 0;
        self.held_bytes = 0;
    }

    fn take_wakers(&mut self) -> [Option<Waker>; 2] {
        [self.reader_waker.take(), self.driver_waker.take()]
    }
}
