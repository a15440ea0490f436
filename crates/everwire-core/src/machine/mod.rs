//! The client's coordinator. It routes; the parts beside it decide.
//!
//! - [`queued`]: messages with options, and changing one's mind about those that wait
//! - [`user`]: what the user wants: connect, disconnect, close, hints
//! - [`transport`]: what the transport says
//! - [`session`]: what a session adds
//! - [`store`]: what a store adds
//! - [`pacing`]: the send rate, and pings between the messages of a backlog
//! - [`pings`]: what is asked of the peer, and when
//! - [`showing`]: the state that users see
//! - [`timer`]: what is due
//! - [`ending`]: how attempts and connections end, and what follows
//! - [`send_error`](SendError): why a message was given back

mod ending;
mod pacing;
#[cfg(all(test, feature = "session"))]
mod phases;
mod pings;
mod queued;
mod send_error;
mod session;
mod showing;
mod store;
mod timer;
mod transport;
mod user;

use std::{collections::VecDeque, time::Duration};

use everwire_ws::Message;

use pacing::{Backlog, Caution};
pub use send_error::SendError;
use session::Successor;

use crate::{
    Attempt, Closed, Config, ConfigError, Input, MachineStats, MessageId, Moment, OpenConfig, Outgoing, Output, Phase,
    RetryConfig, State, Timer, Undelivered,
    address::{AddressVerdicts, Tried},
    barrier::Barrier,
    batching::Window,
    heartbeat::{Heartbeat, HeartbeatConfig},
    keepalive::Keepalive,
    lifecycle::{Intent, Lifecycle, Opening},
    outbox::{Outbox, Until, WallClock},
    outputs::Outputs,
    patience::Patience,
    post_mortem::{Notes, PostMortem},
    retry::Retry,
    send_rate::TokenBucket,
    session::{client::ClientSession, of_session::OfSession},
    timers::Timers,
};

/// The client's state machine. See the [crate] for how it is driven.
#[derive(Debug)]
pub struct Machine {
    open: OpenConfig,
    stable_after: Duration,
    /// Retries ask for their place in a shared budget.
    budgeted: bool,

    lifecycle: Lifecycle,
    /// The addresses that the latest opening has tried.
    tried: Tried,
    verdicts: AddressVerdicts,
    intent: Intent,
    state: State,

    retry: Retry,
    heartbeat: Heartbeat,
    /// As set.
    heartbeat_config: HeartbeatConfig,
    keepalive: Keepalive,
    patience: Patience,
    barrier: Barrier,
    outbox: Outbox,
    window: Option<Window>,
    bucket: Option<TokenBucket>,
    /// Of the connection that is open, until all of it is taken.
    backlog: Option<Backlog>,
    caution: Caution,
    session: OfSession<Box<ClientSession>>,
    successor: OfSession<Successor>,
    timers: Timers,
    outputs: Outputs,

    /// `send` takes messages.
    accepting: bool,
    /// The connection is open and the driver believes that there is nothing to take.
    wants_ready: bool,
    last_attempt: Attempt,
    connections: u64,
    /// The platform says that there is no network.
    offline: bool,
    last_hurry: Option<Moment>,
    /// When the platform last said that it slept, until a connection is lost.
    woke: Option<Moment>,
    /// When our own process, or the device, was last seen to have stood still.
    stood_still: Option<Moment>,
    left: Undelivered,
    /// What was in flight on the connection that has just ended and is not sent again: it belongs to `left` if this is
    /// the end.
    orphans: Vec<Message>,
    /// On the connection that is open.
    notes: Notes,
    /// The connection that has just ended, until it is known what follows.
    post_mortem: Option<Box<PostMortem>>,
    clock: WallClock,
    /// How often in a row the store has failed.
    store_failures: u32,
}

