//! What a session adds: the greeting, numbered frames, the move to a new connection.

use std::time::Duration;

use everwire_ws::{CloseFrame, Message};

use super::Machine;
use crate::{
    Attempt, Cause, Event, Loss, Moment, OpenFailure, OpenFailureKind, Output, Phase, Timer, TransportEvent,
    address::Tried,
    lifecycle::{Connection, Lifecycle, Opening},
    session::{
        Bye, Frame, GoAway, Welcome,
        client::{Agreed, Stage},
        code,
        link::{self, Rest, Violation},
    },
};

/// Why an opening with a session fails whose first frame is another.
const NO_WELCOME: &str = "expected a session `welcome` frame from the server";

/// A connection that is to take over from the one that is open.
#[derive(Debug)]
pub(super) struct Successor {
    attempt: Attempt,
    reached: Phase,
    greeting: bool,
    tried: Tried,
}

impl Machine {
    /// The upgrade is done; whether that is all there is to opening.
    pub(super) fn greet(&mut self, now: Moment, attempt: Attempt, subprotocol: Option<&str>) -> bool {
        let Some(session) = self.session.as_mut() else { return true };
        match session.agreed(subprotocol) {
            Agreed::Session => {
                session.waiting = Some(attempt);
                self.say_hello();
                return false;
            }
            Agreed::Plain => {
                self.lose_session(None);
                return true;
            }
            Agreed::Refused => {}
        }
        self.outputs.push(Output::Abort(attempt));
        let detail = match subprotocol {
            Some(other) => format!("the server chose the subprotocol `{other}`, not everwire.v1"),
            None => "the server does not speak everwire.v1".to_owned(),
        };
        self.attempt_failed(now, OpenFailure { phase: Phase::Session, kind: OpenFailureKind::NoSession, detail });
        false
    }

    /// The first frame of the connection that is upgraded, unless it has to wait for the store.
    pub(super) fn say_hello(&mut self) {
        let (Some(session), Lifecycle::Opening(opening)) = (self.session.as_mut(), &mut self.lifecycle) else { return };
        if session.hello_waits() || session.waiting.take() != Some(opening.attempt) {
            return;
        }
        opening.reached = Phase::Session;
        session.stage = Stage::Greeting;
        self.outputs.push(Output::Control(opening.attempt, session.hello()));
    }

    /// Messages of the opening whose welcome is awaited.
    pub(super) fn greeted(&mut self, now: Moment, attempt: Attempt, mut messages: Vec<Message>) {
        if !self.is_greeting() || messages.is_empty() {
            return;
        }
        match Frame::parse(messages.remove(0)) {
            Ok(Frame::Welcome(welcome)) => {
                if self.accept(&welcome) {
                    self.open_for_messages(now, attempt);
                    self.received(now, messages);
                } else {
                    self.bad_greeting(
                        now,
                        attempt,
                        "what the server has processed contradicts what was sent and acknowledged",
                    );
                }
            }
            _ => {
                self.outputs.push(Output::Abort(attempt));
                let (phase, kind) = (Phase::Session, OpenFailureKind::BadSession);
                let detail = NO_WELCOME.to_owned();
                self.attempt_failed_or_plain(now, OpenFailure { phase, kind, detail });
            }
        }
    }

    /// An opening has failed in a way that a server which knows no sessions would cause too: then the next one offers none,
    /// if that will do.
    pub(super) fn attempt_failed_or_plain(&mut self, now: Moment, failure: OpenFailure) {
        if !self.goes_on_plainly() {
            return self.attempt_failed(now, failure);
        }
        self.timers.clear(Timer::Open);
        self.tell_addresses();
        let cause = Cause::OpenFailed(failure);
        self.outputs.event(Event::AttemptFailed { attempt: self.retry.attempts(), cause });
        self.start_attempt(now);
    }

    fn goes_on_plainly(&mut self) -> bool {
        let stays = self.intends_to_stay() && matches!(self.lifecycle, Lifecycle::Opening(_));
        let Some(session) = self.session.as_mut().filter(|_| stays) else { return false };
        let plainly = session.go_on_plainly();
        if plainly {
            session.stage = Stage::Plain;
        }
        plainly
    }

