//! Every message whose outcome is still open.
//!
//! - [`config`](OutboxConfig): bounds, overflow, guarantee
//! - [`options`](SendOptions): what is special about a message
//! - [`queue`]: what waits, in three levels; with [`entry`], [`lane`] and [`index`]
//! - [`overflow`]: messages with options, and messages for which there is no room
//! - [`change`]: cancelling, replacing, expiring what waits; with [`late`](CancelError) for when that is too late
//! - [`take`]: handing messages to the open connection
//! - [`numbered`]: the same in a session, and what its acknowledgements mean
//! - [`stored`]: what a store keeps, and what waits for it
//! - [`volatile`]: messages that are worth something only now
//! - [`in_flight`]: what it has been given
//! - [`evidence`]: what is written, and what is proven
//! - [`ending`]: what becomes of the rest when the connection, or everything, ends
//! - [`poison`]: a message that the peer refuses must not block the rest
//!
//! ```text
//!  proven │ written │ taken │ queued
//!   gone  │     in flight   │ still ours to decide about
//! ```

mod change;
mod config;
mod ending;
mod entry;
mod evidence;
mod in_flight;
mod index;
mod lane;
mod late;
mod numbered;
mod options;
mod overflow;
mod poison;
mod queue;
mod stored;
mod take;
mod volatile;

use std::collections::VecDeque;

use everwire_ws::Message;

pub use config::{Guarantee, OutboxConfig, Overflow};
pub use late::{CancelError, ReplaceError};
pub use options::{Priority, SendOptions};

use entry::Entry;
use in_flight::InFlight;
use poison::Poison;
use queue::Queue;
use volatile::Volatile;

pub(crate) use numbered::BeyondSent;
pub(crate) use stored::WallClock;
pub(crate) use take::{Taken, Until};

use crate::{
    DropPolicy, MessageId, Moment, Outcome, Stage,
    outputs::Outputs,
    session::{Limits, of_session::OfSession},
};

/// Below this many places a queue is not worth shrinking.
const IDLE: usize = 64;

#[derive(Debug)]
pub(crate) struct Outbox {
    config: OutboxConfig,
    guarantee: Guarantee,
    /// In a session: what the peer is ready to take.
    session: OfSession<Limits>,
    queue: Queue,
    in_flight: InFlight,
    volatile: Volatile,
    poison: Poison,
    last_id: MessageId,
    counts: Counts,
    /// A `send` found no room.
    wanted: bool,
    freed: bool,
    /// With a store: up to which position numbered messages are durable, and may go out.
    durable: Option<u64>,
}

/// What became of messages, over the outbox's life.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) dropped: u64,
    pub(crate) conflated: u64,
    pub(crate) expired: u64,
    pub(crate) cancelled: u64,
    pub(crate) resent: u64,
}

/// Why a message was not accepted.
#[derive(Debug)]
pub(crate) enum Refusal {
    Full(Message),
    TooLarge { message: Message, limit: usize },
}

impl Outbox {
    pub(crate) fn new(config: OutboxConfig, guarantee: Guarantee) -> Self {
        Self {
            config,
            guarantee,
            session: OfSession::NONE,
            queue: Queue::default(),
            in_flight: InFlight::default(),
            volatile: Volatile::default(),
            poison: Poison::default(),
            last_id: MessageId(0),
            counts: Counts::default(),
            wanted: false,
            freed: false,
            durable: None,
        }
    }

    /// Appends a message without options, or says why not.
    #[inline]
    pub(crate) fn push(&mut self, now: Moment, message: Message, outputs: &mut Outputs) -> Result<MessageId, Refusal> {
        if self.config.max_age.is_some() || !self.has_room(self.len(), self.bytes(), message.len()) {
            return self.push_rarely(now, message, outputs);
        }
        let id = self.next_id();
        self.queue.push_plain(id, message);
        outputs.accepted(id);
        Ok(id)
    }

