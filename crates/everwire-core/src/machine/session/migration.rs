//! The move to a new connection while the present one is open: make before break.

use everwire_ws::Message;

use super::NO_WELCOME;
use crate::address::Tried;
use crate::lifecycle::{Lifecycle, Opening};
use crate::machine::Machine;
use crate::session::Frame;
use crate::session::client::{Agreed, Stage};
use crate::{Attempt, Cause, Event, Moment, OpenFailure, OpenFailureKind, Output, Phase, Timer, TransportEvent};

impl Machine {
    /// Opens a connection that is to take over.
    pub(in crate::machine) fn migrate(&mut self, now: Moment) {
        let live = self.session.as_ref().is_some_and(|session| session.is_live());
        if !live || !self.lifecycle.is_open() || self.successor.is_some() || !self.intends_to_stay() {
            return;
        }
        self.last_attempt = Attempt(self.last_attempt.0 + 1);
        let (attempt, reached) = (self.last_attempt, Phase::Request);
        self.successor.set(Successor { attempt, reached, greeting: false, tried: Tried::default() });
        self.timers.set(Timer::Migrate, now + self.open.timeout);
        self.outputs.push(Output::Open(self.last_attempt));
    }

    pub(in crate::machine) fn is_successor(&self, attempt: Attempt) -> bool {
        self.successor.as_ref().is_some_and(|successor| successor.attempt == attempt)
    }

    /// Word from the connection that is to take over.
    pub(in crate::machine) fn successor_event(&mut self, now: Moment, event: TransportEvent) {
        let Some(successor) = self.successor.as_mut() else { return };
        let attempt = successor.attempt;
        match event {
            TransportEvent::Reached(phase) => successor.reached = phase,
            TransportEvent::Address(tried) => successor.tried.note(tried),
            TransportEvent::Opened { subprotocol } => {
                let Some(session) = self.session.as_mut() else { return };
                let obstacle = if session.agreed(subprotocol.as_deref()) != Agreed::Session {
                    // The next time it may be another server.
                    Some("the server does not speak everwire.v1 on the new connection")
                } else if session.hello_waits() {
                    Some("the store has yet to keep what the greeting would say")
                } else {
                    None
                };
                if let Some(obstacle) = obstacle {
                    return self.bad_successor(now, attempt, obstacle);
                }
                (successor.reached, successor.greeting) = (Phase::Session, true);
                self.outputs.push(Output::Control(attempt, session.hello()));
            }
            TransportEvent::Received(messages) if successor.greeting => self.take_over(now, messages),
            TransportEvent::OpenFailed(failure) => self.migration_failed(now, Cause::OpenFailed(failure)),
            TransportEvent::Lost(loss) => self.migration_failed(now, Cause::Lost(loss)),
            TransportEvent::PeerClosed(frame) => {
                self.outputs.push(Output::Abort(attempt));
                self.migration_failed(now, Cause::PeerClosed(frame));
            }
            _ => {}
        }
    }

    pub(super) fn take_over(&mut self, now: Moment, mut messages: Vec<Message>) {
        if messages.is_empty() {
            return;
        }
        let Some(Successor { attempt, tried, .. }) = self.successor.take() else { return };
        let Some(old) = self.lifecycle.attempt() else { return };
        self.timers.clear(Timer::Migrate);
        let Ok(Frame::Welcome(welcome)) = Frame::parse(messages.remove(0)) else {
            return self.bad_successor(now, attempt, NO_WELCOME);
        };
        self.outputs.push(Output::Abort(old));
        self.judge_uptime(now);
        self.quiet(now);
        if self.intends_to_stay() {
            // If the old one was closing, that is over.
            self.timers.clear(Timer::Close);
        }
        self.barrier.reset();
        self.outbox.lost(None, &mut self.outputs);
        self.lifecycle = Lifecycle::Opening(Opening { attempt, reached: Phase::Session });
        self.tried = tried;
        if self.accept(&welcome) {
            self.open_for_messages(now, attempt);
            self.received(now, messages);
        } else {
            self.bad_greeting(now, attempt, "what the server has processed contradicts what was sent and acknowledged");
        }
    }