    /// Whether the next opening is to leave the session's subprotocol out, although there are settings for a session: see
    /// [`SessionMode::Prefer`](crate::session::SessionMode::Prefer).
    #[must_use]
    pub fn withholds_session(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.is_withheld())
    }

    fn bad_greeting(&mut self, now: Moment, attempt: Attempt, words: &str) {
        self.outputs.push(Output::Abort(attempt));
        let detail = words.to_owned();
        self.attempt_failed(now, OpenFailure { phase: Phase::Session, kind: OpenFailureKind::BadSession, detail });
    }

    /// Takes the welcome in. False if it contradicts what was sent and acknowledged: then the session is forgotten.
    fn accept(&mut self, welcome: &Welcome) -> bool {
        let Some(session) = self.session.as_mut() else { return false };
        if welcome.resumed && !session.has_session() {
            return false;
        }
        if welcome.resumed {
            if welcome.processed < self.outbox.acknowledged_up_to() {
                // What it has acknowledged and forgotten is gone here as well.
                self.lose_session(None);
                return false;
            }
            session.welcomed(welcome);
            self.outputs.session_changed();
            let Ok(resending) = self.outbox.resume(welcome.processed, welcome.limits, &mut self.outputs) else {
                self.lose_session(None);
                return false;
            };
            self.outputs.event(Event::Session { resumed: true, resending });
            return true;
        }
        if session.has_session() {
            let previous = welcome.previous.as_ref();
            let processed = previous.and_then(|previous| previous.processed);
            let unknown = self.outbox.end_session(processed, &mut self.outputs);
            let reason = previous.map_or(crate::session::Gone::Unknown, |previous| previous.reason);
            self.outputs.event(Event::SessionLost { reason, settled: processed.is_some(), unknown });
        }
        let resending = self.outbox.resending();
        if let Some(session) = self.session.as_mut() {
            session.welcomed(welcome);
        }
        self.outbox.begin_session(welcome.limits);
        if let Some(journal) = &mut self.outputs.journal {
            journal.begin_session();
        }
        self.outputs.event(Event::Session { resumed: false, resending });
        true
    }

    /// The session can't go on; what the peer has processed of it may be known.
    fn lose_session(&mut self, processed: Option<u64>) {
        if let Some(session) = self.session.as_mut() {
            session.forget();
            self.outputs.session_changed();
        }
        if self.outbox.is_numbered() {
            self.outbox.leave_behind(&mut self.outputs);
            self.outbox.end_session(processed, &mut self.outputs);
        }
    }

    /// Messages of the connection that is open.
    pub(super) fn received(&mut self, now: Moment, mut messages: Vec<Message>) {
        if messages.is_empty() {
            return;
        }
        let Some(session) = self.session.as_mut() else {
            return self.outputs.push(Output::Deliver(messages));
        };
        match session.stage {
            Stage::Live => {}
            Stage::Over => return,
            Stage::Plain | Stage::Greeting => {
                session.receiver.accept_plain(messages.len());
                return self.outputs.push(Output::Deliver(messages));
            }
        }
        let ready = link::receive_run(&mut messages, &mut session.receiver);
        let (rest, mut batch) = (messages.split_off(ready), messages);
        let mut proof = false;
        let mut violation = None;
        for message in rest {
            let Some(session) = self.session.as_mut() else { break };
            let receiver = &mut session.receiver;
            match link::receive(message, receiver, &mut self.outbox, &mut self.outputs, &mut batch) {
                Ok(Rest::Nothing) => {}
                Ok(Rest::Proof) => proof = true,
                Ok(Rest::Control(frame)) => {
                    // What came before it comes before it.
                    self.deliver(&mut batch);
                    violation = self.control(now, frame).err();
                }
                Err(broken) => violation = Some(broken),
            }
            if violation.is_some() || !self.lifecycle.is_open() {
                break;
            }
        }
        self.deliver(&mut batch);
        if proof {
            self.note_proof(now);
        }
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
            Frame::GoAway(GoAway { within, .. }) => {
                self.outputs.event(Event::GoingAway { within: Duration::from_millis(within) });
                // However often the server says so: a move that has failed is tried again at its time.
                if self.timers.at(Timer::Migrate).is_none() {
                    self.migrate(now);
                }
            }
            Frame::Bye(bye) => self.dismissed(now, bye),
            Frame::Hello(_) | Frame::Welcome(_) => {
                return Err(Violation::malformed("a greeting on a connection that is open"));
            }
            Frame::Reliable(..) | Frame::Volatile(_) | Frame::Ack(_) => {}
        }
        Ok(())
    }

    /// The server has ended the session.
    fn dismissed(&mut self, now: Moment, bye: Bye) {
        let processed = self.session.as_ref().map_or(0, |session| session.receiver.processed());
        self.say(&Frame::Bye(Bye { processed, ..Bye::default() }));
        self.lose_session(Some(bye.processed));
        let cause = Cause::Bye {
            retry_after: bye.retry_after.map(Duration::from_millis),
            paced: bye.paced,
            reason: bye.reason.unwrap_or_default(),
        };
        if let Lifecycle::Open(connection) = &self.lifecycle {
            self.outputs.push(Output::Close(connection.attempt, everwire_ws::CloseCode::NORMAL, ""));
        }
        self.end_connection(now, cause, false);
    }

    fn violated(&mut self, now: Moment, violation: Violation) {
        let Lifecycle::Open(connection) = &self.lifecycle else { return };
        self.outputs.push(Output::Close(connection.attempt, violation.code, violation.words));
        if violation.ends_session() {
            self.lose_session(None);
        }
        let loss = Loss::Protocol(violation.code, violation.words.to_owned());
        self.end_connection(now, Cause::Lost(loss), false);
    }

    /// The server has closed the connection of a session: what that says beyond the code.
    pub(super) fn session_cause(&self, frame: Option<CloseFrame>) -> Cause {
        let code = frame.as_ref().map(|frame| frame.code);
        match self.session.as_ref() {
            Some(session) if code == Some(code::SUPERSEDED) && session.is_rivalled() => Cause::Superseded,
            _ => Cause::PeerClosed(frame),
        }
    }

    /// The server closes instead of welcoming us.
    pub(super) fn dismissed_unopened(&mut self, now: Moment, frame: Option<CloseFrame>) {
        if !self.is_greeting() {
            return;
        }
        let Some(attempt) = self.lifecycle.attempt() else { return };
        // Codes for a hello that was taken for a message.
        let not_understood = |frame: &CloseFrame| matches!(frame.code.0, 1002 | 1003 | 1007);
        if frame.as_ref().is_some_and(not_understood) && self.goes_on_plainly() {
            self.outputs.push(Output::Abort(attempt));
            self.timers.clear(Timer::Open);
            let cause = Cause::PeerClosed(frame);
            self.outputs.event(Event::AttemptFailed { attempt: self.retry.attempts(), cause });
            return self.start_attempt(now);
        }
        if frame.as_ref().is_some_and(|frame| frame.code == code::VIOLATED) {
            self.lose_session(None);
        }
        // A session that has not begun can't have ended.
        self.retry.excuse_normal_close();
        let cause = self.session_cause(frame);
        self.outputs.push(Output::Abort(attempt));
        self.timers.clear(Timer::Open);
        self.tell_addresses();
        self.outputs.event(Event::AttemptFailed { attempt: self.retry.attempts(), cause: cause.clone() });
        self.settle(now, cause);
    }

    /// The user has come to this position.
    pub(super) fn processed(&mut self, now: Moment, position: u64) {
        let Some(session) = self.session.as_mut() else { return };
        session.receiver.process(now, position);
        self.seek_ack(now);
    }

    /// Says what is processed, if that should not wait, or sets the time until which it may.
    pub(super) fn seek_ack(&mut self, now: Moment) {
        let (Some(session), Lifecycle::Open(_)) = (self.session.as_mut(), &self.lifecycle) else { return };
        if !session.is_live() {
            return;
        }
        if session.receiver.is_ack_due(now) {
            self.ack(now);
        } else if let Some(at) = session.receiver.ack_at() {
            self.timers.advance(Timer::Ack, at);
        }
    }

    /// Says what is processed, if that is news.
    pub(super) fn ack(&mut self, now: Moment) {
        let (Some(session), Lifecycle::Open(connection)) = (self.session.as_mut(), &self.lifecycle) else { return };
        if !session.is_live() {
            return;
        }
        if let Some(seq) = session.receiver.take_ack() {
            self.outputs.ack(connection.attempt, seq);
            self.heartbeat.sent(now);
        }
        self.timers.clear(Timer::Ack);
    }

    /// The last words before the closing handshake: the server frees the session.
    pub(super) fn say_bye(&mut self) {
        let Some(session) = self.session.as_ref() else { return };
        if session.is_live() {
            let processed = session.receiver.processed();
            self.say(&Frame::Bye(Bye { processed, ..Bye::default() }));
            self.lose_session(None);
        }
    }

    fn say(&mut self, frame: &Frame) {
        if let Some(attempt) = self.lifecycle.attempt() {
            self.outputs.push(Output::Control(attempt, frame.to_message()));
        }
    }

    fn is_greeting(&self) -> bool {
        let greeting = self.session.as_ref().is_some_and(|session| session.stage == Stage::Greeting);
        greeting && matches!(self.lifecycle, Lifecycle::Opening(_))
    }

    // Make before break.

    /// Opens a connection that is to take over.
    pub(super) fn migrate(&mut self, now: Moment) {
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

    pub(super) fn is_successor(&self, attempt: Attempt) -> bool {
        self.successor.as_ref().is_some_and(|successor| successor.attempt == attempt)
    }

    /// Word from the connection that is to take over.
    pub(super) fn successor_event(&mut self, now: Moment, event: TransportEvent) {
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

    fn take_over(&mut self, now: Moment, mut messages: Vec<Message>) {
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
    fn bad_successor(&mut self, now: Moment, attempt: Attempt, obstacle: &str) {
        self.outputs.push(Output::Abort(attempt));
        let (phase, kind) = (Phase::Session, OpenFailureKind::BadSession);
        self.migration_failed(now, Cause::OpenFailed(OpenFailure { phase, kind, detail: obstacle.to_owned() }));
    }

    /// The present connection is good for a while yet: another try follows, if the cause leaves any hope.
    fn migration_failed(&mut self, now: Moment, cause: Cause) {
        self.successor.take();
        self.timers.clear(Timer::Migrate);
        let retry_in = self.retry.again_beside(&cause);
        if let Some(delay) = retry_in {
            self.timers.set(Timer::Migrate, now + delay);
        }
        self.outputs.event(Event::MoveFailed { cause, retry_in });
    }

    /// [`Timer::Migrate`] has come.
    pub(super) fn migration_due(&mut self, now: Moment) {
        match self.successor.take() {
            Some(Successor { attempt, reached, tried, .. }) => {
                self.outputs.push(Output::Abort(attempt));
                let failure = self.timed_out(reached, &tried);
                self.migration_failed(now, Cause::OpenFailed(failure));
            }
            None => self.migrate(now),
        }
    }

    /// The next connection has said hello: from here on the present one may end at any time, and that is no news.
    pub(super) fn is_being_relieved(&self) -> bool {
        self.intends_to_stay() && self.successor.as_ref().is_some_and(|successor| successor.greeting)
    }

    /// The present connection has ended, as it had to; the welcome on the next one is awaited.
    pub(super) fn relieve(&mut self, now: Moment) {
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
    pub(super) fn promote(&mut self, now: Moment) -> bool {
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
    pub(super) fn drop_successor(&mut self) {
        self.timers.clear(Timer::Migrate);
        if let Some(successor) = self.successor.take() {
            self.outputs.push(Output::Abort(successor.attempt));
        }
    }

    pub(super) fn connection(now: Moment, attempt: Attempt) -> Connection {
        Connection { attempt, opened_at: now, proven: false, useful: false }
    }
}
