//! In a session: every message has a sequence number from its first taking on and stays until it is acknowledged.

use super::{
    Guarantee, Outbox, Priority,
    take::{Taken, Until},
};
use crate::{
    Outcome, Outgoing, Rejection, Stage,
    outputs::Outputs,
    session::{Limits, Prefix},
};

/// The peer acknowledges what was never sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BeyondSent;

impl Outbox {
    /// A new session begins; nothing is in flight.
    pub(crate) fn begin_session(&mut self, limits: Limits) {
        debug_assert!(self.in_flight.is_empty(), "an earlier session has been taken leave of");
        self.session.set(limits);
        self.durable = self.durable.map(|_| 0);
    }

    /// The largest message that the session's peer takes, in bytes, as far as it has told.
    #[cfg(feature = "session")]
    pub(crate) fn largest_message(&self) -> u64 {
        self.session.as_ref().map_or(u64::MAX, |limits| limits.message_bytes)
    }

    /// Whether the messages of a session are in it.
    pub(crate) fn is_numbered(&self) -> bool {
        self.session.is_some()
    }

    /// A new connection carries the session on: what the peer has processed is over, and the rest is taken again. Says
    /// how many those are.
    pub(crate) fn resume(
        &mut self,
        processed: u64,
        limits: Limits,
        outputs: &mut Outputs,
    ) -> Result<usize, BeyondSent> {
        self.session.set(limits);
        self.in_flight.rewind();
        self.acknowledged(processed, outputs)?;
        Ok(self.in_flight.again_len())
    }

    /// The number up to which the peer has said that it has processed everything.
    pub(crate) fn acknowledged_up_to(&self) -> u64 {
        self.in_flight.proven()
    }

    /// The peer has processed everything up to this number. Whether that is news.
    pub(crate) fn acknowledged(&mut self, seq: u64, outputs: &mut Outputs) -> Result<bool, BeyondSent> {
        if seq > self.in_flight.end() {
            return Err(BeyondSent);
        }
        self.in_flight.skip_to(seq);
        self.in_flight.mark_written(seq, outputs);
        let news = self.in_flight.resolve(seq, Outcome::Acknowledged, outputs) > 0;
        self.freed |= news;
        Ok(news)
    }

    /// The connection is closed in order, and nothing more is heard of it: what it was given is written out in front of the
    /// close frame, and may arrive.
    pub(crate) fn leave_behind(&mut self, outputs: &mut Outputs) {
        self.in_flight.expect_written();
        self.volatile_left_behind(outputs);
    }

    /// The connection is lost, the session is not. Says how many messages are unacknowledged.
    pub(super) fn detach(&mut self) -> usize {
        let unproven = self.in_flight.written_len();
        self.in_flight.rewind();
        self.relax();
        unproven
    }

    /// The session is gone. What the peer has processed of it is known (then the rest was not, and never will be), or not
    /// (then the guarantee decides about what may have arrived). Says how many ended as unknown.
    pub(crate) fn end_session(&mut self, processed: Option<u64>, outputs: &mut Outputs) -> usize {
        let mut unknown = 0;
        match processed {
            Some(processed) => {
                // More than was sent can't have been processed, whatever the peer says.
                let _ = self.acknowledged(processed.min(self.in_flight.end()), outputs);
            }
            None if self.guarantee == Guarantee::AtLeastOnce => {
                self.in_flight.assume_written();
                self.in_flight.remember_written();
            }
            None => {
                self.in_flight.assume_written();
                unknown = self.in_flight.resolve(u64::MAX, Outcome::Unknown(Stage::Written), outputs);
                self.freed |= unknown > 0;
            }
        }
        if let Some(journal) = &mut outputs.journal {
            journal.unnumber(processed.is_none());
        }
        self.requeue(false, outputs);
        self.session.take();
        self.relax();
        unknown
    }

    pub(super) fn has_something_for(&self, limits: &Limits, queued: bool) -> bool {
        let held = (self.in_flight.len(), self.in_flight.bytes() as u64);
        let fresh = queued && self.durable.is_none() && limits.admit(held.0, held.1);
        fresh || self.in_flight.has_untaken(self.gate(), limits)
    }

    /// First what an earlier connection has had, in order, then what is new, as far as the peer is ready for it.
    pub(super) fn take_numbered(
        &mut self,
        until: &Until,
        outputs: &mut Outputs,
        encode: &mut dyn FnMut(Outgoing<'_>) -> bool,
    ) -> Taken {
        let mut taken = Taken::default();
        let Some(&limits) = self.session.as_ref() else { return taken };
        while let Some((seq, message)) = self.in_flight.next_again(self.gate(), &limits) {
            if !encode(Outgoing { prefix: Prefix::reliable(seq), message }) {
                taken.stopped = true;
                return taken;
            }
            self.counts.resent += u64::from(self.in_flight.take_again());
            taken.units += 1;
        }
        // With a store, messages get their numbers before they are taken. What an earlier connection has had goes first.
        if self.durable.is_some() || self.in_flight.again_len() > 0 {
            return taken;
        }
        for level in Priority::ALL {
            loop {
                let fresh = self.take_fresh(level, until, &limits, &mut taken, encode);
                self.move_to_flight(level, fresh);
                self.in_flight.end_singles(fresh);
                taken.units += fresh;
                if taken.stopped {
                    return taken;
                }
                if !self.reject_front(level, until, &limits, outputs) {
                    break;
                }
            }
        }
        taken
    }

    /// How many from the front of a level were given to `encode`: up to one that is too large for the peer.
    fn take_fresh(
        &self,
        level: Priority,
        until: &Until,
        limits: &Limits,
        taken: &mut Taken,
        encode: &mut dyn FnMut(Outgoing<'_>) -> bool,
    ) -> usize {
        let (before, mut bytes) = (self.in_flight.len(), self.in_flight.bytes());
        let first = self.in_flight.end() + 1;
        let last = until.last(level);
        let mut fresh = 0;
        for entry in self.queue.iter(level).take_while(|entry| entry.place() <= last) {
            let size = entry.message.len();
            if !limits.admit(before + fresh, bytes as u64) || size as u64 > limits.message_bytes {
                break;
            }
            if !encode(Outgoing { prefix: Prefix::reliable(first + fresh as u64), message: &entry.message }) {
                taken.stopped = true;
                break;
            }
            bytes += size;
            fresh += 1;
        }
        fresh
    }

    /// A message that the peer has said it will not take must not block those behind it. Whether there was one.
    pub(super) fn reject_front(
        &mut self,
        level: Priority,
        until: &Until,
        limits: &Limits,
        outputs: &mut Outputs,
    ) -> bool {
        let refused = self.queue.front(level).is_some_and(|entry| {
            entry.place() <= until.last(level) && entry.message.len() as u64 > limits.message_bytes
        });
        if refused && let Some(entry) = self.queue.pop_front(level) {
            let limit = limits.message_bytes;
            outputs.outcome(entry.id, entry.id, Outcome::Rejected(Rejection::TooLargeForPeer { limit }));
            outputs.dispose(entry.message);
            self.freed = true;
        }
        refused
    }
}
