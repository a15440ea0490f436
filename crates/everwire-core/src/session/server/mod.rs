mod ending;

use std::{collections::VecDeque, time::Duration};

use ending::Phase;

use bytes::Bytes;
use everwire_ws::{CloseCode, Message};

use super::{
    Token,
    body::{Bye, GoAway, Gone, Hello, Previous, Welcome},
    code,
    config::ServerConfig,
    frame::Frame,
    id::SessionId,
    link::{self, Rest, Violation},
    receiver::Receiver,
    run::Run,
};
use crate::{
    Attempt, Closed, ConfigError, Event, Guarantee, MessageId, Moment, Outgoing, Output, PingProgress, SendError,
    SendOptions, Timer, Undelivered,
    barrier::Barrier,
    heartbeat::{Heartbeat, Verdict},
    outbox::{Outbox, Until},
    outputs::Outputs,
    timers::Timers,
};

/// The server's end of one session, sans-IO, driven like the client's [`Machine`](crate::Machine).
///
/// Connections come and go ([`attach`](Self::attach)); each has a number that the caller gives it, here called its link
/// and written as an [`Attempt`]. What a link says that is not the present one is ignored. Of the outputs,
/// [`Output::Open`], [`Output::Abort`] and [`Output::State`] do not occur.
#[derive(Debug)]
pub struct ServerSession {
    id: SessionId,
    config: ServerConfig,
    outbox: Outbox,
    receiver: Receiver,
    heartbeat: Heartbeat,
    barrier: Barrier,
    timers: Timers,
    outputs: Outputs,
    link: Option<Attempt>,
    /// The driver of the link believes that there is nothing to take.
    wants_ready: bool,
    /// What the client is known to have.
    current: Token,
    /// What it was given since, of which it may have got nothing, or stored only some.
    offered: VecDeque<Token>,
    /// The highest number of a connection that the client has told.
    connection: u64,
    phase: Phase,
    left: Undelivered,
}

/// Tokens that a client may not have used yet; older ones work no more.
const MAX_OFFERED: usize = 16;

/// What came of attaching a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attached {
    /// It is the session's connection now; the welcome is among the outputs.
    Welcome,
    /// A newer connection was here before it: close it with [`code::SUPERSEDED`].
    Stale,
    /// The token is not the session's, or the session is over: begin a new one, and tell why.
    Gone(Previous),
    /// The client contradicts what was sent: close it with [`code::VIOLATED`]. The session is over.
    Violated,
}

/// What may be told to a session. Any input is harmless at any time.
#[derive(Debug)]
pub enum ServerInput {
    /// Messages of this link, in order.
    Received(Attempt, Vec<Message>),
    /// The same for reliable ones that follow each other.
    Run(Attempt, Run),
    /// A pong with its payload.
    Pong(Attempt, Bytes),
    /// Where a ping of ours is that did not leave at once; see
    /// [`TransportEvent::OwnPing`](crate::TransportEvent::OwnPing).
    OwnPing(Attempt, PingProgress),
    /// A sign of life that is none of the others.
    Activity(Attempt),
    /// A ping of the client's. The answer is the link's business, and goes out at once.
    Ping(Attempt),
    /// This many more of the units that `take` handed out are wholly written to the link's socket.
    Written(Attempt, usize),
    /// The link is gone.
    Lost(Attempt),
    /// The application has processed everything that was delivered before this position. Positions count the messages of
    /// [`Output::Deliver`] over the session's life.
    Processed(u64),
    /// Tell the client that the server will leave within this time ([S-22]).
    GoAway {
        /// How long the connection will still work.
        within: Duration,
        /// Where to connect instead, if not to the same address.
        url: Option<String>,
    },
    /// The application has let go: the session ends in order once the client has acknowledged all that it was sent. A client
    /// that is connected and acknowledges nothing for [`ServerConfig::resume_within`] is not waited for any longer.
    Finish,
    /// End the session in order ([S-24]). What is queued and not acknowledged is not waited for, and the client's bye for
    /// 2 s only. The client is told what is processed by now: what was delivered and is not, the application must not
    /// process any more.
    End {
        /// When the client may come back.
        back: ComeBack,
        /// Words for people.
        reason: String,
    },
    /// End the session without a word, for this reason: its connection, if it has one, is closed with this code.
    Kill {
        /// What a client that asks for the session is told.
        gone: Gone,
        /// What its present connection is closed with.
        code: CloseCode,
        /// Words for people.
        reason: &'static str,
    },
    /// What [`deadline`](ServerSession::deadline) named has come.
    Timer,
}

