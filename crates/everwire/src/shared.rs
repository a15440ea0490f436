//! What the handles of a client and its driver share.
//!
//! - [`Shared`], [`Inner`]: the machine behind its mutex, and what stands around it
//! - `locked`: the mutex
//! - `send`: messages into the outbox, and changing one's mind about them

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Mutex};
use std::task::Waker;

use everwire_core::{self as core, Input, Machine, Message, MessageId, Moment, Outcome, Output, Undelivered};
use everwire_ws::CloseFrame;
use tokio::sync::{SetOnce, watch};

use crate::clock::{self, Instant};
use crate::delivery::Ledger;
use crate::events::{EventItem, Events, Feed};
use crate::inbox::{Bounds, Mailbox, Reading};
use crate::metrics::Tally;
use crate::outcomes::feed::OutcomeFeed;
use crate::store::Recovered;
use crate::wakeup::Wakeup;
use crate::{Opening, State, Stats};

mod locked;
mod send;

pub(crate) use self::locked::Locked;
use self::send::SenderQueue;

/// One mutex guards the machine; `send` holds it for an append, the driver once or twice per
/// batch. States, events and wake-ups go out when it is free again, and messages that have ended are dropped then (their
/// payloads may have owners), so that no code of the user's ever runs under it.
#[derive(Debug)]
pub(crate) struct Shared {
    inner: Mutex<Inner>,
    /// `Moment::ZERO`.
    origin: Instant,
    /// Any `send` may bring a deadline forward: with batching, or an age for all messages.
    timed: bool,
    /// Wakes the driver.
    pub(crate) driver: Arc<Wakeup>,
    pub(crate) mailbox: Arc<Mailbox>,
    state: watch::Sender<State>,
    events: Feed,
    senders: SenderQueue,
    finished: SetOnce<()>,
    #[cfg(feature = "calls")]
    pub(crate) calls: crate::calls::slot::CallsSlot,
}

/// What the mutex guards.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) machine: Machine,
    pub(crate) ledger: Ledger,
    pub(crate) outcomes: OutcomeFeed,
    #[cfg(feature = "calls")]
    pub(crate) undelivered: crate::calls::undelivered::Undelivered,
    /// Outputs that a handle's call brought about and that only the driver can act on.
    pending: VecDeque<Output>,
    /// The driver is to look at what a handle has done.
    wake_driver: bool,
    /// What the driver sleeps until.
    pub(crate) armed: Option<Moment>,
    /// When the driver last looked at the clock.
    pub(crate) looked_at_clock: Moment,
    /// The last handle was dropped.
    pub(crate) abandoned: bool,
    /// The messages that a store has kept, until the application asks for them.
    recovered: Vec<Recovered>,
    /// What `close` hands back, until it does.
    pub(crate) left: Option<Undelivered>,
    /// Of the open connection.
    pub(crate) subprotocol: Option<String>,
    /// What the user's next closing handshake says, in place of 1000 without a reason.
    pub(crate) close_frame: Option<CloseFrame>,
    /// Of the last connection.
    pub(crate) opening: Option<Opening>,
    pub(crate) traffic: Traffic,
    /// For the metrics.
    pub(crate) tally: Tally,
}

/// What went over all connections.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_received: u64,
    pub(crate) messages_sent: u64,
    pub(crate) messages_received: u64,
}

impl Shared {
    /// `recovered`: the messages that a store has kept, in the order of their numbers.
    pub(crate) fn new(
        mut machine: Machine,
        timed: bool,
        inbox: Bounds,
        reading: Reading,
        recovered: Vec<(MessageId, Message)>,
    ) -> Self {
        machine.keep_ended();
        let mut ledger = Ledger::default();
        let recovered = recovered.into_iter().map(|(id, message)| Recovered { message, delivery: ledger.open(id) });
        let recovered = recovered.collect();
        let inner = Inner {
            machine,
            ledger,
            outcomes: OutcomeFeed::default(),
            #[cfg(feature = "calls")]
            undelivered: crate::calls::undelivered::Undelivered::default(),
            recovered,
            pending: VecDeque::new(),
            wake_driver: false,
            armed: None,
            looked_at_clock: Moment::ZERO,
            abandoned: false,
            left: None,
            subprotocol: None,
            close_frame: None,
            opening: None,
            traffic: Traffic::default(),
            tally: Tally::default(),
        };
        let driver = Arc::new(Wakeup::default());
        Self {
            inner: Mutex::new(inner),
            origin: Instant::now(),
            timed,
            mailbox: Arc::new(Mailbox::new(inbox, reading, Arc::clone(&driver))),
            driver,
            state: watch::Sender::new(State::Closed(core::Closed::Initial)),
            events: Feed::default(),
            senders: SenderQueue::default(),
            finished: SetOnce::new(),
            #[cfg(feature = "calls")]
            calls: crate::calls::slot::CallsSlot::default(),
        }
    }

