//! What the task does with the machine.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use everwire_calls::{Failure, Room};
use everwire_core::Moment;
use everwire_ws::Message;

use super::inner::ENDED;
use super::{Command, Hub, Origin, Outgoing, Sent, What};
use crate::{Arrived, Ticket};

/// What the task has to wait for.
pub(crate) struct Sample {
    /// A message for which there was no room.
    pub(crate) stuck: Option<Outgoing>,
    /// The last hello, and what becomes of it.
    pub(crate) hello: Option<(u64, Box<dyn Ticket>)>,
    pub(crate) deadline: Option<Moment>,
    /// Whether the peer asks for answers faster than it takes them.
    pub(crate) is_flooded: bool,
}

impl Hub {
    pub(crate) fn hello(&self) {
        self.with(|inner| inner.endpoint.hello());
    }

    pub(crate) fn hello_processed(&self, number: u64) {
        let now = self.carrier.now();
        self.with(|inner| inner.endpoint.hello_processed(now, number));
    }

    /// What has arrived, in order.
    pub(crate) fn receive(&self, arrived: Vec<Arrived>) {
        let now = self.carrier.now();
        self.with(|inner| {
            for Arrived { message, position, sequence } in arrived {
                inner.endpoint.receive(now, message);
                inner.collect(Origin { position, sequence });
            }
        });
    }

    pub(crate) fn handle_timeout(&self) {
        let now = self.carrier.now();
        self.with(|inner| inner.endpoint.handle_timeout(now));
    }

    /// Nothing of the result is dropped under the lock: a payload may have an owner.
    pub(crate) fn reply(&self, id: u64, result: Result<&Message, &Failure>) {
        self.with(|inner| inner.endpoint.reply(id, result));
    }

    /// How much a stream may send now.
    pub(crate) fn room(&self, id: u64) -> Option<Room> {
        self.lock().endpoint.room(id)
    }

    /// Sends items as far as they may be sent; the rest is left.
    pub(crate) fn items(&self, id: u64, items: &mut VecDeque<Message>) {
        let kept: Vec<Message> = items.iter().cloned().collect();
        let mut sent = 0;
        self.with(|inner| sent = inner.endpoint.items(id, items));
        self.meter.items_sent(sent);
        drop(kept);
    }

    pub(crate) fn end(&self, id: u64, result: Result<(), Failure>) {
        self.with(|inner| inner.endpoint.end(id, result));
    }

    pub(crate) fn take_commands(&self) -> VecDeque<Command> {
        std::mem::take(&mut self.lock().commands)
    }

    /// What the task has to wait for now.
    pub(crate) fn sample(&self) -> Sample {
        let mut inner = self.lock();
        Sample {
            stuck: inner.outgoing.take_stuck(),
            hello: inner.hello.take(),
            deadline: inner.endpoint.deadline(),
            is_flooded: inner.outgoing.is_flooded(),
        }
    }

    /// It is sent now; others can follow.
    pub(crate) fn unstuck(&self, what: What, sent: Sent) {
        let mut inner = self.lock();
        inner.outgoing.is_sent();
        inner.sent(what, sent);
    }

    /// Messages of ours have ended without arriving: so have their calls.
    pub(crate) fn end_undelivered(&self) {
        self.with(|inner| inner.end_undelivered());
    }

    /// Whether more waits for the session than handlers should add to.
    pub(crate) fn is_heavy(&self) -> bool {
        self.lock().outgoing.is_heavy()
    }

    /// Nothing more comes or goes.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.with(|inner| {
            inner.closed = true;
            inner.endpoint.session_ended();
            inner.collect(Origin::default());
            while let Some(outgoing) = inner.outgoing.take_stuck().or_else(|| inner.outgoing.pop()) {
                if let What::Call(id) = outgoing.what {
                    inner.not_sent(id, ENDED.to_owned());
                }
            }
            inner.commands.clear();
        });
        self.answered.notify_waiters();
    }
}
