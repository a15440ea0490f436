//! Connections come and go.

use everwire_ws::CloseCode;

use super::ending::Phase;
use super::{Attached, MAX_OFFERED, ServerSession};
use crate::session::body::{Gone, Hello, Previous, Welcome};
use crate::session::frame::Frame;
use crate::session::{Token, code};
use crate::{Attempt, Event, Moment, Output, Timer};

impl ServerSession {
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

    /// Attaches a new connection that resumes the session. The one before is fenced first, and closed as superseded
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

    pub(super) fn welcome(
        &mut self,
        now: Moment,
        link: Attempt,
        resumed: bool,
        previous: Option<Previous>,
        token: String,
    ) {
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

    /// The link is closed and fenced.
    pub(super) fn close(&mut self, code: CloseCode, reason: &'static str) {
        if let Some(link) = self.link.take() {
            self.outbox.leave_behind(&mut self.outputs);
            self.outputs.push(Output::Close(link, code, reason));
        }
    }

    /// The session lives on without a connection, for a while.
    pub(super) fn detach(&mut self, now: Moment) {
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
}