/// When the client of a session that its server ends may come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ComeBack {
    /// Not by itself.
    Never,
    /// After this pause, with the client's own spread on top: for a time that all clients are told.
    After(Duration),
    /// After this time to the millisecond, without a spread of its own: for a server that gives each of its clients
    /// another.
    At(Duration),
}

impl ServerSession {
    /// A session without a connection, for a client that has said hello without one to resume.
    ///
    /// The seed decides ping payloads.
    ///
    /// # Errors
    /// If a setting makes no sense; see [`ServerConfig::check`].
    pub fn new(now: Moment, id: SessionId, config: ServerConfig, seed: [u8; 32]) -> Result<Self, ConfigError> {
        config.check()?;
        let mut timers = Timers::default();
        timers.set(Timer::Expire, now + config.resume_within);
        Ok(Self {
            id,
            outbox: Outbox::new(config.outbox, Guarantee::AtMostOnce),
            receiver: Receiver::new(config.limits, config.ack_delay, config.ack_every),
            heartbeat: Heartbeat::new(config.heartbeat),
            barrier: Barrier::new(seed),
            timers,
            outputs: Outputs::default(),
            link: None,
            wants_ready: false,
            // Shown to nobody: a new session is attached without one.
            current: Token::new([0; 32]),
            offered: VecDeque::new(),
            connection: 0,
            phase: Phase::Alive,
            left: Undelivered::default(),
            config,
        })
    }

    /// Gives the new session its first connection. `fresh` is a token that was never used.
    pub fn begin(&mut self, now: Moment, link: Attempt, hello: &Hello, previous: Option<Previous>, fresh: Token) {
        if self.phase != Phase::Alive || self.connection > 0 {
            return;
        }
        self.connection = 1;
        self.current = fresh;
        self.outbox.begin_session(hello.limits);
        self.welcome(now, link, false, previous, self.current.to_wire());
    }

    /// A connection wants to carry the session on. The one before is fenced first, and told that it is superseded
    /// ([S-20]).
    pub fn attach(&mut self, now: Moment, link: Attempt, hello: &Hello, fresh: Token) -> Attached {
        if let Phase::Over(reason) = self.phase {
            return Attached::Gone(Previous { reason, processed: None });
        }
        let Some(resume) = &hello.resume else {
            return Attached::Gone(Previous { reason: Gone::Unknown, processed: None });
        };
        let offered = self.offered.iter().position(|token| token.matches(&resume.token));
        if offered.is_none() && !self.current.matches(&resume.token) {
            return Attached::Gone(Previous { reason: Gone::Denied, processed: None });
        }
        if resume.connection <= self.connection {
            return Attached::Stale;
        }
        if self.phase == Phase::Leaving {
            // Our bye got lost on its way, and what it said holds.
            self.close(CloseCode::NORMAL, "");
            self.over(Gone::Ended);
            return Attached::Gone(Previous { reason: Gone::Ended, processed: Some(self.receiver.processed()) });
        }
        self.connection = resume.connection;
        self.close(code::SUPERSEDED, "a newer connection has taken over");
        self.outbox.lost(None, &mut self.outputs);
        self.outbox.expire(now, &mut self.outputs);
        let Ok(resending) = self.outbox.resume(resume.processed, hello.limits, &mut self.outputs) else {
            self.over(Gone::Violated);
            return Attached::Violated;
        };
        if let Some(token) = offered.and_then(|at| self.offered.drain(..=at).next_back()) {
            self.current = token;
        }
        if self.offered.len() == MAX_OFFERED {
            self.offered.pop_front();
        }
        let token = fresh.to_wire();
        self.offered.push_back(fresh);
        self.welcome(now, link, true, None, token);
        self.outputs.event(Event::Session { resumed: true, resending });
        self.announce();
        Attached::Welcome
    }