    /// Appends messages without options from the front of `messages`, `most` at most, as long as there is room; says how
    /// many those are. With an age for all messages, none: each then has a time of its own.
    pub(crate) fn push_many(&mut self, messages: &mut VecDeque<Message>, most: usize, outputs: &mut Outputs) -> usize {
        if self.config.max_age.is_some() {
            return 0;
        }
        let (len, mut bytes) = (self.len(), self.bytes());
        let mut count = 0;
        for size in messages.iter().take(most).map(Message::len) {
            if !self.has_room(len + count, bytes, size) {
                break;
            }
            bytes += size;
            count += 1;
        }
        let first = self.last_id.0 + 1;
        self.last_id.0 += count as u64;
        self.queue.push_back_many(MessageId(first), messages, count);
        (first..first + count as u64).for_each(|id| outputs.accepted(MessageId(id)));
        count
    }

    #[cold]
    fn push_rarely(&mut self, now: Moment, message: Message, outputs: &mut Outputs) -> Result<MessageId, Refusal> {
        self.push_with(now, message, SendOptions::new(), outputs)
    }

    /// Whether one more message of `size` bytes fits beside `len` messages that have `bytes` bytes.
    #[inline]
    fn has_room(&self, len: usize, bytes: usize, size: usize) -> bool {
        len < self.config.max_messages && bytes.saturating_add(size) <= self.config.max_bytes
    }

    fn next_id(&mut self) -> MessageId {
        self.last_id = MessageId(self.last_id.0 + 1);
        self.last_id
    }

    /// Ends a message that was queued. That it may have arrived outweighs why it ends.
    fn end(&mut self, entry: Entry, outcome: Outcome, outputs: &mut Outputs) -> Outcome {
        let outcome = Self::final_word(&entry, outcome);
        outputs.outcome(entry.id, entry.id, outcome);
        outputs.dispose(entry.message);
        outcome
    }

    fn final_word(entry: &Entry, outcome: Outcome) -> Outcome {
        if entry.may_have_arrived() { Outcome::Unknown(Stage::Written) } else { outcome }
    }

    /// A newer message has taken the place of this one.
    fn conflated(&mut self, older: Entry, outputs: &mut Outputs) {
        self.counts.conflated += 1;
        self.end(older, Outcome::Dropped(DropPolicy::Conflated), outputs);
        self.freed = true;
    }

    /// Whether there is a message without an outcome.
    pub(crate) fn has_open(&self) -> bool {
        !self.is_empty() || self.volatile.is_on_its_way()
    }

    /// Whether a refused `send` is worth another try; says so once.
    pub(crate) fn room_again(&mut self) -> bool {
        let again = self.wanted && self.freed;
        self.freed = false;
        if again {
            self.wanted = false;
        }
        again
    }

    /// Whether a `send` was refused for want of room, and nobody has been called since. Says so once.
    pub(crate) fn take_wanted(&mut self) -> bool {
        std::mem::take(&mut self.wanted)
    }

    /// Gives back the memory that a burst has needed.
    pub(crate) fn relax(&mut self) {
        self.queue.relax();
        self.in_flight.relax();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.in_flight.is_empty() && self.volatile.is_empty()
    }

    /// Whether nothing up to `limit` is open any more.
    pub(crate) fn is_flushed(&self, limit: MessageId) -> bool {
        self.in_flight.is_empty()
            && self.volatile.is_empty()
            && Priority::ALL.into_iter().all(|level| self.queue.front(level).is_none_or(|entry| entry.place() > limit))
    }

    /// The message with this number, if it is the latest of the normal level.
    pub(crate) fn latest(&self, id: MessageId) -> Option<&Message> {
        self.queue.back(Priority::Normal).filter(|entry| entry.place() == id).map(|entry| &entry.message)
    }

    pub(crate) fn last_id(&self) -> MessageId {
        self.last_id
    }

    fn len(&self) -> usize {
        self.queue.len() + self.in_flight.len()
    }

    fn bytes(&self) -> usize {
        self.queue.bytes() + self.in_flight.bytes()
    }

    pub(crate) fn queued_len(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn queued_bytes(&self) -> usize {
        self.queue.bytes()
    }

    pub(crate) fn unproven_len(&self) -> usize {
        self.in_flight.len()
    }

    pub(crate) fn unproven_bytes(&self) -> usize {
        self.in_flight.bytes()
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }
}

#[cfg(test)]
mod tests;
