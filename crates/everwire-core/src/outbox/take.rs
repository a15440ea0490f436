//! Handing messages to the open connection.

use super::Outbox;
use crate::{
    MessageId, Outgoing,
    batching::{self, Frame},
    outputs::Outputs,
};

/// What a `take` did.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) units: usize,
    /// `encode` accepted no more.
    pub(crate) stopped: bool,
}

impl Outbox {
    /// Whether a `take` would be given something; `held` of the latest are kept back.
    pub(crate) fn has_something_to_take(&self, held: usize, limit: MessageId) -> bool {
        let queued = self.available(held) > 0 && self.queued.front().is_some_and(|entry| entry.id <= limit);
        !self.volatile.is_empty()
            || match &self.session {
                None => queued,
                Some(session) => self.has_something_for(session, queued),
            }
    }

    /// Hands messages up to `limit` to `encode`, in order, until it returns false; `held` of the latest are kept back.
    /// With `merge` in frames of up to that many bytes.
    pub(crate) fn take(
        &mut self,
        held: usize,
        limit: MessageId,
        merge: Option<usize>,
        outputs: &mut Outputs,
        encode: &mut dyn FnMut(Outgoing<'_>) -> bool,
    ) -> Taken {
        let mut taken = match merge {
            _ if self.session.is_some() => self.take_numbered(held, limit, outputs, encode),
            Some(max_bytes) if !self.is_isolating() => self.take_frames(held, limit, max_bytes, encode),
            _ => self.take_messages(held, limit, encode),
        };
        if !taken.stopped && !self.volatile.is_empty() {
            let (units, all) = self.take_volatile(encode);
            taken.units += units;
            taken.stopped = !all;
        }
        taken
    }

    fn take_messages(&mut self, held: usize, limit: MessageId, encode: &mut dyn FnMut(Outgoing<'_>) -> bool) -> Taken {
        let mut taken = Taken::default();
        let available = self.queued.iter().take(self.available(held));
        for entry in available.take_while(|entry| entry.id <= limit) {
            if !encode(Outgoing::plain(&entry.message)) {
                taken.stopped = true;
                break;
            }
            taken.units += 1;
        }
        self.move_to_flight(taken.units);
        self.in_flight.end_singles(taken.units);
        taken
    }

    fn take_frames(
        &mut self,
        held: usize,
        limit: MessageId,
        max_bytes: usize,
        encode: &mut dyn FnMut(Outgoing<'_>) -> bool,
    ) -> Taken {
        let mut taken = Taken::default();
        loop {
            let available = self.queued.iter().take(self.available(held));
            let mut available = available.take_while(|entry| entry.id <= limit).map(|entry| &entry.message).peekable();
            let Some(first) = available.peek().copied() else { break };
            let frame = batching::frame(available, max_bytes);
            let accepted = match &frame {
                Frame::Single => encode(Outgoing::plain(first)),
                Frame::Merged { message, .. } => encode(Outgoing::plain(message)),
            };
            if !accepted {
                taken.stopped = true;
                break;
            }
            self.move_to_flight(frame.messages());
            self.in_flight.end_frame(frame.messages());
            taken.units += 1;
        }
        taken
    }

    /// How many may be taken now, as far as their numbers allow.
    pub(super) fn available(&self, held: usize) -> usize {
        let available = self.queued.len().saturating_sub(held);
        match (self.is_isolating(), self.in_flight.is_empty()) {
            (false, _) => available,
            (true, true) => available.min(1),
            (true, false) => 0,
        }
    }

    /// After the peer has blamed one of several messages, each goes by itself until it is proven or blamed for sure.
    fn is_isolating(&self) -> bool {
        self.session.is_none() && self.poison.suspects(self.oldest())
    }

    pub(super) fn move_to_flight(&mut self, messages: usize) {
        if self.queued.front().is_some_and(|entry| entry.id <= self.maybe_arrived) {
            self.resent += self.resending().min(messages) as u64;
        }
        self.queued_bytes -= self.in_flight.extend(self.queued.drain(..messages));
    }
}