    fn welcome(&mut self, now: Moment, link: Attempt, resumed: bool, previous: Option<Previous>, token: String) {
        let resume_within = u64::try_from(self.config.resume_within.as_millis()).unwrap_or(u64::MAX);
        let welcome = Welcome {
            session: self.id.to_string(),
            token,
            resumed,
            processed: self.receiver.tell(),
            limits: self.config.limits,
            resume_within,
            previous,
        };
        self.link = Some(link);
        self.wants_ready = true;
        self.timers.clear_all();
        self.barrier.reset();
        let crate::HeartbeatConfig { interval, timeout, .. } = self.config.heartbeat;
        self.heartbeat.start(now, interval, timeout, &mut self.timers);
        self.continue_finish(now);
        self.outputs.push(Output::Control(link, Frame::Welcome(welcome).to_message()));
    }

    /// Accepts a message for the client, with a connection or without. The time matters only with
    /// [`OutboxConfig::max_age`](crate::OutboxConfig::max_age).
    ///
    /// # Errors
    /// Gives the message back if there is no room or the session is over.
    pub fn send(&mut self, now: Moment, message: Message) -> Result<MessageId, SendError> {
        if !self.is_accepting() {
            return Err(SendError::Closed(message, Closed::ByUser));
        }
        let id = self.outbox.push(now, message, &mut self.outputs)?;
        self.announce();
        Ok(id)
    }

    /// Accepts a message with options for the client; see [`Machine::send_with`](crate::Machine::send_with).
    ///
    /// A message has its number from its first handing over to a connection on, and then neither expires nor is
    /// conflated.
    ///
    /// # Errors
    /// Gives the message back if there is no room or the session is over.
    pub fn send_with(&mut self, now: Moment, message: Message, options: SendOptions) -> Result<MessageId, SendError> {
        if !self.is_accepting() {
            return Err(SendError::Closed(message, Closed::ByUser));
        }
        let id = self.outbox.push_with(now, message, options, &mut self.outputs)?;
        self.announce();
        self.tell_room();
        Ok(id)
    }

    /// Accepts a message that is worth something only now; see
    /// [`Machine::send_volatile`](crate::Machine::send_volatile).
    ///
    /// # Errors
    /// Gives the message back if the session is over.
    pub fn send_volatile(&mut self, message: Message) -> Result<MessageId, SendError> {
        if !self.is_accepting() {
            return Err(SendError::Closed(message, Closed::ByUser));
        }
        let id = self.outbox.push_volatile(message, self.link.is_some(), &mut self.outputs);
        self.announce();
        Ok(id)
    }

    /// Everything else that happens.
    pub fn handle(&mut self, now: Moment, input: ServerInput) {
        self.outbox.expire(now, &mut self.outputs);
        match input {
            ServerInput::Received(link, messages) if self.is_present(link) => self.received(now, messages),
            ServerInput::Run(link, run) if self.is_present(link) => self.received_run(now, run),
            ServerInput::Pong(link, payload) if self.is_present(link) => self.pong(now, &payload),
            ServerInput::OwnPing(link, progress) if self.is_present(link) => {
                self.heartbeat.own_ping(now, progress, &mut self.timers);
            }
            ServerInput::Activity(link) if self.is_present(link) => self.heartbeat.alive(now, &mut self.timers),
            ServerInput::Ping(link) if self.is_present(link) => {
                self.heartbeat.alive(now, &mut self.timers);
                self.heartbeat.sent(now);
            }
            ServerInput::Written(link, units) if self.is_present(link) => {
                self.heartbeat.sent(now);
                self.outbox.written(units, &mut self.outputs);
            }
            ServerInput::Lost(link) if self.is_present(link) => self.detach(now),
            ServerInput::Received(..)
            | ServerInput::Run(..)
            | ServerInput::Pong(..)
            | ServerInput::OwnPing(..)
            | ServerInput::Activity(_)
            | ServerInput::Ping(_)
            | ServerInput::Written(..)
            | ServerInput::Lost(_) => {}
            ServerInput::Processed(position) => {
                self.receiver.process(now, position);
                self.seek_ack(now);
            }
            ServerInput::GoAway { within, url } => {
                let within = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
                self.say(&Frame::GoAway(GoAway { within, url }));
            }
            ServerInput::Finish => self.finish(now),
            ServerInput::End { back, reason } => self.leave(now, back, reason),
            ServerInput::Kill { gone, code, reason } => {
                self.close(code, reason);
                self.over(gone);
            }
            ServerInput::Timer => self.timer(now),
        }
        self.advance_finish(now);
        self.announce();
        self.tell_room();
    }

