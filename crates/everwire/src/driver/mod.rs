//! The task behind a client: it owns the transport, the machine decides.
//!
//! - [`Driver`]: one turn after the other: read, tell the machine, do what it wants, write, sleep
//! - `effects`: the machine's outputs, sorted
//! - `connection`: reading and writing an open connection in batches
//! - `once`: one attempt without a client
//! - `dial`: one attempt, from the request hook to the open WebSocket, and which `redirect`s it follows
//! - `route`: the way to a server, made of `connector` (names and TCP), `tunnel` (proxies), `tls` (rustls); `stream` is any
//! - `addresses`: in which order a server's addresses are tried, `race`: side by side, `tcp`: one of them
//! - `stopwatch`: how long the phases of that take, and what is told of it
//! - `browser`: all of these in a page, in place of what is named from `connection` on
//! - `hook_socket`: what the hook for new connections needs of a socket
//! - `failure`: errors as causes, in words; `secrets`: what of a request must not show in them
//! - `log`: what goes to `tracing`

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use everwire_core::session::SUBPROTOCOL;
use everwire_core::{Attempt, Event, Input, Moment, OpenFailure, TransportEvent};
use everwire_ws::Message;
use tokio::task::coop;

#[cfg(target_arch = "wasm32")]
use self::browser::{Connection, DialFuture, Opened, Which};
#[cfg(not(target_arch = "wasm32"))]
use self::connection::Connection;
#[cfg(not(target_arch = "wasm32"))]
use self::dial::{Opened, Which};
use self::effects::{Command, Effects};
#[cfg(not(target_arch = "wasm32"))]
use self::future::BoxFuture as DialFuture;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use self::hook_socket::FreshSocket;
use self::reading::Reading;
use crate::budget::RetryBudget;
use crate::clock::{self, Instant, Sleep};
use crate::events::EventItem;
use crate::inbox::{Limit, Room};
use crate::learned;
use crate::metrics::Meter;
#[cfg(not(target_arch = "wasm32"))]
use crate::network_hints::Listener;
use crate::shared::Shared;
use crate::store::StoreThread;
use crate::sync::unix_ms;

#[cfg(not(target_arch = "wasm32"))]
mod addresses;
#[cfg(target_arch = "wasm32")]
pub(crate) mod browser;
#[cfg(not(target_arch = "wasm32"))]
mod connection;
#[cfg(not(target_arch = "wasm32"))]
mod connector;
#[cfg(not(target_arch = "wasm32"))]
mod dial;
mod effects;
#[cfg(not(target_arch = "wasm32"))]
mod failure;
#[cfg(not(target_arch = "wasm32"))]
mod future;
#[cfg(not(target_arch = "wasm32"))]
mod hook_socket;
mod log;
#[cfg(not(target_arch = "wasm32"))]
mod once;
#[cfg(not(target_arch = "wasm32"))]
mod race;
mod reading;
#[cfg(not(target_arch = "wasm32"))]
mod redirect;
#[cfg(not(target_arch = "wasm32"))]
mod route;
mod secrets;
#[cfg(not(target_arch = "wasm32"))]
mod stopwatch;
#[cfg(not(target_arch = "wasm32"))]
mod stream;
#[cfg(not(target_arch = "wasm32"))]
mod tcp;
mod text_pings;
#[cfg(not(target_arch = "wasm32"))]
mod tls;
#[cfg(not(target_arch = "wasm32"))]
mod tunnel;

#[cfg(target_arch = "wasm32")]
pub(crate) use self::browser::{FreshSocket, Hook, HookFuture, Plan};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use self::connector::{Connector, KnownHost};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use self::dial::{Hook, Plan};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use self::future::BoxFuture as HookFuture;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use self::once::once;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use self::route::Routes;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use self::stopwatch::Stopwatch;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use self::stream::Stream;
#[cfg(not(target_arch = "wasm32"))]
pub use self::stream::Stream as Transport;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use self::tcp::TcpSettings;
#[cfg(not(target_arch = "wasm32"))]
pub use self::tls::TlsProvider;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use self::tls::{Settings as TlsSettings, Tls};

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
    stored: Option<Input>,
    /// The client has ended, and its store is being closed.
    closing_store: bool,
    meter: Meter,
    budget: Option<RetryBudget>,
    #[cfg(not(target_arch = "wasm32"))]
    hints: Option<Listener>,
    /// The page's word on the network and on itself.
    #[cfg(target_arch = "wasm32")]
    _surroundings: browser::Surroundings,
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

