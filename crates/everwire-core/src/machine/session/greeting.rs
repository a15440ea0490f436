//! The greeting on a new connection: hello, welcome, or an end without either.

use everwire_ws::{CloseFrame, Message};

use super::NO_WELCOME;
use crate::lifecycle::Lifecycle;
use crate::machine::Machine;
use crate::session::client::{Agreed, Stage};
use crate::session::{Frame, Welcome, code};
use crate::{Attempt, Cause, Event, Moment, OpenFailure, OpenFailureKind, Output, Phase, Timer};

impl Machine {
    /// The upgrade is done; whether that is all there is to opening.
    pub(in crate::machine) fn greet(&mut self, now: Moment, attempt: Attempt, subprotocol: Option<&str>) -> bool {
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
    pub(in crate::machine) fn say_hello(&mut self) {
        let (Some(session), Lifecycle::Opening(opening)) = (self.session.as_mut(), &mut self.lifecycle) else { return };
        if session.hello_waits() || session.waiting.take() != Some(opening.attempt) {
            return;
        }
        opening.reached = Phase::Session;
        session.stage = Stage::Greeting;
        self.outputs.push(Output::Control(opening.attempt, session.hello()));
    }

    /// Messages of the opening whose welcome is awaited.
    pub(in crate::machine) fn greeted(&mut self, now: Moment, attempt: Attempt, mut messages: Vec<Message>) {
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
    pub(in crate::machine) fn attempt_failed_or_plain(&mut self, now: Moment, failure: OpenFailure) {
        if !self.goes_on_plainly() {
            return self.attempt_failed(now, failure);
        }
        self.timers.clear(Timer::Open);
        self.tell_addresses();
        let cause = Cause::OpenFailed(failure);
        self.outputs.event(Event::AttemptFailed { attempt: self.retry.attempts(), cause });
        self.start_attempt(now);
    }

    pub(super) fn goes_on_plainly(&mut self) -> bool {
        let stays = self.intends_to_stay() && matches!(self.lifecycle, Lifecycle::Opening(_));
        let Some(session) = self.session.as_mut().filter(|_| stays) else { return false };
        let plainly = session.go_on_plainly();
        if plainly {
            session.stage = Stage::Plain;
        }
        plainly
    }

    /// Returns `true` if the next opening is to leave the session's subprotocol out, although there are settings for a
    /// session: see [`SessionMode::Prefer`](crate::session::SessionMode::Prefer).
    #[must_use]
    pub fn withholds_session(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.is_withheld())
    }

    pub(super) fn bad_greeting(&mut self, now: Moment, attempt: Attempt, words: &str) {
        self.outputs.push(Output::Abort(attempt));
        let detail = words.to_owned();
        self.attempt_failed(now, OpenFailure { phase: Phase::Session, kind: OpenFailureKind::BadSession, detail });
    }

    /// Takes the welcome in. False if it contradicts what was sent and acknowledged: then the session is forgotten.
    pub(super) fn accept(&mut self, welcome: &Welcome) -> bool {
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

    /// The server closes instead of welcoming us.
    pub(in crate::machine) fn dismissed_unopened(&mut self, now: Moment, frame: Option<CloseFrame>) {
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

    pub(super) fn is_greeting(&self) -> bool {
        let greeting = self.session.as_ref().is_some_and(|session| session.stage == Stage::Greeting);
        greeting && matches!(self.lifecycle, Lifecycle::Opening(_))
    }
}
