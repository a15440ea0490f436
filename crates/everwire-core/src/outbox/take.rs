//! Handing messages to the open connection.

use super::{Outbox, Priority};
use crate::{
    MessageId, Outgoing,
    batching::{self, Frame},
    outputs::Outputs,
};

/// How far a `take` may go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Until {
    /// The last place in the queue that still goes out.
    pub(crate) last: MessageId,
    /// Of the normal level, what stands from this place on waits for others to share a frame with.
    pub(crate) held_from: Option<MessageId>,
}

impl Until {
    #[cfg(feature = "session")]
    pub(crate) const END: Self = Self { last: MessageId(u64::MAX), held_from: None };

    /// The last place of this level.
    #[inline]
    pub(super) fn last(&self, level: Priority) -> MessageId {
        match (level, self.held_from) {
            (Priority::Normal, Some(MessageId(held))) => self.last.min(MessageId(held.saturating_sub(1))),
            (Priority::High | Priority::Normal | Priority::Low, _) => self.last,
        }
    }
}

/// What a `take` did.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) units: usize,
    /// `encode` accepted no more.
    pub(crate) stopped: bool,
}

impl Outbox {
    /// Whether a `take` would be given something.
    pub(crate) fn has_something_to_take(&self, until: &Until) -> bool {
        if !self.volatile.is_empty() {
            return true;
        }
        match self.session.as_ref() {
            Some(session) => self.has_something_for(session, self.is_available(until)),
            None if self.is_isolating() => self.isolated(until).is_some(),
            None => self.is_available(until),
        }
    }

    /// Hands queued messages to `encode`, level by level and in order, until it returns false. With `merge` in frames of
    /// up to that many bytes.
    pub(crate) fn take(
        &mut self,
        until: &Until,
        merge: Option<usize>,
        outputs: &mut Outputs,
        encode: &mut dyn FnMut(Outgoing<'_>) -> bool,
    ) -> Taken {
        let mut taken = match merge {
            _ if self.session.is_some() => self.take_numbered(until, outputs, encode),
            _ if self.is_isolating() => self.take_isolated(until, encode),
            Some(max_bytes) => self.take_frames(until, max_bytes, encode),
            None => self.take_messages(until, encode),
        };
        if !taken.stopped && !self.volatile.is_empty() {
            let (units, all) = self.take_volatile(outputs, encode);
            taken.units += units;
            taken.stopped = !all;
        }
        taken
    }

    fn take_messages(&mut self, until: &Until, encode: &mut dyn FnMut(Outgoing<'_>) -> bool) -> Taken {
        let mut taken = Taken::default();
        for level in Priority::ALL {
            let last = until.last(level);
            let mut messages = 0;
            for entry in self.queue.iter(level).take_while(|entry| entry.place() <= last) {
                if !encode(Outgoing::plain(&entry.message)) {
                    taken.stopped = true;
                    break;
                }
                messages += 1;
            }
            if messages > 0 {
                self.move_to_flight(level, messages);
                self.in_flight.end_singles(messages);
                taken.units += messages;
            }
            if taken.stopped {
                break;
            }
        }
        taken
    }

    /// Only messages of one level share a frame.
    fn take_frames(&mut self, until: &Until, max_bytes: usize, encode: &mut dyn FnMut(Outgoing<'_>) -> bool) -> Taken {
        let mut taken = Taken::default();
        for level in Priority::ALL {
            let last = until.last(level);
            loop {
                let available = self.queue.iter(level).take_while(|entry| entry.place() <= last);
                let mut available = available.map(|entry| &entry.message).peekable();
                let Some(first) = available.peek().copied() else { break };
                let frame = batching::frame(available, max_bytes);
                let accepted = match &frame {
                    Frame::Single => encode(Outgoing::plain(first)),
                    Frame::Merged { message, .. } => encode(Outgoing::plain(message)),
                };
                if !accepted {
                    taken.stopped = true;
                    return taken;
                }
                self.move_to_flight(level, frame.messages());
                self.in_flight.end_frame(frame.messages());
                taken.units += 1;
            }
        }
        taken
    }

    /// One message, if none is on its way.
    fn take_isolated(&mut self, until: &Until, encode: &mut dyn FnMut(Outgoing<'_>) -> bool) -> Taken {
        let mut taken = Taken::default();
        let Some(level) = self.isolated(until) else { return taken };
        let Some(entry) = self.queue.front(level) else { return taken };
        if !encode(Outgoing::plain(&entry.message)) {
            taken.stopped = true;
            return taken;
        }
        self.move_to_flight(level, 1);
        self.in_flight.end_singles(1);
        taken.units = 1;
        taken
    }

    /// After the peer has blamed one of several messages, each goes by itself until it is proven or blamed for sure.
    fn is_isolating(&self) -> bool {
        self.session.is_none() && (self.queue.suspected().is_some() || self.in_flight.is_suspected())
    }

    /// The level whose front goes next and alone, if that may be now: the first that holds a suspect.
    fn isolated(&self, until: &Until) -> Option<Priority> {
        let level = self.queue.suspected().filter(|_| self.in_flight.is_empty())?;
        self.is_front_available(level, until).then_some(level)
    }

    pub(super) fn is_available(&self, until: &Until) -> bool {
        Priority::ALL.into_iter().any(|level| self.is_front_available(level, until))
    }

    fn is_front_available(&self, level: Priority, until: &Until) -> bool {
        self.queue.front(level).is_some_and(|entry| entry.place() <= until.last(level))
    }

    pub(super) fn move_to_flight(&mut self, level: Priority, messages: usize) {
        let resending = self.queue.resending();
        self.queue.drain(level, messages, |entries| self.in_flight.extend(entries));
        self.counts.resent += (resending - self.queue.resending()) as u64;
    }
}
