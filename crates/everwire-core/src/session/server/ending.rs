//! How a session ends, and how long each step may wait for the client.
//!
//! ```text
//!         the application has let go           all is acknowledged, or the time for it is over
//! Alive ─────────────────────────────▶ Finishing ──────────────────────────────┐
//!   │                                                                          ▼
//!   └──────────────────────── the server ends it ─────────────────────────▶ Leaving ──▶ Over
//!                                                 the client's bye, a loss, or `BYE` later
//! ```

use std::time::Duration;

use everwire_ws::CloseCode;

use super::{ComeBack, ServerSession};
use crate::{
    Moment, Output, Timer,
    session::{
        body::{Bye, Gone},
        frame::Frame,
    },
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Alive,
    /// The application has let go: the client is to acknowledge what it was sent. Without a connection
    /// [`Timer::Expire`] ends the wait, with one [`Timer::Close`].
    Finishing {
        /// What the client had acknowledged when it was last given its time.
        acknowledged: u64,
        /// Of its time, as of the loss of its connection: coming and going wins none.
        left: Duration,
    },
    /// We have said bye and wait for the client's: [`Timer::Close`] ends the wait.
    Leaving,
    Over(Gone),
}

/// How long the answer to a bye is awaited, as long as a closing handshake.
pub(super) const BYE: Duration = Duration::from_secs(2);

impl ServerSession {
    /// Whether messages for the client are accepted.
    pub(super) fn is_accepting(&self) -> bool {
        matches!(self.phase, Phase::Alive | Phase::Finishing { .. })
    }

    /// The application has let go.
    pub(super) fn finish(&mut self, now: Moment) {
        if self.phase == Phase::Alive {
            self.finish_anew(now);
        }
    }

    /// Gives the client its time to acknowledge what it was sent.
    fn finish_anew(&mut self, now: Moment) {
        let left = self.config.resume_within;
        self.phase = Phase::Finishing { acknowledged: self.outbox.acknowledged_up_to(), left };
        self.continue_finish(now);
    }

    /// There is a connection, so the client's time runs.
    pub(super) fn continue_finish(&mut self, now: Moment) {
        if let (Phase::Finishing { left, .. }, Some(_)) = (self.phase, self.link) {
            self.timers.set(Timer::Close, now + left);
        }
    }

    /// There is no connection any more, so it stands still.
    pub(super) fn pause_finish(&mut self, now: Moment) {
        if let (Phase::Finishing { left, .. }, Some(at)) = (&mut self.phase, self.timers.at(Timer::Close)) {
            *left = at.since(now);
        }
    }

    /// Ends the session once the client has everything; until then each acknowledgement gives it time for the next.
    pub(super) fn advance_finish(&mut self, now: Moment) {
        let Phase::Finishing { acknowledged, .. } = self.phase else { return };
        if self.pending_messages() == 0 {
            self.leave(now, ComeBack::Never, String::new());
        } else if acknowledged != self.outbox.acknowledged_up_to() {
            self.finish_anew(now);
        }
    }

    /// Says bye.
    pub(super) fn leave(&mut self, now: Moment, back: ComeBack, reason: String) {
        if !self.is_accepting() {
            return;
        }
        if self.link.is_none() {
            return self.over(Gone::Ended);
        }
        let (retry_after, paced) = match back {
            ComeBack::Never => (None, false),
            ComeBack::After(pause) => (Some(pause), false),
            ComeBack::At(time) => (Some(time), true),
        };
        let bye = Bye {
            processed: self.receiver.processed(),
            retry_after: retry_after.map(|pause| u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)),
            paced,
            reason: (!reason.is_empty()).then_some(reason),
        };
        self.say(&Frame::Bye(bye));
        self.phase = Phase::Leaving;
        self.timers.set(Timer::Close, now + BYE);
    }

    /// [`Timer::Close`] has come: the client has had its time.
    pub(super) fn waited_long_enough(&mut self, now: Moment) {
        match self.phase {
            Phase::Finishing { .. } => {
                self.leave(now, ComeBack::Never, "the client has not acknowledged all messages in time".to_owned());
            }
            Phase::Leaving => {
                self.close(CloseCode::NORMAL, "");
                self.over(Gone::Ended);
            }
            Phase::Alive | Phase::Over(_) => {}
        }
    }

    /// The end: every message gets its outcome.
    pub(super) fn over(&mut self, reason: Gone) {
        if let Phase::Over(_) = self.phase {
            return;
        }
        self.link = None;
        self.phase = Phase::Over(reason);
        self.timers.clear_all();
        self.outbox.resolve_all(&mut self.left, &mut self.outputs);
        self.tell_room();
        self.outputs.push(Output::Finished(std::mem::take(&mut self.left)));
    }
}

#[cfg(test)]
mod tests {
    use everwire_ws::Message;

