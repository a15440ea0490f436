//! What the machine's outputs ask for.

use std::task::Waker;

use bytes::Bytes;
use everwire_core::store::{BatchId, StoreOp};
use everwire_core::{Attempt, Cause, Output, State as CoreState};
use everwire_ws::{CloseCode, Message};

use crate::events::EventItem;
use crate::metrics::Meter;
use crate::shared::{Inner, Shared};

/// For the transport.
#[derive(Debug)]
pub(super) enum Command {
    /// `plain`: no session is to be offered.
    Open {
        attempt: Attempt,
        number: u32,
        plain: bool,
    },
    Abort(Attempt),
    Ping(Attempt, Bytes),
    Probe(Attempt, Bytes),
    Control(Attempt, Message),
    Close(Attempt, CloseCode, &'static str),
    Ready(Attempt),
    Reserve,
    Deliver(Vec<Message>),
    Persist(BatchId, Vec<StoreOp>),
}

/// What is to be done and told once the mutex is free again. Its vectors are used again and again.
#[derive(Debug, Default)]
pub(super) struct Effects {
    pub(super) commands: Vec<Command>,
    pub(super) notices: Vec<EventItem>,
    wakers: Vec<Waker>,
    /// Messages that have ended, to be dropped.
    ended: Vec<Message>,
    /// All messages have their outcome: a burst is over.
    is_at_rest: bool,
    /// The reader of the inbox has to hear that nothing more comes.
    reader_ends: bool,
    room: bool,
    /// The machine has ended for good.
    pub(super) finished: bool,
    /// Messages of ours can't arrive any more by themselves, or the user is leaving: read on even if the inbox is full.
    pub(super) closing: bool,
    /// The last attempt's number, as users count.
    number: u32,
    /// Why the last attempt or connection ended.
    pub(super) last_cause: Option<Cause>,
}

/// Room that is kept for messages that have ended, when none is on its way.
const ENDED: usize = 4096;

impl Effects {
    /// Drains all outputs.
    pub(super) fn collect(&mut self, shared: &Shared, inner: &mut Inner) {
        let mut state_changed = false;
        while let Some(output) = inner.next_output() {
            match output {
                Output::Outcome { first, last, outcome } => inner.settle(first, last, outcome, &mut self.wakers),
                Output::Stored { first, last } => inner.ledger.stored(first, last, &mut self.wakers),
                Output::Persist(batch, ops) => self.commands.push(Command::Persist(batch, ops)),
                Output::Written { first, last } => inner.ledger.written(first, last, &mut self.wakers),
                Output::Deliver(messages) => self.commands.push(Command::Deliver(messages)),
                Output::DeliverVolatile(message) => self.commands.push(Command::Deliver(vec![message])),
                Output::Ready(attempt) => self.commands.push(Command::Ready(attempt)),
                Output::Ping(attempt, payload) => self.commands.push(Command::Ping(attempt, payload)),
                Output::Probe(attempt, payload) => self.commands.push(Command::Probe(attempt, payload)),
                Output::Control(attempt, message) => self.commands.push(Command::Control(attempt, message)),
                Output::Close(attempt, code, reason) => self.commands.push(Command::Close(attempt, code, reason)),
                Output::Abort(attempt) => self.commands.push(Command::Abort(attempt)),
                Output::Open(attempt) => {
                    self.number = match inner.machine.state() {
                        CoreState::Connecting { attempt } => *attempt,
                        // A connection that is to take over, or a last attempt to get rid of what is queued.
                        CoreState::Closed(_)
                        | CoreState::Connected
                        | CoreState::Disconnected { .. }
                        | CoreState::Closing => self.number.saturating_add(1),
                    };
                    let plain = inner.machine.withholds_session();
                    self.commands.push(Command::Open { attempt, number: self.number, plain });
                }
                Output::Reserve => self.commands.push(Command::Reserve),
                Output::Room => self.room = true,
                Output::Event(event) => self.notices.push(EventItem::Event(event)),
                Output::State(state) => {
                    state_changed = true;
                    if let CoreState::Disconnected { cause, .. } = &state {
                        self.last_cause = Some(cause.clone());
                    }
                    let state = shared.public_state(state, inner);
                    self.notices.push(EventItem::State(state));
                }
                Output::Finished(left) => {
                    inner.left = Some(left);
                    self.finished = true;
                }
            }
        }
        if state_changed {
            self.closing = *inner.machine.state() == CoreState::Closing;
            self.reader_ends |= shared.mailbox.set_ended(inner.has_ended());
        }
        self.is_at_rest = !inner.machine.has_open_messages();
        self.relax();
        // The machine may get the emptied room of ours for it.
        inner.machine.take_ended(&mut self.ended);
    }

    /// Releases the memory that a burst needed, once the burst is over. Between the batches of a burst it would be
    /// mapped again each time.
    fn relax(&mut self) {
        if self.is_at_rest && self.ended.capacity() > ENDED {
            self.ended.shrink_to(ENDED);
        }
    }

    /// Tells everybody who waits. The mutex must be free.
    pub(super) fn tell(&mut self, shared: &Shared, url: &str, meter: &mut Meter) {
        if !self.ended.is_empty() {
            self.ended.clear();
            self.relax();
        }
        self.wakers.drain(..).for_each(Waker::wake);
        if std::mem::take(&mut self.reader_ends) {
            shared.mailbox.wake_reader();
        }
        meter.tell();
        // They are rare: an idle client keeps no room for them.
        for notice in std::mem::take(&mut self.notices) {
            meter.notice(&notice);
            super::log::notice(url, &notice);
            shared.publish(notice);
        }
        if std::mem::take(&mut self.room) {
            shared.call_next_in_line();
        }
    }
}