    /// The next thing to be done; `None` when there is nothing. Nothing is lost if this is called late.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop()
    }

    /// As [`Machine::keep_ended`](crate::Machine::keep_ended).
    pub fn keep_ended(&mut self) {
        self.outputs.keep_ended();
    }

    /// As [`Machine::take_ended`](crate::Machine::take_ended).
    #[inline]
    pub fn take_ended(&mut self, into: &mut Vec<Message>) {
        self.outputs.take_ended(into);
    }

    /// When [`ServerInput::Timer`] is wanted, and what for. Changes with any call.
    #[must_use]
    pub fn deadline(&self) -> Option<(Moment, Timer)> {
        let expiry = self.outbox.expiry().map(|at| (at, Timer::Expiry));
        self.timers.next().into_iter().chain(expiry).min_by_key(|(at, _)| *at)
    }

    /// Hands what waits to `encode`, as [`Machine::take`](crate::Machine::take) does.
    pub fn take(&mut self, link: Attempt, encode: &mut dyn FnMut(Outgoing<'_>) -> bool) -> usize {
        if self.link != Some(link) {
            return 0;
        }
        let taken = self.outbox.take(&Until::END, None, &mut self.outputs, encode);
        self.wants_ready = !taken.stopped;
        if taken.units > 0 {
            self.ack();
        }
        self.tell_room();
        taken.units
    }

    /// The session's id.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// The connection that it has.
    #[must_use]
    pub fn link(&self) -> Option<Attempt> {
        self.link
    }

    /// Whether it is over, and why.
    #[must_use]
    pub fn gone(&self) -> Option<Gone> {
        match self.phase {
            Phase::Over(reason) => Some(reason),
            Phase::Alive | Phase::Finishing { .. } | Phase::Leaving => None,
        }
    }

    /// The highest sequence number of the client's messages that the application has processed.
    #[must_use]
    pub fn processed(&self) -> u64 {
        self.receiver.processed()
    }

    /// Messages for the client whose outcome is open.
    #[must_use]
    pub fn pending_messages(&self) -> usize {
        self.outbox.queued_len() + self.outbox.unproven_len()
    }

    /// Payload bytes of those.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.outbox.queued_bytes() + self.outbox.unproven_bytes()
    }

    /// Payload bytes that the session holds: of messages for the client whose outcome is open, and of the client's that
    /// the application has not processed.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.pending_bytes().saturating_add(self.receiver.held_bytes())
    }

    fn is_present(&self, link: Attempt) -> bool {
        self.link == Some(link)
    }

    fn received_run(&mut self, now: Moment, run: Run) {
        self.heartbeat.alive(now, &mut self.timers);
        if self.phase == Phase::Leaving {
            // As in `received`.
            return;
        }
        let (mut batch, taken) = link::accept_run(run, &mut self.receiver);
        self.deliver(&mut batch);
        if let Err(violation) = taken {
            self.violated(now, violation);
        }
    }

    fn received(&mut self, now: Moment, messages: Vec<Message>) {
        self.heartbeat.alive(now, &mut self.timers);
        let (mut batch, mut violation) = (Vec::new(), None);
        for message in messages {
            if self.phase == Phase::Leaving && matches!(message.payload().first(), Some(b'm' | b'v')) {
                // Our bye has said what is processed: the client has what is not, and will do with it what it likes.
                continue;
            }
            match link::receive(message, &mut self.receiver, &mut self.outbox, &mut self.outputs, &mut batch) {
                Ok(Rest::Nothing | Rest::Proof) => {}
                Ok(Rest::Control(frame)) => {
                    self.deliver(&mut batch);
                    violation = self.control(now, frame).err();
                }
                Err(broken) => violation = Some(broken),
            }
            if violation.is_some() || self.link.is_none() {
                break;
            }
        }
        self.deliver(&mut batch);
        if let Some(violation) = violation {
            self.violated(now, violation);
        }
    }

    fn deliver(&mut self, batch: &mut Vec<Message>) {
        if !batch.is_empty() {
            self.outputs.push(Output::Deliver(std::mem::take(batch)));
        }
    }

    fn control(&mut self, now: Moment, frame: Frame) -> Result<(), Violation> {
        match frame {
            Frame::Ping(nonce) => {
                self.heartbeat.sent(now);
                self.say(&Frame::Pong(nonce));
            }
            Frame::Pong(nonce) => self.pong(now, &nonce),
            Frame::Bye(bye) => {
                let _ = self.outbox.acknowledged(bye.processed, &mut self.outputs)?;
                if self.phase != Phase::Leaving {
                    self.say(&Frame::Bye(Bye { processed: self.receiver.processed(), ..Bye::default() }));
                }
                self.close(CloseCode::NORMAL, "");
                self.over(Gone::Ended);
            }
            Frame::Hello(_) | Frame::Welcome(_) | Frame::GoAway(_) => {
                return Err(Violation::malformed("a frame that is not allowed here"));
            }
            Frame::Reliable(..) | Frame::Volatile(_) | Frame::Ack(_) => {}
        }
        Ok(())
    }

    fn pong(&mut self, now: Moment, payload: &[u8]) {
        self.heartbeat.alive(now, &mut self.timers);
        if let Some(round_trip) = self.barrier.pong(now, payload).and_then(|proof| proof.round_trip) {
            self.outputs.event(Event::RoundTrip(round_trip));
        }
    }

    fn violated(&mut self, now: Moment, violation: Violation) {
        self.close(violation.code, violation.words);
        if violation.ends_session() { self.over(Gone::Violated) } else { self.detach(now) }
    }

    /// The link is closed and fenced.
    fn close(&mut self, code: CloseCode, reason: &'static str) {
        if let Some(link) = self.link.take() {
            self.outbox.leave_behind(&mut self.outputs);
            self.outputs.push(Output::Close(link, code, reason));
        }
    }

    /// The session lives on without a connection, for a while.
    fn detach(&mut self, now: Moment) {
        self.link = None;
        if self.phase == Phase::Leaving {
            return self.over(Gone::Ended);
        }
        self.pause_finish(now);
        self.timers.clear_all();
        self.heartbeat.stop(&mut self.timers);
        self.barrier.reset();
        self.outbox.lost(None, &mut self.outputs);
        self.timers.set(Timer::Expire, now + self.config.resume_within);
    }

    fn timer(&mut self, now: Moment) {
        for _ in Timer::ALL {
            match self.timers.expire(now) {
                None => break,
                Some(Timer::Heartbeat) => {
                    self.outbox.relax();
                    self.receiver.relax();
                    let verdict = self.heartbeat.on_silence(now, &mut self.timers);
                    self.obey(now, verdict);
                }
                Some(Timer::Probe) => {
                    let verdict = self.heartbeat.on_unanswered(now, &mut self.timers);
                    self.obey(now, verdict);
                }
                Some(Timer::Ack) => {
                    self.ack();
                    self.heartbeat.sent(now);
                }
                Some(Timer::Expire) => self.over(Gone::Expired),
                Some(Timer::Close) => self.waited_long_enough(now),
                Some(_) => {}
            }
        }
    }

    fn obey(&mut self, now: Moment, verdict: Verdict) {
        match verdict {
            Verdict::Alive => {}
            Verdict::Probe { .. } => {
                if let Some(link) = self.link {
                    self.heartbeat.pinged(now);
                    self.outputs.push(Output::Probe(link, self.barrier.ping(now, 0)));
                }
            }
            Verdict::Dead { .. } => {
                self.close(CloseCode::GOING_AWAY, "no sign of life");
                self.detach(now);
            }
        }
    }

    fn seek_ack(&mut self, now: Moment) {
        if self.link.is_none() {
            return;
        }
        if self.receiver.is_ack_due(now) {
            self.ack();
            self.heartbeat.sent(now);
        } else if let Some(at) = self.receiver.ack_at() {
            self.timers.advance(Timer::Ack, at);
        }
    }

    fn ack(&mut self) {
        let Some(link) = self.link else { return };
        if let Some(seq) = self.receiver.take_ack() {
            self.outputs.ack(link, seq);
        }
        self.timers.clear(Timer::Ack);
    }

    fn say(&mut self, frame: &Frame) {
        if let Some(link) = self.link {
            self.outputs.push(Output::Control(link, frame.to_message()));
        }
    }

    fn announce(&mut self) {
        if let Some(link) = self.link
            && self.wants_ready
            && self.outbox.has_something_to_take(&Until::END)
        {
            self.outputs.push(Output::Ready(link));
            self.wants_ready = false;
        }
    }

    fn tell_room(&mut self) {
        if self.outbox.room_again() {
            self.outputs.push(Output::Room);
        }
    }
}