    /// The connection that is to take over can't, and is dropped.
    pub(super) fn bad_successor(&mut self, now: Moment, attempt: Attempt, obstacle: &str) {
        self.outputs.push(Output::Abort(attempt));
        let (phase, kind) = (Phase::Session, OpenFailureKind::BadSession);
        self.migration_failed(now, Cause::OpenFailed(OpenFailure { phase, kind, detail: obstacle.to_owned() }));
    }

    /// The present connection is good for a while yet: another try follows, if the cause leaves any hope.
    pub(super) fn migration_failed(&mut self, now: Moment, cause: Cause) {
        self.successor.take();
        self.timers.clear(Timer::Migrate);
        let retry_in = self.retry.again_beside(&cause);
        if let Some(delay) = retry_in {
            self.timers.set(Timer::Migrate, now + delay);
        }
        self.outputs.event(Event::MoveFailed { cause, retry_in });
    }

    /// [`Timer::Migrate`] has come.
    pub(in crate::machine) fn migration_due(&mut self, now: Moment) {
        match self.successor.take() {
            Some(Successor { attempt, reached, tried, .. }) => {
                self.outputs.push(Output::Abort(attempt));
                let failure = self.timed_out(reached, &tried);
                self.migration_failed(now, Cause::OpenFailed(failure));
            }
            None => self.migrate(now),
        }
    }

    /// Whether the next connection has sent its hello: from then on the end of the present one is expected.
    pub(in crate::machine) fn is_being_replaced(&self) -> bool {
        self.intends_to_stay() && self.successor.as_ref().is_some_and(|successor| successor.greeting)
    }

    /// Handles the expected end of the replaced connection; the welcome on the next one is still to come.
    pub(in crate::machine) fn on_replaced_end(&mut self, now: Moment) {
        let Some(Successor { attempt, reached, tried, .. }) = self.successor.take() else { return };
        self.judge_uptime(now);
        self.quiet(now);
        self.barrier.reset();
        self.timers.clear(Timer::Ack);
        self.timers.clear(Timer::Migrate);
        self.timers.set(Timer::Open, now + self.open.timeout);
        self.outbox.lost(None, &mut self.outputs);
        if let Some(session) = self.session.as_mut() {
            session.stage = Stage::Greeting;
        }
        self.lifecycle = Lifecycle::Opening(Opening { attempt, reached });
        self.tried = tried;
        self.retry.started(now);
    }

    /// The connection is over: the one that was to take over becomes the one that is awaited. Whether there was one.
    pub(in crate::machine) fn promote(&mut self, now: Moment) -> bool {
        self.timers.clear(Timer::Migrate);
        let Some(Successor { attempt, reached, greeting, tried }) = self.successor.take() else { return false };
        if !self.intends_to_stay() {
            self.outputs.push(Output::Abort(attempt));
            return false;
        }
        if let Some(session) = self.session.as_mut() {
            session.stage = if greeting { Stage::Greeting } else { Stage::Plain };
        }
        self.lifecycle = Lifecycle::Opening(Opening { attempt, reached });
        self.tried = tried;
        self.retry.started(now);
        self.timers.set(Timer::Open, now + self.open.timeout);
        self.show(crate::State::Connecting { attempt: self.retry.attempts() });
        true
    }

    /// Without a connection there is none to take over from.
    pub(in crate::machine) fn drop_successor(&mut self) {
        self.timers.clear(Timer::Migrate);
        if let Some(successor) = self.successor.take() {
            self.outputs.push(Output::Abort(successor.attempt));
        }
    }
}

/// A connection that is to take over from the one that is open.
#[derive(Debug)]
pub(in crate::machine) struct Successor {
    attempt: Attempt,
    reached: Phase,
    greeting: bool,
    tried: Tried,
}