impl Machine {
    /// A machine in [`Closed::Initial`]; `send` queues messages already.
    ///
    /// The seed, from the operating system's randomness, decides jitter and ping payloads.
    ///
    /// # Errors
    /// If a setting is not valid; see [`Config::check`].
    pub fn new(config: Config, seed: [u8; 32]) -> Result<Self, ConfigError> {
        config.check()?;
        let Config { retry, heartbeat, open, outbox, guarantee, session, batching, send_rate } = config;
        let RetryConfig { stable_after, budgeted, .. } = retry;
        Ok(Self {
            open,
            stable_after,
            budgeted,
            lifecycle: Lifecycle::Closed(Closed::Initial),
            tried: Tried::default(),
            verdicts: AddressVerdicts::default(),
            intent: Intent::Stay,
            state: State::Closed(Closed::Initial),
            retry: Retry::new(retry, seed),
            heartbeat: Heartbeat::new(heartbeat),
            heartbeat_config: heartbeat,
            keepalive: Keepalive::new(heartbeat.interval, heartbeat.adaptive),
            patience: Patience::default(),
            barrier: Barrier::new(seed),
            outbox: Outbox::new(outbox, guarantee),
            window: batching.map(Window::new),
            bucket: send_rate.map(TokenBucket::new),
            backlog: None,
            caution: Caution::default(),
            session: OfSession::new(session.map(|config| Box::new(ClientSession::new(config)))),
            successor: OfSession::NONE,
            timers: Timers::default(),
            outputs: Outputs::default(),
            accepting: true,
            wants_ready: false,
            last_attempt: Attempt(0),
            connections: 0,
            offline: false,
            last_hurry: None,
            woke: None,
            stood_still: None,
            left: Undelivered::default(),
            orphans: Vec::new(),
            notes: Notes::default(),
            post_mortem: None,
            clock: WallClock::default(),
            store_failures: 0,
        })
    }

    /// Accepts a message, in any state that can still lead to a connection.
    ///
    /// It costs an append. Call [`poll_output`](Self::poll_output) afterwards: it has [`Output::Ready`] if there is
    /// something to do that the driver does not know of.
    ///
    /// # Errors
    /// Gives the message back if there is no room or the machine has ended.
    #[inline]
    pub fn send(&mut self, now: Moment, message: Message) -> Result<MessageId, SendError> {
        if !self.accepting {
            return Err(SendError::Closed(message, self.ended()));
        }
        let id = self.outbox.push(now, message, &mut self.outputs)?;
        if self.window.is_some() {
            self.collect(now, id);
        } else if self.wants_ready {
            self.announce();
        }
        self.persist(now);
        Ok(id)
    }

    /// Accepts messages from the front of `messages`, up to `most`, until there are no more or one is refused, which
    /// stays there. Returns how many were accepted, and the error of the refused one if there is one; the numbers of
    /// the accepted ones are consecutive up to [`last_id`](Self::last_id).
    ///
    /// It does what [`send`](Self::send) for each would do, at less cost.
    pub fn send_many(
        &mut self,
        now: Moment,
        messages: &mut VecDeque<Message>,
        most: usize,
    ) -> (usize, Result<(), SendError>) {
        let mut accepted = 0;
        if self.accepting && self.window.is_none() {
            accepted = self.outbox.push_many(messages, most, &mut self.outputs);
            if accepted > 0 && self.wants_ready {
                self.announce();
            }
            self.persist(now);
        }
        while accepted < most
            && let Some(message) = messages.pop_front()
        {
            if let Err(refused) = self.send(now, message) {
                messages.push_front(refused.message().clone());
                return (accepted, Err(refused));
            }
            accepted += 1;
        }
        (accepted, Ok(()))
    }

    /// The number of the latest message that was accepted; 0 before the first.
    #[must_use]
    pub fn last_id(&self) -> MessageId {
        self.outbox.last_id()
    }

    /// Accepts a message that is worth something only now: with a connection it goes out behind what is queued, and
    /// without one it is dropped. It is never sent again, and ends as `Unknown(Written)` once the socket has it. At
    /// most 1,024 such messages and 1 MiB of them are queued; beyond that the oldest are dropped.
    ///
    /// # Errors
    /// Gives the message back if the machine has ended.
    pub fn send_volatile(&mut self, message: Message) -> Result<MessageId, SendError> {
        if !self.accepting {
            return Err(SendError::Closed(message, self.ended()));
        }
        let id = self.outbox.push_volatile(message, self.lifecycle.is_open(), &mut self.outputs);
        self.announce();
        Ok(id)
    }