/// The transport.
enum Link {
    Down,
    Dialling { attempt: Attempt, future: DialFuture<Result<Opened, OpenFailure>> },
    Up(Box<Connection>),
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

const UNBOUNDED: (Limit, Room) = (Limit::Usual, Room::UNBOUNDED);
/// Turns before other tasks get theirs.
const TURNS: usize = 4;
/// While things happen, the machine is told so often what the wall clock reads.
const WALL_CLOCK: std::time::Duration = std::time::Duration::from_secs(1);
/// A commit that is under way at the end is waited for, so long. Also told in [`Client::close`](crate::Client::close).
const STORE_CLOSES_WITHIN: std::time::Duration = std::time::Duration::from_secs(5);
/// Fillings of the write buffer in one turn.
const WRITES: usize = 8;

impl Driver {
    pub(crate) fn new(
        shared: Arc<Shared>,
        plan: Plan,
        url: String,
        store: Option<StoreThread>,
        meter: Meter,
        budget: Option<RetryBudget>,
    ) -> Self {
        #[cfg(not(target_arch = "wasm32"))]
        let (hints, plan) = {
            let mut plan = plan;
            (plan.hints.take(), plan)
        };
        Self {
            #[cfg(not(target_arch = "wasm32"))]
            hints,
            #[cfg(target_arch = "wasm32")]
            _surroundings: browser::Surroundings::listen(&shared),
            _ending: Ending(Arc::clone(&shared)),
            shared,
            plan: Arc::new(plan),
            url,
            link: Link::Down,
            next: Link::Down,
            sleep: Box::pin(clock::sleep(std::time::Duration::ZERO)),
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

    /// The last of it: whoever opens the store next finds it closed. A store that does not come to an end is left to itself.
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

    /// Has the transport do what it can, and puts what has come into `self.events`.
    fn poll_link(&mut self, cx: &mut Context<'_>) -> Reading {
        match &mut self.link {
            Link::Down => Reading::Dry,
            Link::Dialling { .. } => {
                let (reading, subprotocol) = self.link.poll_dialling(cx, &mut self.events);
                if reading == Reading::More {
                    let mut inner = self.shared.lock();
                    inner.subprotocol = subprotocol;
                    if let (Link::Up(connection), Some(time)) = (&self.link, inner.machine.tcp_patience()) {
                        connection.lean_on_tcp(time);
                    }
                }
                reading
            }
            Link::Up(connection) => {
                // A user who leaves wants the evidence more than messages beyond the inbox's bound.
                let within = if self.effects.closing { UNBOUNDED } else { poll_room(&self.shared, cx) };
                self.limit = within.0;
                connection.read(cx, within, mem::take(&mut self.spare), &mut self.events)
            }
        }
    }

    /// Hears what the store has done. Whether it has done something.
    fn poll_store(&mut self, cx: &mut Context<'_>) -> bool {
        if let (Some(store), None) = (&mut self.store, &self.stored)
            && let Poll::Ready(done) = store.poll_done(cx)
        {
            self.meter.store_done(self.shared.now(), &done);
            self.stored = Some(done);
        }
        self.stored.is_some()
    }

    /// Hears what the network has done, and tells the machine. Whether it has done something.
    #[cfg(not(target_arch = "wasm32"))]
    fn poll_hints(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(hint) = self.hints.as_mut().and_then(|hints| hints.poll(cx)) else { return false };
        let now = self.shared.now();
        self.shared.lock().machine.handle(now, Input::Hint(hint));
        true
    }

    /// A page's surroundings tell the machine by themselves.
    #[cfg(target_arch = "wasm32")]
    fn poll_hints(&mut self, _: &mut Context<'_>) -> bool {
        false
    }

    /// The same for the connection that is to take over. Whether that may have led to more.
    fn turn_next(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(attempt) = self.next.attempt() else { return false };
        let reading = match &mut self.next {
            Link::Up(connection) => {
                let _ = connection.flush(cx);
                connection.read(cx, UNBOUNDED, mem::take(&mut self.spare), &mut self.events)
            }
            Link::Dialling { .. } | Link::Down => self.next.poll_dialling(cx, &mut self.events).0,
        };
        self.tell_machine(Some(attempt), false);
        if reading == Reading::Gone && self.next.attempt() == Some(attempt) {
            self.next = Link::Down;
        }
        reading != Reading::Dry
    }

    fn tell_machine(&mut self, attempt: Option<Attempt>, timed_out: bool) {
        let now = self.shared.now();
        let mut inner = self.shared.lock();
        let inner = &mut *inner;
        inner.looked_at_clock = now;
        // Why a connection ends may depend on whether the device slept, while our clock stood still.
        let ends = |event: &TransportEvent| matches!(event, TransportEvent::PeerClosed(_) | TransportEvent::Lost(_));
        if self.events.iter().any(ends) {
            inner.machine.handle(now, Input::WallClock(unix_ms()));
        }
        for event in self.events.drain(..) {
            match &event {
                TransportEvent::Received(messages) => {
                    inner.traffic.messages_received += messages.len() as u64;
                    inner.traffic.bytes_received += messages.iter().map(Message::len).sum::<usize>() as u64;
                }
                TransportEvent::ReadStalled => {
                    let (messages, bytes) = self.shared.mailbox.waiting();
                    self.effects.notices.push(EventItem::InboxFull { messages, bytes });
                }
                _ => {}
            }
            if let Some(attempt) = attempt {
                inner.machine.handle(now, Input::Transport(attempt, event));
            }
        }
        if timed_out || now.since(self.wall_clock_at) >= WALL_CLOCK {
            self.wall_clock_at = now;
            inner.machine.handle(now, Input::WallClock(unix_ms()));
        }
        if let Some(stored) = self.stored.take() {
            inner.machine.handle(now, stored);
        }
        let discarded = self.shared.mailbox.take_untold();
        if discarded > 0 {
            self.effects.notices.push(EventItem::Discarded(discarded));
        }
        if let Some(position) = self.shared.mailbox.processed()
            && position > mem::replace(&mut self.processed, position)
        {
            inner.machine.handle(now, Input::Processed(position));
        }
        if timed_out {
            self.timer_due = false;
            if inner.machine.deadline().is_some_and(|(deadline, _)| deadline <= now) {
                inner.machine.handle(now, Input::Timer);
            }
        }
        if mem::take(&mut inner.abandoned) {
            inner.machine.handle(now, Input::Close { deadline: now });
        }
        self.effects.collect(&self.shared, inner);
        self.meter.sample(now, inner, &self.shared.mailbox);
    }

    /// Does what the machine wants. Whether that may have led to more.
    fn perform(&mut self) -> bool {
        let mut busy = false;
        let mut commands = mem::take(&mut self.effects.commands);
        for command in commands.drain(..) {
            match command {
                Command::Deliver(messages) => self.deliver(messages),
                Command::Persist(batch, ops) => {
                    if let Some(store) = &mut self.store {
                        busy |= store.persist(batch, ops);
                        self.meter.store_works();
                    }
                }
                Command::Reserve => {
                    self.reserve();
                    busy = true;
                }
                Command::Open { attempt, number, plain } => {
                    self.dial(Which { attempt, number, plain, last_cause: self.effects.last_cause.clone() });
                    busy = true;
                }
                Command::Abort(attempt) if self.link.attempt() == Some(attempt) => {
                    self.link = mem::replace(&mut self.next, Link::Down);
                    busy |= self.link.attempt().is_some();
                }
                Command::Abort(attempt) if self.next.attempt() == Some(attempt) => self.next = Link::Down,
                // For a transport that has gone meanwhile.
                Command::Abort(_) => {}
                Command::Ping(attempt, payload) => {
                    if let Some(connection) = self.connection(attempt) {
                        connection.queue_ping(&payload);
                        busy = true;
                    }
                }
                Command::Probe(attempt, payload) => {
                    if let Some(connection) = self.connection(attempt) {
                        connection.queue_probe(&payload);
                        busy = true;
                    }
                }
                Command::Control(attempt, message) => {
                    if let Some(connection) = self.connection(attempt) {
                        connection.control(message);
                        busy = true;
                    }
                }
                Command::Close(attempt, code, reason) => {
                    if let Some(connection) = self.connection(attempt) {
                        connection.socket.queue_close(code, reason);
                    }
                }
                Command::Ready(attempt) => {
                    if let Some(connection) = self.connection(attempt) {
                        connection.ready = true;
                    }
                }
            }
        }
        self.effects.commands = commands;
        for notice in &self.effects.notices {
            if let EventItem::Event(Event::Disconnected(end)) = notice
                && let Some(learned) = end.learned
            {
                learned::tell(origin(&self.url), learned);
            }
        }
        self.effects.tell(&self.shared, &self.url, &mut self.meter);
        busy
    }

    /// Asks for a place in the budget that this client shares with others.
    fn reserve(&self) {
        let now = Instant::now();
        let at = self.budget.as_ref().map_or(now, |budget| budget.reserve(now));
        let (now, at) = (self.shared.now(), self.shared.moment(at));
        self.shared.lock().machine.handle(now, Input::Reserved(at));
    }

    fn dial(&mut self, which: Which) {
        if let Some((learned, age)) = learned::of(origin(&self.url)) {
            let now = self.shared.now();
            self.shared.lock().machine.handle(now, Input::LearnedInterval { learned, age });
        }
        let attempt = which.attempt;
        let future = Arc::clone(&self.plan).dial(which, Arc::clone(&self.shared));
        let link = Link::Dialling { attempt, future: Box::pin(future) };
        match self.link {
            Link::Down => self.link = link,
            Link::Dialling { .. } | Link::Up(_) => self.next = link,
        }
    }

    fn connection(&mut self, attempt: Attempt) -> Option<&mut Connection> {
        [&mut self.link, &mut self.next].into_iter().find_map(|link| match link {
            Link::Up(connection) if connection.attempt == attempt => {
                debug_assert!(connection.may_queue(), "nothing goes in front of a message that was taken");
                Some(&mut **connection)
            }
            Link::Up(_) | Link::Dialling { .. } | Link::Down => None,
        })
    }

    fn deliver(&mut self, mut messages: Vec<Message>) {
        // Also what was read for the sake of evidence just before the user left.
        let limit = if self.effects.closing { Limit::Usual } else { self.limit };
        let discarded = self.shared.mailbox.deliver(&mut messages, limit);
        if discarded > 0 {
            if !self.effects.closing && !mem::replace(&mut self.warned, true) {
                log::nobody_reads(&self.url);
            }
            self.effects.notices.push(EventItem::Discarded(discarded));
        }
        self.spare = messages;
    }

    /// Writes, and refills the write buffer while the transport takes it all. Whether there is more to do at once.
    fn write(&mut self, cx: &mut Context<'_>) -> bool {
        for _ in 0..WRITES {
            match &self.link {
                Link::Up(connection) if connection.wants_to_write() => {}
                Link::Up(_) | Link::Dialling { .. } | Link::Down => return false,
            }
            let connection = loop {
                self.exchange(true);
                self.perform();
                let Link::Up(connection) = &mut self.link else { return true };
                if !connection.has_room() {
                    break connection;
                }
            };
            if connection.flush(cx).is_pending() {
                self.exchange(false);
                return self.perform();
            }
            if connection.has_failed() {
                return true;
            }
        }
        true
    }

    /// Tells the machine what is written, and takes what it has to send.
    fn exchange(&mut self, take: bool) {
        let Link::Up(connection) = &mut self.link else { return };
        let now = self.shared.now();
        let mut inner = self.shared.lock();
        let written = connection.count_written();
        if written > 0 {
            let event = TransportEvent::Written(written);
            inner.machine.handle(now, Input::Transport(connection.attempt, event));
        }
        if let Some(event) = connection.ping_progress(!take) {
            inner.machine.handle(now, Input::Transport(connection.attempt, event));
        }
        if take {
            connection.take(now, &mut inner);
        }
        self.effects.collect(&self.shared, &mut inner);
        self.meter.sample(now, &inner, &self.shared.mailbox);
        drop(inner);
        connection.encode_large();
    }

    /// Prepares for sleep: leaves a waker where work comes from, and sets the alarm. Whether there is nothing to do.
    fn rest(&mut self, cx: &mut Context<'_>) -> bool {
        // First armed, then looked at: what comes after the look wakes us.
        drop(self.shared.driver.arm(cx));
        if self.shared.mailbox.has_news(self.processed) {
            return false;
        }
        let mut inner = self.shared.lock();
        if inner.has_work_for_driver() {
            return false;
        }
        inner.armed = self.alarm;
        let deadline = inner.machine.deadline().map(|(deadline, _)| deadline);
        let deadline = deadline.into_iter().chain(self.meter.wants_to_look()).min();
        // An alarm that comes too early is harmless, and cheaper than setting it anew with each message.
        if let Some(deadline) = deadline
            && !self.timer_due
            && self.alarm.is_none_or(|alarm| deadline < alarm)
        {
            self.alarm = Some(deadline);
            inner.armed = self.alarm;
            drop(inner);
            self.sleep.as_mut().reset(self.shared.instant(deadline));
            self.poll_alarm(cx);
        }
        debug_assert!(
            self.timer_due || deadline.is_none_or(|deadline| self.alarm.is_some_and(|alarm| alarm <= deadline)),
            "it would sleep over a deadline"
        );
        !self.timer_due
    }

    fn poll_alarm(&mut self, cx: &mut Context<'_>) {
        if self.sleep.as_mut().poll(cx).is_ready() {
            self.timer_due = true;
            self.alarm = None;
        }
    }
}

/// Scheme, host and port.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    url[host..].find(['/', '?']).map_or(url, |end| &url[..host + end])
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

/// Room in the inbox: within its bound, and beyond it if a message of ours waits for what the peer says. The user may wait
/// for that one before taking the next message.
fn poll_room(shared: &Shared, cx: &Context<'_>) -> (Limit, Room) {
    let room = shared.mailbox.poll_room(Limit::Usual, cx);
    if room.is_none() && shared.lock().machine.has_open_messages() {
        return (Limit::Hard, shared.mailbox.poll_room(Limit::Hard, cx));
    }
    (Limit::Usual, room)
}

/// The subprotocols of a request.
fn offered(subprotocols: &[String], plain: bool) -> Vec<String> {
    subprotocols.iter().filter(|name| !plain || *name != SUBPROTOCOL).cloned().collect()
}

impl Link {
    /// Has an opening do what it can. With [`Reading::More`] it is open, and the subprotocol is known.
    fn poll_dialling(&mut self, cx: &mut Context<'_>, events: &mut Vec<TransportEvent>) -> (Reading, Option<String>) {
        let Self::Dialling { attempt, future } = self else { return (Reading::Dry, None) };
        match future.as_mut().poll(cx) {
            Poll::Pending => (Reading::Dry, None),
            Poll::Ready(Ok(opened)) => {
                let subprotocol = opened.subprotocol.clone();
                *self = Self::Up(Box::new(Connection::new(*attempt, opened)));
                events.push(TransportEvent::Opened { subprotocol: subprotocol.clone() });
                (Reading::More, subprotocol)
            }
            Poll::Ready(Err(failure)) => {
                events.push(TransportEvent::OpenFailed(failure));
                (Reading::Gone, None)
            }
        }
    }

    fn attempt(&self) -> Option<Attempt> {
        match self {
            Self::Down => None,
            Self::Dialling { attempt, .. } => Some(*attempt),
            Self::Up(connection) => Some(connection.attempt),
        }
    }
}
