//! What waits to be polled by the driver.

use std::collections::VecDeque;

use everwire_ws::Message;

use crate::{
    Attempt, Event, MessageId, Outcome, Output,
    session::Frame,
    store::{Journal, OutcomeReport, StoreOp},
};

/// How far back a range looks for one that it continues.
const LOOK_BACK: usize = 3;

/// Room that an idle machine keeps.
const IDLE: usize = 16;

/// A queue of outputs in which ranges grow instead of piling up, so that its length does not follow the number of messages.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    queue: VecDeque<Output>,
    /// With a store: what is told only when it has it.
    pub(crate) journal: Option<Box<Journal>>,
    /// Messages that have ended, where they are not to be dropped here.
    ended: Option<Vec<Message>>,
}

impl Outputs {
    pub(crate) fn push(&mut self, output: Output) {
        self.queue.push_back(output);
    }

    /// From here on nothing that has ended is dropped here.
    pub(crate) fn keep_ended(&mut self) {
        self.ended.get_or_insert_default();
    }

    #[inline]
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.as_ref().is_some_and(|ended| !ended.is_empty())
    }

    /// Moves the ended messages into `into`. If there are none, the vectors are not swapped: the capacity stays here
    /// for a caller that takes some.
    #[inline]
    pub(crate) fn take_ended(&mut self, into: &mut Vec<Message>) {
        match &mut self.ended {
            Some(ended) if ended.is_empty() => {}
            Some(ended) if into.is_empty() => std::mem::swap(ended, into),
            Some(ended) => into.append(ended),
            None => {}
        }
    }

    /// The last of a message, whose payload may have an owner that does things when it is dropped.
    pub(crate) fn dispose(&mut self, message: Message) {
        if let Some(ended) = &mut self.ended {
            ended.push(message);
        }
    }

    pub(crate) fn dispose_all(&mut self, messages: impl Iterator<Item = Message>) {
        match &mut self.ended {
            Some(ended) => ended.extend(messages),
            None => messages.for_each(drop),
        }
    }

    pub(crate) fn dispose_of_steps(&mut self, steps: Vec<StoreOp>) {
        self.dispose_all(steps.into_iter().filter_map(|step| match step {
            StoreOp::Put(stored) => Some(stored.message),
            StoreOp::Number { .. }
            | StoreOp::Unnumber { .. }
            | StoreOp::Remove { .. }
            | StoreOp::Session(_)
            | StoreOp::Processed(_) => None,
        }));
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.push(Output::Event(event));
    }

    /// Hands the messages of a batch, if there are any, to the application.
    pub(crate) fn deliver(&mut self, batch: &mut Vec<Message>) {
        if !batch.is_empty() {
            self.push(Output::Deliver(std::mem::take(batch)));
        }
    }

    /// A session's acknowledgement; a later one takes an earlier one's place.
    pub(crate) fn ack(&mut self, attempt: Attempt, seq: u64) {
        let ack = Frame::Ack(seq).to_message();
        match self.queue.back_mut() {
            Some(Output::Control(same, before)) if *same == attempt && before.payload().first() == Some(&b'a') => {
                *before = ack;
            }
            _ => self.push(Output::Control(attempt, ack)),
        }
    }

    /// All of `first..=last` have this outcome; with a store, it may have to be told later.
    pub(crate) fn outcome(&mut self, first: MessageId, last: MessageId, outcome: Outcome) {
        let Some(journal) = &mut self.journal else { return self.tell(first, last, outcome) };
        match journal.ended(first, last, outcome) {
            OutcomeReport::Tell => self.tell(first, last, outcome),
            OutcomeReport::Instead(told) => {
                told.into_iter().for_each(|(first, last, outcome)| self.tell(first, last, outcome))
            }
        }
    }

    /// A message was accepted.
    #[inline]
    pub(crate) fn accepted(&mut self, id: MessageId) {
        if let Some(journal) = &mut self.journal {
            journal.accepted(id);
        }
    }

    /// The session is another, or has other credentials.
    pub(crate) fn session_changed(&mut self) {
        if let Some(journal) = &mut self.journal {
            journal.session_changed();
        }
    }

    pub(crate) fn tell(&mut self, first: MessageId, last: MessageId, outcome: Outcome) {
        for output in self.ranges() {
            match output {
                Output::Outcome { last: before, outcome: same, .. } if *same == outcome && before.0 + 1 == first.0 => {
                    *before = last;
                    return;
                }
                // The word that a message is written must not be overtaken by the final one.
                Output::Written { first: written, last: until } if *written <= last && first <= *until => break,
                _ => {}
            }
        }
        self.push(Output::Outcome { first, last, outcome });
    }

    /// All of `first..=last` are written.
    pub(crate) fn written(&mut self, first: MessageId, last: MessageId) {
        for output in self.ranges() {
            match output {
                Output::Written { last: before, .. } if before.0 + 1 == first.0 => {
                    *before = last;
                    return;
                }
                _ => {}
            }
        }
        self.push(Output::Written { first, last });
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Output> {
        if self.queue.is_empty() { None } else { self.pop_one() }
    }

    fn pop_one(&mut self) -> Option<Output> {
        let output = self.queue.pop_front();
        if self.queue.is_empty() && self.queue.capacity() > IDLE {
            self.queue.shrink_to(IDLE);
        }
        output
    }

    /// The latest outputs as far as they are ranges: only past those may a range move forward without overtaking news.
    fn ranges(&mut self) -> impl Iterator<Item = &mut Output> {
        self.queue
            .iter_mut()
            .rev()
            .take(LOOK_BACK)
            .take_while(|output| matches!(output, Output::Outcome { .. } | Output::Written { .. }))
    }
}