    /// Tells the machine of anything else that has happened.
    pub fn handle(&mut self, now: Moment, input: Input) {
        match input {
            Input::Connect => self.connect(now),
            Input::Disconnect => self.disconnect(now),
            Input::Close { deadline } => self.close(now, deadline),
            Input::Migrate => self.migrate(now),
            Input::Processed(position) => self.processed(now, position),
            Input::Hint(hint) => self.hint(now, hint),
            Input::Reserved(at) => self.reserved(now, at),
            Input::LearnedInterval { learned, age } => self.keepalive.hear(now, learned, age),
            Input::Transport(attempt, event) => self.transport(now, attempt, event),
            // What a store says after the end is for the next process.
            Input::Persisted(_) if matches!(self.lifecycle, Lifecycle::Finished) => {}
            Input::PersistFailed { ops, .. } if matches!(self.lifecycle, Lifecycle::Finished) => {
                self.outputs.dispose_of_steps(ops);
            }
            Input::Persisted(batch) => self.persisted(now, batch),
            Input::PersistFailed { batch, ops, reason } => self.persist_failed(now, batch, ops, reason),
            Input::WallClock(unix_ms) => self.wall_clock(now, unix_ms),
            Input::Timer => self.timer(now),
        }
        self.conclude(now);
    }

    /// What may follow from anything that happens.
    fn conclude(&mut self, now: Moment) {
        if matches!(self.lifecycle, Lifecycle::Finished) {
            return;
        }
        self.persist(now);
        self.advance_flush(now);
        self.announce();
        self.tell_room();
    }

    fn tell_room(&mut self) {
        if self.outbox.room_again() {
            self.outputs.push(Output::Room);
        }
    }