    use super::*;
    use crate::{
        Attempt,
        session::{Hello, Limits, Resume, ServerConfig, ServerInput, SessionId, Token},
    };

    const LINK: Attempt = Attempt(1);

    /// A session whose client has a message that it does not acknowledge.
    fn session() -> ServerSession {
        let config = ServerConfig::default();
        let mut session = ServerSession::new(Moment::ZERO, SessionId([1; 16]), config, [7; 32]).unwrap();
        let hello = Hello { resume: None, limits: Limits::default() };
        session.begin(Moment::ZERO, LINK, &hello, None, Token::new([1; 32]));
        session.send(Moment::ZERO, Message::text("never acknowledged")).unwrap();
        session.take(LINK, &mut |_| true);
        session
    }

    /// One of each kind. A new kind does not compile until it is here and in `next`.
    fn phases() -> Vec<ServerSession> {
        let next = |phase: Phase| match phase {
            Phase::Alive => Some(ServerInput::Finish),
            Phase::Finishing { .. } => Some(ServerInput::End { back: ComeBack::Never, reason: String::new() }),
            Phase::Leaving => Some(ServerInput::Lost(LINK)),
            Phase::Over(_) => None,
        };
        let mut inputs = Vec::new();
        let mut phases = vec![session()];
        while let Some(input) = next(phases[phases.len() - 1].phase) {
            inputs.push(input);
            let mut session = session();
            for input in &inputs {
                session.handle(Moment::ZERO, again(input));
            }
            phases.push(session);
        }
        phases
    }

    fn again(input: &ServerInput) -> ServerInput {
        match input {
            ServerInput::Finish => ServerInput::Finish,
            ServerInput::End { back, reason } => ServerInput::End { back: *back, reason: reason.clone() },
            ServerInput::Lost(link) => ServerInput::Lost(*link),
            other => panic!("{other:?}"),
        }
    }

    /// What a client can do that neither acknowledges nor says bye.
    fn signs_of_life() -> [ServerInput; 3] {
        let frames = ["p", "q", "v:x"].map(Message::text).to_vec();
        [
            ServerInput::Activity(LINK),
            ServerInput::Pong(LINK, bytes::Bytes::from_static(b"whatever")),
            ServerInput::Received(LINK, frames),
        ]
    }

    #[test]
    fn no_phase_that_waits_for_the_client_outlasts_its_time_because_the_client_is_alive() {
        let longest = ServerConfig::default().resume_within + BYE;
        for mut session in phases() {
            let phase = session.phase;
            let (mut now, step) = (Moment::ZERO, Duration::from_secs(1));
            while now.since(Moment::ZERO) < longest {
                now = now + step;
                signs_of_life().into_iter().for_each(|life| session.handle(now, life));
                if session.deadline().is_some_and(|(at, _)| at <= now) {
                    session.handle(now, ServerInput::Timer);
                }
                while session.poll_output().is_some() {}
            }
            let is_over = matches!(session.phase, Phase::Over(_));
            assert_eq!(is_over, phase != Phase::Alive, "{phase:?} leads to {:?}", session.phase);
        }
    }

    #[test]
    fn each_acknowledgement_gives_a_client_time_for_the_next() {
        let mut session = session();
        session.send(Moment::ZERO, Message::text("second")).unwrap();
        session.take(LINK, &mut |_| true);
        session.handle(Moment::ZERO, ServerInput::Finish);
        let within = ServerConfig::default().resume_within;
        assert_eq!(session.deadline_of(Timer::Close), Some(Moment::ZERO + within));
        let later = Moment::ZERO + within / 2;
        session.handle(later, ServerInput::Received(LINK, vec![Message::text("a1")]));
        assert_eq!(session.deadline_of(Timer::Close), Some(later + within));
        session.handle(later, ServerInput::Received(LINK, vec![Message::text("a2")]));
        assert_eq!(session.phase, Phase::Leaving, "it has everything");
    }

    #[test]
    fn a_client_that_comes_and_goes_wins_no_time() {
        let mut session = session();
        session.handle(Moment::ZERO, ServerInput::Finish);
        let within = ServerConfig::default().resume_within;
        let mut now = Moment::ZERO;
        for number in 2..4 {
            now = now + within / 4;
            session.handle(now, ServerInput::Lost(session.link().unwrap()));
            now = now + within / 2;
            let resume =
                Resume { session: session.id().to_string(), token: "01".repeat(32), connection: number, processed: 0 };
            let hello = Hello { resume: Some(resume), limits: Limits::default() };
            session.attach(now, Attempt(number), &hello, Token::new([number as u8; 32]));
        }
        assert_eq!(session.deadline_of(Timer::Close), Some(now + within / 2));
    }

    impl ServerSession {
        fn deadline_of(&self, timer: Timer) -> Option<Moment> {
            self.timers.at(timer)
        }
    }
}
