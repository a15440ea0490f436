//! What is due.

use super::Machine;
use crate::{
    Cause, Event, Loss, Moment, OpenFailure, OpenFailureKind, Output, Phase, Seconds, Timer,
    address::{Listed, Tried},
    lifecycle::{Intent, Lifecycle},
};

impl Machine {
    pub(super) fn timer(&mut self, now: Moment) {
        self.expire(now);
        // At most as many as there are timers: if late timers are set again for a time that has passed, the next call
        // handles the rest.
        for _ in Timer::ALL {
            match self.timers.expire(now) {
                None => break,
                Some(Timer::Open) => self.opening_too_long(now),
                Some(Timer::Retry) => self.retry_due(now),
                Some(Timer::Heartbeat) => {
                    self.outbox.relax();
                    if let Some(session) = self.session.as_mut() {
                        session.receiver.relax();
                    }
                    let verdict = self.heartbeat.on_silence(now, &mut self.timers);
                    self.apply_verdict(now, verdict);
                }
                Some(Timer::Probe) => {
                    let verdict = self.heartbeat.on_unanswered(now, &mut self.timers);
                    self.apply_verdict(now, verdict);
                }
                Some(Timer::Answer) => self.answer_overdue(now),
                Some(Timer::Stable) => self.judge_uptime(now),
                Some(Timer::Ack) => self.ack(now),
                Some(Timer::Migrate) => self.migration_due(now),
                // What it held back is announced behind all timers.
                Some(Timer::Expire | Timer::Expiry | Timer::SendRate) => {}
                Some(Timer::Proof) => self.caution.give_up(),
                Some(Timer::Store) => self.persist_again(),
                Some(Timer::Batch) => self.release_batch(),
                Some(Timer::Close) => self.closing_too_long(now),
                Some(Timer::Unread) => self.unread_too_long(now),
            }
        }
    }

    fn unread_too_long(&mut self, now: Moment) {
        if self.lifecycle.is_open()
            && let Some(patience) = self.heartbeat.patience()
        {
            self.abort_connection(now, Cause::Lost(Loss::Unread { stalled_for: patience }));
        }
    }

    /// The peer has sent something since a ping went out, and is silent now, or has sent things for long: if no ping was ever
    /// answered on this connection, no answer is to be expected any more. That is told once for each connection.
    fn answer_overdue(&mut self, now: Moment) {
        let asked_at =
            self.barrier.asked_at().filter(|_| self.patience.is_unanswered() && self.heartbeat.hears_answers());
        if let Some(asked_at) = asked_at
            && self.patience.tell()
        {
            self.outputs.event(Event::PingsUnanswered { waited: now.since(asked_at) });
            self.show_again();
        }
    }

    fn opening_too_long(&mut self, now: Moment) {
        let Lifecycle::Opening(opening) = &self.lifecycle else { return };
        self.outputs.push(Output::Abort(opening.attempt));
        let in_session = opening.reached == Phase::Session;
        let failure = self.timed_out(opening.reached, &self.tried);
        match in_session {
            true => self.attempt_failed_or_plain(now, failure),
            false => self.attempt_failed(now, failure),
        }
    }

    pub(super) fn timed_out(&self, phase: Phase, tried: &Tried) -> OpenFailure {
        let tried = tried.list();
        let missing = match phase {
            // Nobody has been called yet.
            Phase::Request if tried.is_empty() => "the sign-in, token command or hook did not finish",
            _ => "no connection",
        };
        let mut detail = format!("{missing} within {}", Seconds(self.open.timeout));
        if !tried.is_empty() {
            detail += &format!(" ({})", Listed(&tried));
        }
        OpenFailure { phase, kind: OpenFailureKind::Timeout, detail }
    }

    fn closing_too_long(&mut self, now: Moment) {
        if let Intent::Close { deadline, .. } = self.intent
            && deadline <= now
        {
            return self.run_out(now);
        }
        match &self.lifecycle {
            // The flush before a disconnect has had its time.
            Lifecycle::Open(_) => self.start_closing(now),
            Lifecycle::Ending(ending) => {
                let cause = ending.cause.clone();
                self.abort_connection(now, cause);
            }
            Lifecycle::Closed(_) | Lifecycle::Waiting(_) | Lifecycle::Opening(_) | Lifecycle::Finished => {}
        }
    }
}
