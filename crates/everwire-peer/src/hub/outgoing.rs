use std::collections::VecDeque;

use everwire_ws::Message;

/// A message that waits for the task to send it.
pub(crate) struct Outgoing {
    pub(crate) message: Message,
    pub(crate) what: What,
}

/// What a message is, for who has to hear what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Call(u64),
    Hello(u64),
    /// The answer to a hello of the peer's.
    Answer,
    /// A call of the peer's is beyond a limit.
    Refusal,
    Other,
}

/// Messages that wait, in order.
#[derive(Default)]
pub(super) struct Queue {
    queue: VecDeque<Outgoing>,
    bytes: usize,
    answers: usize,
    refusals: usize,
    /// One of them is being sent.
    is_sending: bool,
    /// The one for which there was no room; all others wait behind it.
    stuck: Option<Outgoing>,
}

/// The largest number of answers to hellos that may wait: a peer says hello once for each program and session.
const MAX_ANSWERS: usize = 8;
/// The largest number of refusals that may wait: a peer that knows a limit does not exceed it.
const MAX_REFUSALS: usize = 1_000;
/// The largest number of bytes that may wait for the session before handlers have to wait.
const MAX_BYTES: usize = 8 << 20;

impl Queue {
    pub(super) fn push(&mut self, message: Message, what: What) {
        self.count(what, usize::saturating_add);
        self.bytes = self.bytes.saturating_add(message.len());
        self.queue.push_back(Outgoing { message, what });
    }

    pub(super) fn extend(&mut self, outgoing: Option<Outgoing>) {
        outgoing.into_iter().for_each(|Outgoing { message, what }| self.push(message, what));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn pop(&mut self) -> Option<Outgoing> {
        let outgoing = self.queue.pop_front()?;
        self.count(outgoing.what, usize::saturating_sub);
        self.bytes = self.bytes.saturating_sub(outgoing.message.len());
        Some(outgoing)
    }

    /// The message of a call of ours, if it still waits here. The newest are looked at first.
    pub(super) fn take_back(&mut self, id: u64) -> Option<Message> {
        let at = self.queue.iter().rposition(|outgoing| outgoing.what == What::Call(id))?;
        let message = self.queue.remove(at)?.message;
        self.bytes = self.bytes.saturating_sub(message.len());
        Some(message)
    }

    /// The next message to send; `None` if nothing waits, if one is being sent, or if one waits for room.
    pub(super) fn begin(&mut self) -> Option<Outgoing> {
        if self.is_sending {
            return None;
        }
        let outgoing = self.pop()?;
        self.is_sending = true;
        Some(outgoing)
    }

    pub(super) fn is_sent(&mut self) {
        self.is_sending = false;
    }

    pub(super) fn is_full(&mut self, outgoing: Outgoing) {
        self.stuck = Some(outgoing);
    }

    pub(super) fn take_stuck(&mut self) -> Option<Outgoing> {
        self.stuck.take()
    }

    /// Whether more waits of what a peer can ask for without end than one that keeps the rules asks for.
    pub(super) fn is_flooded(&self) -> bool {
        self.answers > MAX_ANSWERS || self.refusals > MAX_REFUSALS
    }

    /// Whether so much waits that handlers should give no more.
    pub(super) fn is_heavy(&self) -> bool {
        self.bytes > MAX_BYTES
    }

    fn count(&mut self, what: What, by: fn(usize, usize) -> usize) {
        match what {
            What::Answer => self.answers = by(self.answers, 1),
            What::Refusal => self.refusals = by(self.refusals, 1),
            What::Call(_) | What::Hello(_) | What::Other => {}
        }
    }
}
