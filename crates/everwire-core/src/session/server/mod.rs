//! The server's end of a session.
//!
//! - [`ServerInput`]: its inputs
//! - `attach`: connections come and go
//! - `sending`: messages for the client
//! - `receiving`: what the client sends
//! - `timing`: deadlines, signs of life, acknowledgements
//! - `ending`: how a session ends

mod attach;
mod ending;
mod input;
mod receiving;
mod sending;
mod timing;

use std::collections::VecDeque;

use ending::Phase;
pub use input::{ComeBack, ServerInput};

use everwire_ws::Message;

use super::Token;
use super::body::{GoAway, Gone, Previous};
use super::config::ServerConfig;
use super::frame::Frame;
use super::id::SessionId;
use super::receiver::Receiver;
use crate::barrier::Barrier;
use crate::heartbeat::Heartbeat;
use crate::outbox::{Outbox, Until};
use crate::outputs::Outputs;
use crate::timers::Timers;
use crate::{Attempt, ConfigError, Guarantee, Moment, Output, Timer, Undelivered};

/// The server's end of one session, sans-IO, driven like the client's [`Machine`](crate::Machine).
///
/// Connections come and go ([`attach`](Self::attach)). Each has a number from the caller, written as an [`Attempt`];
/// here a connection is called a link. Inputs of any but the present link are ignored. Of the outputs,
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

/// The result of attaching a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attached {
    /// It is the session's connection now; the welcome is among the outputs.
    Welcome,
    /// A newer connection has come before it: close it with [`code::SUPERSEDED`](super::code::SUPERSEDED).
    Stale,
    /// The token is not the session's, or the session is over: begin a new one, and tell the client why.
    Gone(Previous),
    /// The client contradicts what was sent: close it with [`code::VIOLATED`](super::code::VIOLATED). The session is over.
    Violated,
}

impl ServerSession {
    /// A session without a connection, for a client whose hello does not resume one.
    ///
    /// The seed decides ping payloads.
    ///
    /// # Errors
    /// If a setting is not valid; see [`ServerConfig::check`].
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

    /// The largest message that the client accepts, in bytes, by its latest hello; `u64::MAX` before the first.
    #[must_use]
    pub fn largest_message(&self) -> u64 {
        self.outbox.largest_message()
    }

    /// Tells the session of anything else that has happened.
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

    /// Returns the next output; `None` when there is none. Nothing is lost if this is called late.
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

    /// The session's id.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// Its present connection, if it has one.
    #[must_use]
    pub fn link(&self) -> Option<Attempt> {
        self.link
    }

    /// The reason why it is over; `None` while it is not.
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

    /// The number of messages for the client without an outcome.
    #[must_use]
    pub fn pending_messages(&self) -> usize {
        self.outbox.queued_len() + self.outbox.unproven_len()
    }

    /// The payload bytes of those messages.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.outbox.queued_bytes() + self.outbox.unproven_bytes()
    }

    /// Payload bytes that the session holds: of messages for the client without an outcome, and of the client's
    /// messages that the application has not processed.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.pending_bytes().saturating_add(self.receiver.held_bytes())
    }

    fn is_present(&self, link: Attempt) -> bool {
        self.link == Some(link)
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
