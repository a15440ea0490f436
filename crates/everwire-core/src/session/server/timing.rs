//! Deadlines, signs of life, acknowledgements.

use everwire_ws::CloseCode;

use super::ServerSession;
use crate::heartbeat::Liveness;
use crate::session::body::Gone;
use crate::{Moment, Output, Timer};

impl ServerSession {
    /// The time at which to pass [`ServerInput::Timer`](super::ServerInput::Timer), and its purpose. Any call may
    /// change it.
    #[must_use]
    pub fn deadline(&self) -> Option<(Moment, Timer)> {
        let expiry = self.outbox.expiry().map(|at| (at, Timer::Expiry));
        self.timers.next().into_iter().chain(expiry).min_by_key(|(at, _)| *at)
    }

    pub(super) fn timer(&mut self, now: Moment) {
        for _ in Timer::ALL {
            match self.timers.expire(now) {
                None => break,
                Some(Timer::Heartbeat) => {
                    self.outbox.relax();
                    self.receiver.relax();
                    let verdict = self.heartbeat.on_silence(now, &mut self.timers);
                    self.apply_verdict(now, verdict);
                }
                Some(Timer::Probe) => {
                    let verdict = self.heartbeat.on_unanswered(now, &mut self.timers);
                    self.apply_verdict(now, verdict);
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

    pub(super) fn apply_verdict(&mut self, now: Moment, verdict: Liveness) {
        match verdict {
            Liveness::Alive => {}
            Liveness::Probe { .. } => {
                if let Some(link) = self.link {
                    self.heartbeat.pinged(now);
                    self.outputs.push(Output::Probe(link, self.barrier.ping(now, 0)));
                }
            }
            Liveness::Dead { .. } => {
                self.close(CloseCode::GOING_AWAY, "no sign of life");
                self.detach(now);
            }
        }
    }

    pub(super) fn seek_ack(&mut self, now: Moment) {
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

    pub(super) fn ack(&mut self) {
        let Some(link) = self.link else { return };
        if let Some(seq) = self.receiver.take_ack() {
            self.outputs.ack(link, seq);
        }
        self.timers.clear(Timer::Ack);
    }
}
