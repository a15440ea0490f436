//! The driver: one turn after the other.
//!
//! - `listen`: what the connections, the store and the network have, told to the machine
//! - `perform`: what the machine wants
//! - `write`: out of the outbox into the transport
//! - `rest`: the way to sleep, and the alarm

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use everwire_core::{Input, Moment, TransportEvent};
use everwire_ws::Message;
use tokio::task::coop;

use super::effects::Effects;
use super::link::Link;
use super::log;
use super::platform::{Hints, Plan};
use super::reading::Reading;
use crate::budget::RetryBudget;
use crate::clock::{self, Instant, Sleep};
use crate::inbox::Limit;
use crate::metrics::Meter;
use crate::shared::Shared;
use crate::store::StoreThread;

mod listen;
mod perform;
mod rest;
mod write;

/// Runs a client until it has ended.
pub(crate) struct Driver {
    shared: Arc<Shared>,
    plan: Arc<Plan>,
    /// For logs.
    url: String,
    link: Link,
    /// A connection that is to take over from the one that is up.
    next: Link,
    sleep: Pin<Box<Sleep>>,
    /// What the sleep lasts until; the mutex guards a copy for those who send.
    alarm: Option<Moment>,
    /// The sleep is over, and the machine has not been asked whether it wanted that.
    timer_due: bool,
    effects: Effects,
    // Used again for each batch.
    events: Vec<TransportEvent>,
    spare: Vec<Message>,
    warned: bool,
    /// What the inbox was last read within.
    limit: Limit,
    /// How far the reader of the inbox was last known to be.
    processed: u64,
    /// When the machine was last told what the wall clock reads.
    wall_clock_at: Moment,
    store: Option<StoreThread>,
    /// What the store has said, until the machine is told.
    stored: Option<Box<Input>>,
    /// The client has ended, and its store is being closed.
    closing_store: bool,
    meter: Meter,
    budget: Option<RetryBudget>,
    hints: Hints,
    /// Dropped last.
    _ending: Ending,
}

/// However the task ends, nobody waits for it in vain.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.finish();
    }
}

/// What a turn leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Something is left to do.
    Again,
    /// Everything waits, and will wake us.
    Idle,
    End,
}

/// Turns before other tasks get theirs.
const TURNS: usize = 4;
/// A commit that is under way at the end is waited for, so long. Also told in [`Client::close`](crate::Client::close).
const STORE_CLOSES_WITHIN: Duration = Duration::from_secs(5);

impl Driver {
    pub(crate) fn new(
        shared: Arc<Shared>,
        mut plan: Plan,
        url: String,
        store: Option<StoreThread>,
        meter: Meter,
        budget: Option<RetryBudget>,
    ) -> Self {
        Self {
            hints: Hints::listen(&mut plan, &shared),
            _ending: Ending(Arc::clone(&shared)),
            shared,
            plan: Arc::new(plan),
            url,
            link: Link::Down,
            next: Link::Down,
            sleep: Box::pin(clock::sleep(Duration::ZERO)),
            alarm: None,
            timer_due: false,
            effects: Effects::default(),
            events: Vec::new(),
            spare: Vec::new(),
            warned: false,
            limit: Limit::Usual,
            processed: 0,
            wall_clock_at: Moment::ZERO,
            store,
            stored: None,
            closing_store: false,
            meter,
            budget,
        }
    }

    fn turn(&mut self, cx: &mut Context<'_>) -> Turn {
        if self.effects.finished {
            return self.close_store(cx);
        }
        // The sleep is polled before the socket: when it is over, the runtime has asked the operating system what has
        // arrived, so whatever a stall of ours held up is read before the machine hears of the time (T16).
        if self.alarm.is_some() {
            self.poll_alarm(cx);
        }
        let attempt = self.link.attempt();
        let reading = self.poll_link(cx);
        let store_busy = self.poll_store(cx);
        let hinted = self.poll_hints(cx);
        // Without budget the socket may have been refused to us, not found empty.
        let timed_out = self.timer_due && coop::has_budget_remaining();
        self.tell_machine(attempt, timed_out);
        if reading == Reading::Gone && self.link.attempt() == attempt {
            self.link = mem::replace(&mut self.next, Link::Down);
        }
        let next_busy = self.turn_next(cx);
        let mut busy = self.perform()
            || next_busy
            || store_busy
            || hinted
            || reading == Reading::More
            || (reading == Reading::Paused && self.effects.closing);
        if self.effects.finished {
            return Turn::Again;
        }
        busy |= self.write(cx);
        if self.effects.finished {
            return Turn::Again;
        }
        if self.rest(cx) && !busy { Turn::Idle } else { Turn::Again }
    }

    /// The last step: closes the store, so that it is closed when it is opened again. A store that does not close in
    /// time is left as it is.
    fn close_store(&mut self, cx: &mut Context<'_>) -> Turn {
        (self.link, self.next) = (Link::Down, Link::Down);
        let Some(store) = &mut self.store else { return Turn::End };
        if store.poll_close(cx).is_ready() {
            return Turn::End;
        }
        if !mem::replace(&mut self.closing_store, true) {
            self.sleep.as_mut().reset(clock::after(Instant::now(), STORE_CLOSES_WITHIN));
        }
        if self.sleep.as_mut().poll(cx).is_ready() {
            log::store_left_open(&self.url);
            return Turn::End;
        }
        Turn::Idle
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..TURNS {
            match self.turn(cx) {
                Turn::Again => {}
                Turn::Idle => return Poll::Pending,
                Turn::End => return Poll::Ready(()),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Driver {
    /// A task that ends with its runtime leaves nothing undecided.
    fn drop(&mut self) {
        self.link = Link::Down;
        self.next = Link::Down;
        if !self.effects.finished {
            log::runtime_gone(&self.url);
            let now = self.shared.now();
            let mut inner = self.shared.lock();
            inner.machine.handle(now, Input::Close { deadline: now });
            self.effects.collect(&self.shared, &mut inner);
            self.meter.sample(now, &inner, &self.shared.mailbox);
        }
        self.perform();
    }
}