    /// Returns the next output; `None` when there is none. Nothing is lost if this is called late.
    #[inline]
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop()
    }

    /// Keeps messages that have ended for [`take_ended`](Self::take_ended), so that no call drops one from here on. It
    /// is for drivers that call the machine under a lock: a payload may have an owner
    /// ([`Bytes::from_owner`](bytes::Bytes::from_owner)) whose drop runs any code.
    pub fn keep_ended(&mut self) {
        self.outputs.keep_ended();
    }

    /// Returns `true` if there is something for [`take_ended`](Self::take_ended).
    #[inline]
    #[must_use]
    pub fn has_ended_messages(&self) -> bool {
        self.outputs.has_ended()
    }

    /// Appends the messages that have ended since the last call to `into`. Without [`keep_ended`](Self::keep_ended)
    /// there are none.
    #[inline]
    pub fn take_ended(&mut self, into: &mut Vec<Message>) {
        self.outputs.take_ended(into);
    }

    /// Returns `true` if any message that was accepted has no outcome yet.
    #[must_use]
    pub fn has_open_messages(&self) -> bool {
        self.outbox.has_open()
    }

    /// The time at which to pass [`Input::Timer`], and its purpose. Any call may change it.
    pub fn deadline(&self) -> Option<(Moment, Timer)> {
        let expiry = self.outbox.expiry().map(|at| (at, Timer::Expiry));
        self.timers.next().into_iter().chain(expiry).min_by_key(|(at, _)| *at)
    }

    /// Hands queued messages, by priority and in order, to `encode` until it returns false (that message is not taken)
    /// or none is left.
    ///
    /// With a [send rate](crate::SendRate) it hands out no more than the rate allows, and of a backlog no more than up
    /// to the next ping, which follows right behind; [`Output::Ready`] comes when the rest may go. After connections
    /// that were lost before anything was proven on them, the rest waits until that ping is answered.
    ///
    /// The machine keeps the messages until their outcome is known: `encode` writes straight into the socket's buffer,
    /// and nothing is cloned. With batching it gets the merged frames. Returns how many units `encode` accepted:
    /// [`Written(n)`](crate::TransportEvent::Written) counts the same units, in the same order.
    ///
    /// Nothing happens if `attempt` is not the open connection.
    pub fn take(&mut self, now: Moment, attempt: Attempt, encode: &mut dyn FnMut(Outgoing<'_>) -> bool) -> usize {
        if self.lifecycle.attempt() == Some(attempt) {
            self.expire(now);
        }
        if !self.lifecycle.is_open() || self.lifecycle.attempt() != Some(attempt) {
            return 0;
        }
        let taken = self.take_paced(now, attempt, encode);
        self.wants_ready = !taken.stopped;
        if taken.units > 0 {
            self.notes.sent += taken.units as u64;
            self.notes.last_sent = Some(now);
            self.heartbeat.sent(now);
            self.seek_proof(now);
            // It rides along, whether it is due or not.
            self.ack(now);
        }
        self.tell_room();
        taken.units
    }

    /// The time after which TCP should give up the connection if sent bytes stay unacknowledged; `None` if the
    /// heartbeat decides. It is set when the machine waits for the peer longer than the settings say, since that peer
    /// answers pings late or never: TCP's acknowledgements are then the only evidence. A driver passes it to the
    /// operating system when a connection has opened, where it can.
    #[must_use]
    pub fn tcp_patience(&self) -> Option<Duration> {
        let HeartbeatConfig { interval, timeout, .. } = self.heartbeat_config;
        let stretched = self.patience.timeout(timeout) > timeout;
        interval.filter(|_| stretched).map(|interval| interval.saturating_add(timeout))
    }

    /// The state now.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The counters now.
    pub fn stats(&self) -> MachineStats {
        let counts = self.outbox.counts();
        MachineStats {
            attempts: self.last_attempt.0,
            connections: self.connections,
            queued_messages: self.outbox.queued_len(),
            queued_bytes: self.outbox.queued_bytes(),
            unproven_messages: self.outbox.unproven_len(),
            unproven_bytes: self.outbox.unproven_bytes(),
            round_trip: self.barrier.round_trip(),
            smoothed_round_trip: self.barrier.smoothed_round_trip(),
            answers_pings: self.patience.answers(),
            learned_interval: self.keepalive.learned(),
            dropped: counts.dropped,
            conflated: counts.conflated,
            expired: counts.expired,
            cancelled: counts.cancelled,
            resent: counts.resent,
        }
    }

    /// Tells the driver of messages that it does not know of.
    fn announce(&mut self) {
        if self.wants_ready && !self.is_held_back() && self.outbox.has_something_to_take(&self.until()) {
            self.ready();
        }
    }

    fn ready(&mut self) {
        if let Some(attempt) = self.lifecycle.attempt() {
            self.outputs.push(Output::Ready(attempt));
            self.wants_ready = false;
        }
    }

    /// Puts a new message into the batch that is being collected.
    fn collect(&mut self, now: Moment, id: MessageId) {
        let Some(window) = &mut self.window else { return };
        if !self.lifecycle.is_open() {
            return;
        }
        let Some(message) = self.outbox.latest(id) else { return self.announce() };
        let news = window.append(now, id, message, &mut self.timers);
        if news && self.wants_ready {
            self.ready();
        }
    }

    fn release_batch(&mut self) {
        if let Some(window) = &mut self.window {
            window.release(&mut self.timers);
        }
    }

    fn intends_to_stay(&self) -> bool {
        matches!(self.intent, Intent::Stay)
    }

    /// How far a `take` may go now.
    fn until(&self) -> Until {
        Until { last: self.flush_limit(), held_from: self.window.as_ref().and_then(Window::held_from) }
    }

    /// The last message that still goes out on this connection.
    fn flush_limit(&self) -> MessageId {
        match self.intent {
            Intent::Leave { flush } => flush,
            Intent::Stay | Intent::Return | Intent::Close { .. } => MessageId(u64::MAX),
        }
    }

    fn start_attempt(&mut self, now: Moment) {
        self.timers.clear(Timer::Retry);
        self.tried.clear();
        self.last_attempt = Attempt(self.last_attempt.0 + 1);
        self.lifecycle = Lifecycle::Opening(Opening { attempt: self.last_attempt, reached: Phase::Request });
        self.retry.started(now);
        self.timers.set(Timer::Open, now + self.open.timeout);
        self.show(State::Connecting { attempt: self.retry.attempts() });
        self.outputs.push(Output::Open(self.last_attempt));
    }

    fn ended(&self) -> Closed {
        match &self.lifecycle {
            Lifecycle::Closed(closed) => closed.clone(),
            _ => Closed::ByUser,
        }
    }
}