    pub(crate) fn lock(&self) -> Locked<'_> {
        Locked::new(&self.inner)
    }

    pub(crate) fn now(&self) -> Moment {
        Moment::ZERO.saturating_add(self.origin.elapsed())
    }

    /// The other way round; what was before this client is its beginning.
    pub(crate) fn moment(&self, instant: Instant) -> Moment {
        Moment::ZERO.saturating_add(instant.saturating_duration_since(self.origin))
    }

    /// A moment on tokio's clock.
    pub(crate) fn instant(&self, moment: Moment) -> Instant {
        clock::after(self.origin, moment.since(Moment::ZERO))
    }

    // For the handles.

    /// Tells the machine something and has the driver act on it.
    pub(crate) fn tell(&self, input: Input) {
        let mut inner = self.lock();
        let now = self.now();
        inner.machine.handle(now, input);
        let reader_ends = self.mailbox.set_ended(inner.has_ended());
        inner.wake_driver = true;
        let output = inner.machine.poll_output();
        self.dispatch_outputs(output, inner);
        if reader_ends {
            self.mailbox.wake_reader();
        }
    }

    /// The last handle is gone.
    pub(crate) fn abandon(&self) {
        let mut inner = self.lock();
        inner.abandoned = true;
        drop(inner);
        self.driver.wake();
    }

    pub(crate) fn state(&self) -> State {
        let inner = self.lock();
        self.public_state(inner.machine.state().clone(), &inner)
    }

    pub(crate) fn recovered(&self) -> Vec<Recovered> {
        mem::take(&mut self.lock().recovered)
    }

    pub(crate) fn watch_state(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    pub(crate) fn events(&self) -> Events {
        self.events.listen()
    }

    pub(crate) fn stats(&self) -> Stats {
        let (inbox_messages, inbox_discarded) = self.mailbox.counts();
        let inner = self.lock();
        Stats {
            machine: inner.machine.stats(),
            bytes_sent: inner.traffic.bytes_sent,
            bytes_received: inner.traffic.bytes_received,
            messages_sent: inner.traffic.messages_sent,
            messages_received: inner.traffic.messages_received,
            inbox_messages,
            inbox_discarded,
            opening: inner.opening.clone(),
        }
    }

    /// Waits until the driver has ended, and takes what it left if nobody has.
    pub(crate) async fn finished(&self) -> Undelivered {
        self.finished.wait().await;
        self.lock().left.take().unwrap_or_default()
    }

    // For the driver.

    pub(crate) fn public_state(&self, state: core::State, inner: &Inner) -> State {
        match state {
            core::State::Closed(closed) => State::Closed(closed),
            core::State::Connecting { attempt } => State::Connecting { attempt },
            core::State::Connected => State::Connected {
                subprotocol: inner.subprotocol.clone(),
                pings_unanswered: inner.machine.stats().answers_pings == Some(false),
            },
            core::State::Disconnected { cause, retry_at, attempt, held } => {
                let retry_at = clock::for_users(self.instant(retry_at));
                State::Disconnected { cause, retry_at, attempt, held }
            }
            core::State::Closing => State::Closing,
        }
    }

    /// Tells listeners and watchers. The mutex must be free.
    pub(crate) fn publish(&self, item: EventItem) {
        if let EventItem::State(state) = &item {
            self.state.send_replace(state.clone());
        }
        self.events.tell(item);
    }

    /// There may be room in the outbox, or none ever again.
    pub(crate) fn call_next_in_line(&self) {
        self.senders.call_next();
    }

    /// The driver has ended: nobody waits for it any longer.
    pub(crate) fn finish(&self) {
        self.mailbox.set_ended(true);
        self.mailbox.wake_reader();
        self.events.end();
        self.call_next_in_line();
        // It is set already if the task was told twice.
        let _ = self.finished.set(());
        let outcomes = self.lock().outcomes.end();
        outcomes.into_iter().for_each(Waker::wake);
    }
}

impl Inner {
    /// The next output for the driver.
    pub(crate) fn next_output(&mut self) -> Option<Output> {
        self.pending.pop_front().or_else(|| self.machine.poll_output())
    }

    /// Deals with an output of a handle's call: outcomes at once, the rest is for the driver.
    fn collect_one(&mut self, output: Output, wakers: &mut Vec<Waker>) {
        match output {
            Output::Outcome { first, last, outcome } => self.settle(first, last, outcome, wakers),
            Output::Written { first, last } => self.ledger.written(first, last, wakers),
            Output::Stored { first, last } => self.ledger.stored(first, last, wakers),
            other => {
                self.pending.push_back(other);
                self.wake_driver = true;
            }
        }
    }

    /// The final word on messages.
    pub(crate) fn settle(&mut self, first: MessageId, last: MessageId, outcome: Outcome, wakers: &mut Vec<Waker>) {
        self.tally.ended(first, last, outcome);
        self.ledger.settle(first, last, outcome, wakers);
        wakers.extend(self.outcomes.push(first, last, outcome));
        #[cfg(feature = "calls")]
        wakers.extend(self.undelivered.push(outcome));
    }

    pub(crate) fn has_work_for_driver(&self) -> bool {
        debug_assert!(!self.wake_driver, "a handle's call has kept a wake-up for itself");
        !self.pending.is_empty() || self.abandoned
    }

    fn must_wake_earlier(&self) -> bool {
        match (self.machine.deadline(), self.armed) {
            (Some((deadline, _)), Some(armed)) => deadline < armed,
            (Some(_), None) => true,
            (None, _) => false,
        }
    }

    /// Nothing more will be received unless the application acts. After `disconnect` a reader may wait: an application
    /// that disconnects on purpose may connect again on purpose.
    pub(crate) fn has_ended(&self) -> bool {
        match self.machine.state() {
            core::State::Closed(closed) => !matches!(closed, core::Closed::Initial | core::Closed::Disconnected),
            core::State::Connecting { .. }
            | core::State::Connected
            | core::State::Disconnected { .. }
            | core::State::Closing => false,
        }
    }
}
