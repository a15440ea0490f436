//! Every message whose outcome is still open.
//!
//! - [`config`](OutboxConfig): bounds, overflow, guarantee
//! - [`take`]: handing messages to the open connection
//! - [`numbered`]: the same in a session, and what its acknowledgements mean
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

mod config;
mod ending;
mod evidence;
mod in_flight;
mod numbered;
mod poison;
mod take;
mod volatile;

use std::collections::VecDeque;

use everwire_ws::Message;

pub use config::{Guarantee, OutboxConfig, Overflow};
use in_flight::InFlight;
use poison::Poison;
use volatile::Volatile;

pub(crate) use numbered::BeyondSent;

use crate::{DropPolicy, MessageId, Outcome, Stage, outputs::Outputs, session::Limits};

/// Below this many places a queue is not worth shrinking.
const IDLE: usize = 64;

#[derive(Debug)]
pub(crate) struct Entry {
    id: MessageId,
    message: Message,
}

#[derive(Debug)]
pub(crate) struct Outbox {
    config: OutboxConfig,
    guarantee: Guarantee,
    /// In a session: what the peer is ready to take.
    session: Option<Limits>,
    queued: VecDeque<Entry>,
    queued_bytes: usize,
    in_flight: InFlight,
    volatile: Volatile,
    poison: Poison,
    last_id: MessageId,
    /// Queued messages up to this one were written to an earlier connection: they may have arrived.
    maybe_arrived: MessageId,
    dropped: u64,
    resent: u64,
    /// A `send` found no room.
    wanted: bool,
    freed: bool,
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
            session: None,
            queued: VecDeque::new(),
            queued_bytes: 0,
            in_flight: InFlight::default(),
            volatile: Volatile::default(),
            poison: Poison::default(),
            last_id: MessageId(0),
            maybe_arrived: MessageId(0),
            dropped: 0,
            resent: 0,
            wanted: false,
            freed: false,
        }
    }

    /// Appends a message, or says why not.
    #[inline]
    pub(crate) fn push(&mut self, message: Message, outputs: &mut Outputs) -> Result<MessageId, Refusal> {
        let size = message.len();
        if !self.fits(size) {
            return self.push_over(message, outputs);
        }
        let id = self.next_id();
        self.queued_bytes += size;
        self.queued.push_back(Entry { id, message });
        Ok(id)
    }

    #[cold]
    fn push_over(&mut self, message: Message, outputs: &mut Outputs) -> Result<MessageId, Refusal> {
        let size = message.len();
        if size > self.config.max_bytes {
            return Err(Refusal::TooLarge { message, limit: self.config.max_bytes });
        }
        match self.config.overflow {
            Overflow::DropNewest => {
                let id = self.next_id();
                self.dropped += 1;
                outputs.outcome(id, id, Outcome::Dropped(DropPolicy::Newest));
                return Ok(id);
            }
            Overflow::DropOldest if self.would_fit_alone(size) => {
                while !self.fits(size) {
                    let Some(entry) = self.pop_queued() else { break };
                    self.dropped += 1;
                    let outcome = match self.may_have_arrived(entry.id) {
                        true => Outcome::Unknown(Stage::Written),
                        false => Outcome::Dropped(DropPolicy::Oldest),
                    };
                    outputs.outcome(entry.id, entry.id, outcome);
                }
            }
            Overflow::DropOldest | Overflow::Reject => {
                self.wanted = true;
                return Err(Refusal::Full(message));
            }
        }
        let id = self.next_id();
        self.queued_bytes += size;
        self.queued.push_back(Entry { id, message });
        Ok(id)
    }

    fn fits(&self, size: usize) -> bool {
        self.len() < self.config.max_messages && self.bytes().saturating_add(size) <= self.config.max_bytes
    }

    fn would_fit_alone(&self, size: usize) -> bool {
        self.in_flight.len() < self.config.max_messages
            && self.in_flight.bytes().saturating_add(size) <= self.config.max_bytes
    }

    fn next_id(&mut self) -> MessageId {
        self.last_id = MessageId(self.last_id.0 + 1);
        self.last_id
    }

    fn pop_queued(&mut self) -> Option<Entry> {
        let entry = self.queued.pop_front()?;
        self.queued_bytes -= entry.message.len();
        Some(entry)
    }

    fn may_have_arrived(&self, id: MessageId) -> bool {
        id <= self.maybe_arrived
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

    /// Gives back the memory that a burst has needed.
    pub(crate) fn relax(&mut self) {
        if self.queued.capacity() > IDLE && self.queued.len() < self.queued.capacity() / 4 {
            self.queued.shrink_to((self.queued.len() * 2).max(IDLE));
        }
        self.in_flight.relax();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queued.is_empty() && self.in_flight.is_empty() && self.volatile.is_empty()
    }

    /// Whether nothing up to `limit` is open any more.
    pub(crate) fn is_flushed(&self, limit: MessageId) -> bool {
        self.in_flight.is_empty()
            && self.volatile.is_empty()
            && self.queued.front().is_none_or(|entry| entry.id > limit)
    }

    /// The message with this number, if it is the latest in the queue.
    pub(crate) fn latest(&self, id: MessageId) -> Option<&Message> {
        self.queued.back().filter(|entry| entry.id == id).map(|entry| &entry.message)
    }

    pub(crate) fn last_id(&self) -> MessageId {
        self.last_id
    }

    fn oldest(&self) -> Option<MessageId> {
        self.in_flight.oldest().or(self.queued.front().map(|entry| entry.id))
    }

    fn len(&self) -> usize {
        self.queued.len() + self.in_flight.len()
    }

    fn bytes(&self) -> usize {
        self.queued_bytes + self.in_flight.bytes()
    }

    pub(crate) fn queued_len(&self) -> usize {
        self.queued.len()
    }

    pub(crate) fn queued_bytes(&self) -> usize {
        self.queued_bytes
    }

    pub(crate) fn unproven_len(&self) -> usize {
        self.in_flight.len()
    }

    pub(crate) fn unproven_bytes(&self) -> usize {
        self.in_flight.bytes()
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(crate) fn resent(&self) -> u64 {
        self.resent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_a_burst_is_given_back() {
        let mut outputs = Outputs::default();
        let mut outbox = Outbox::new(OutboxConfig::default(), Guarantee::AtMostOnce);
        for _ in 0..50_000 {
            outbox.push(Message::text("burst"), &mut outputs).unwrap();
        }
        let taken = outbox.take(0, MessageId(u64::MAX), None, &mut outputs, &mut |_| true);
        outbox.written(taken.units, &mut outputs);
        outbox.proven(outbox.provable(), &mut outputs);
        assert!(outbox.queued.capacity() >= 50_000 && outbox.in_flight.capacity() >= 50_000);
        outbox.relax();
        assert!(outbox.queued.capacity() <= IDLE && outbox.in_flight.capacity() <= IDLE);
    }

    #[test]
    fn a_busy_queue_keeps_its_memory() {
        let mut outputs = Outputs::default();
        let mut outbox = Outbox::new(OutboxConfig::default(), Guarantee::AtMostOnce);
        for _ in 0..50_000 {
            outbox.push(Message::text("busy"), &mut outputs).unwrap();
        }
        let before = outbox.queued.capacity();
        outbox.relax();
        assert_eq!(outbox.queued.capacity(), before);
    }

    #[test]
    fn an_entry_is_as_small_as_documented() {
        assert_eq!(size_of::<Entry>(), 48);
    }
}
