//! What the handles and the task share: the machine, behind one mutex.
//!
//! - [`Hub`]: the lock, and what is done when it is free
//! - `handle_side`, `task_side`: what handles do with it, and what the task does
//! - `inner`: what the lock guards; it sorts what the machine wants done
//! - `outgoing`: messages that wait to be sent
//! - `slot`: a call of ours, until its end was given out
//! - `work`: what wakes the task

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use everwire_calls::{Config, Endpoint, Role};
use everwire_ws::Message;
use tokio::sync::{Notify, mpsc};

use crate::own::Own;
use crate::{CallsMeter, Carrier, SendFailed, Ticket};

mod handle_side;
mod inner;
mod outgoing;
mod slot;
mod task_side;
mod work;

pub(crate) use inner::{Command, Origin};
use inner::{Inner, Notices};
pub(crate) use outgoing::{Outgoing, What};
pub(crate) use slot::Found;
pub(crate) use task_side::Sample;
use work::Work;

/// Messages are sent, wakers woken, messages taken back and payloads of the application's dropped when the mutex is free.
pub(crate) struct Hub {
    pub(crate) carrier: Arc<dyn Carrier>,
    pub(crate) meter: CallsMeter,
    inner: Mutex<Inner>,
    /// Nothing more comes or goes.
    is_closed: AtomicBool,
    /// Wakes the task.
    pub(crate) work: Work,
    answered: Notify,
    pub(crate) own: Own,
}

/// What came of handing a message to the session.
pub(crate) type Sent = Result<Option<Box<dyn Ticket>>, SendFailed>;

impl Hub {
    pub(crate) fn new(
        config: Config,
        role: Role,
        seed: u64,
        carrier: Arc<dyn Carrier>,
        own: mpsc::Receiver<Message>,
        meter: CallsMeter,
    ) -> Self {
        let max_unread = config.max_unread_bytes;
        let inner = Mutex::new(Inner::new(Endpoint::new(config, role, seed), max_unread));
        let own = Mutex::new(Some(own));
        let is_closed = AtomicBool::new(false);
        Self { carrier, meter, inner, is_closed, work: Work::default(), answered: Notify::new(), own }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `act` on the machine, notifies the tasks that wait, and sends what is to be sent.
    fn for_handle<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        let mut inner = self.lock();
        let deadline = inner.endpoint.deadline();
        let result = act(&mut inner);
        inner.collect(Origin::default());
        let is_for_task = !inner.commands.is_empty() || inner.endpoint.deadline() != deadline;
        let is_to_send = inner.has_to_send();
        let told = inner.take_told();
        // Often there is one message, and nothing to tell: it is taken while the machine is locked anyway.
        let first = if told.is_none() { inner.outgoing.begin() } else { None };
        drop(inner);
        if let Some(told) = told {
            self.tell(*told);
        }
        if is_to_send {
            let first = first.or_else(|| self.lock().outgoing.begin());
            self.send(first);
        }
        if is_for_task {
            self.work.notify();
        }
        result
    }

    /// Runs `act` on the machine, and notifies the tasks that wait.
    fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        let mut inner = self.lock();
        let result = act(&mut inner);
        inner.collect(Origin::default());
        let told = inner.take_told();
        drop(inner);
        if let Some(told) = told {
            self.tell(*told);
        }
        result
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    fn tell(&self, told: Notices) {
        let Notices { wakers, notes, withdrawals, answered } = told;
        for (id, mut withdrawal) in withdrawals {
            withdrawal.is_withdrawn = withdrawal.ticket.withdraw();
            let waker = self.lock().withdrawn(id, withdrawal);
            waker.into_iter().for_each(Waker::wake);
        }
        notes.tell(&self.meter, || self.carrier.now());
        wakers.into_iter().for_each(Waker::wake);
        if answered {
            self.answered.notify_waiters();
        }
    }

    /// Sends what waits, as far as there is room. One task sends at a time, so that the order holds; meanwhile the
    /// others leave their messages to it. Returns whether it has sent something.
    pub(crate) fn flush(&self) -> bool {
        let first = self.lock().outgoing.begin();
        self.send(first)
    }

    /// Sends this, and what has come behind it meanwhile. Says whether it has sent something.
    fn send(&self, first: Option<Outgoing>) -> bool {
        let (mut next, mut has_sent) = (first, false);
        while let Some(Outgoing { message, what }) = next {
            let sent = self.carrier.send(message);
            let mut inner = self.lock();
            if let Err(SendFailed::Full(message)) = sent {
                // Only the task can wait for room.
                inner.outgoing.is_full(Outgoing { message, what });
                drop(inner);
                self.work.notify();
                return has_sent;
            }
            has_sent = true;
            inner.outgoing.is_sent();
            inner.sent(what, sent);
            next = inner.outgoing.begin();
            drop(inner);
            if matches!(what, What::Hello(_)) {
                self.work.notify();
            }
        }
        has_sent
    }
}
