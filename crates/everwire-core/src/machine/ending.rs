//! How attempts and connections end, and what follows.

use std::time::Duration;

use everwire_ws::CloseCode;

use super::Machine;
use crate::{
    Answers, Cause, Closed, Event, Loss, Moment, Next, OpenFailure, Output, PostMortem, State, Timer,
    lifecycle::{Ending, Intent, Lifecycle, Place, Waiting},
    retry::{Decision, blames_a_message},
    session::client::Stage,
    silence::End,
};

/// The user wants to be connected again.
const AT_ONCE: Next = Next::Retry { after: Duration::ZERO, asked: false };

impl Machine {
    pub(super) fn attempt_failed(&mut self, now: Moment, failure: OpenFailure) {
        let Lifecycle::Opening(_) = self.lifecycle else { return };
        self.timers.clear(Timer::Open);
        let cause = Cause::OpenFailed(failure);
        self.tell_addresses();
        self.outputs.event(Event::AttemptFailed { attempt: self.retry.attempts(), cause: cause.clone() });
        self.settle(now, cause);
    }

    /// The transport is to be dropped without ceremony.
    pub(super) fn abort_connection(&mut self, now: Moment, cause: Cause) {
        if let Some(attempt) = self.lifecycle.attempt() {
            self.outputs.push(Output::Abort(attempt));
        }
        self.connection_over(now, cause);
    }

    pub(super) fn connection_over(&mut self, now: Moment, cause: Cause) {
        self.part(now, &cause);
        self.settle(now, cause);
        self.outputs.dispose_all(std::mem::take(&mut self.orphans).into_iter());
    }

    /// Takes leave of the connection: what was in flight is judged.
    fn part(&mut self, now: Moment, cause: &Cause) {
        self.judge_uptime(now);
        let (Lifecycle::Open(connection) | Lifecycle::Ending(Ending { connection, .. })) = &self.lifecycle else {
            return;
        };
        let connection = *connection;
        let closing = matches!(self.lifecycle, Lifecycle::Ending(_));
        let again = self.outbox.first_again();
        self.caution.lost(again.is_some(), &self.patience);
        let silent_for = now.since(self.heartbeat.last_life().max(connection.opened_at));
        self.quiet(now);
        self.timers.clear(Timer::Close);
        self.barrier.reset();
        let blame = match cause {
            Cause::PeerClosed(Some(frame)) => Some(frame.code.0).filter(|code| blames_a_message(*code)),
            _ => None,
        };
        let learned = self.may_be_idleness(cause).is_some_and(|end| {
            let idle = self.heartbeat.idle_at_end(end, !self.patience.is_never_answered());
            self.keepalive.lost_while_idle(now, idle)
        });
        let given_up = match cause {
            Cause::Dead { .. } => {
                let times = self.patience.died(again);
                self.outbox.silenced(times, &mut self.outputs)
            }
            // The inbox is as full on the next connection, so no evidence would be read there.
            Cause::Lost(Loss::Unread { .. }) if self.patience.unread(again) => self.outbox.give_up(&mut self.outputs),
            _ => Vec::new(),
        };
        let (unproven, orphans) = self.outbox.lost(blame, &mut self.outputs);
        let unproven = unproven + given_up.len();
        self.orphans = given_up.into_iter().chain(orphans).collect();
        self.post_mortem = Some(Box::new(PostMortem {
            connection: self.connections,
            addresses: self.tried.list(),
            cause: cause.clone(),
            closing,
            uptime: now.since(connection.opened_at),
            silent_for,
            last_sent: self.notes.last_sent.map(|at| now.since(at)),
            sent: self.notes.sent,
            received: self.notes.received,
            round_trips: self.notes.round_trips(),
            learned: self.keepalive.learned().filter(|_| learned),
            answers: match self.patience.is_unanswered() {
                true if self.notes.pings == 0 => Answers::NotAsked,
                true if self.patience.is_never_answered() => Answers::Never,
                true => Answers::None,
                false => Answers::Some,
            },
            unproven,
            queued: self.outbox.queued_len(),
            next: Next::Nothing(Closed::ByUser),
        }));
    }

    /// Whether a connection may have ended because nothing had gone over it for a while, and how that was seen.
    fn may_be_idleness(&self, cause: &Cause) -> Option<End> {
        let end = match cause {
            Cause::Lost(Loss::Ended | Loss::Io(_)) | Cause::PeerClosed(None) => Some(End::Told),
            Cause::PeerClosed(Some(frame)) => {
                matches!(frame.code, CloseCode::NORMAL | CloseCode::GOING_AWAY).then_some(End::Told)
            }
            Cause::Dead { .. } => Some(End::Silent),
            Cause::Lost(Loss::Protocol(..) | Loss::InflatedTooFar(_) | Loss::Unread { .. })
            | Cause::OpenFailed(_)
            | Cause::Bye { .. }
            | Cause::Superseded
            | Cause::ByUser => None,
        };
        end.filter(|_| !self.offline)
    }

    /// Tells of the connection that has just ended, now that it is known what follows.
    fn report(&mut self, next: Next) {
        if let Some(mut post_mortem) = self.post_mortem.take() {
            post_mortem.next = next;
            self.outputs.event(Event::Disconnected(post_mortem));
        }
    }

    /// There is neither connection nor attempt any more: what follows is what the user wants, and then the advice.
    pub(super) fn settle(&mut self, now: Moment, cause: Cause) {
        if let Some(session) = self.session.as_mut() {
            session.stage = Stage::Plain;
        }
        if self.promote(now) {
            return self.report(Next::TakenOver);
        }
        match self.intent {
            Intent::Stay => self.follow_advice(now, cause),
            Intent::Leave { .. } => {
                self.report(Next::Nothing(Closed::Disconnected));
                self.rest();
            }
            Intent::Return => {
                self.report(AT_ONCE);
                self.intent = Intent::Stay;
                self.retry.reset();
                self.start_attempt(now);
            }
            Intent::Close { deadline, may_reconnect } => {
                if !may_reconnect || self.outbox.is_empty() {
                    self.finish();
                } else if cause == Cause::ByUser {
                    // The handshake was that of a disconnect which the user has taken back since.
                    self.report(AT_ONCE);
                    self.retry.reset();
                    self.timers.set(Timer::Close, deadline);
                    self.start_attempt(now);
                } else {
                    self.follow_advice(now, cause);
                }
            }
        }
    }

    fn follow_advice(&mut self, now: Moment, cause: Cause) {
        match self.decide(now, &cause) {
            Decision::Wait { delay, at_least } => {
                let retry_at = now + delay;
                if let Intent::Close { deadline, .. } = self.intent {
                    if retry_at >= deadline && !self.store_is_behind() {
                        return self.finish();
                    }
                    self.timers.set(Timer::Close, deadline);
                    self.left.unacknowledged.append(&mut self.orphans);
                }
                self.report(Next::Retry { after: delay, asked: !at_least.is_zero() });
                let not_before = now + at_least;
                let is_loss = matches!(cause, Cause::Lost(_));
                self.lifecycle = Lifecycle::Waiting(Waiting { cause, retry_at, not_before, place: Place::None });
                self.plan_attempt(retry_at);
                if is_loss {
                    self.hurry_after_sleep(now);
                }
            }
            Decision::End => {
                let frame = if let Cause::PeerClosed(frame) = cause { frame } else { None };
                self.end(Closed::ByPeer(frame));
            }
            Decision::Stop => self.end(Closed::Refused(cause)),
            Decision::GiveUp { attempts, elapsed } => self.end(Closed::GaveUp { last: cause, attempts, elapsed }),
        }
    }

    /// Where a server has several addresses, trying again is pointless only when each of them has said so.
    fn decide(&mut self, now: Moment, cause: &Cause) -> Decision {
        let decision = self.retry.failed(now, cause, self.offline);
        let here = match cause {
            Cause::OpenFailed(failure) => failure.is_of_this_address() && !self.retry.is_overridden(cause),
            _ => false,
        };
        if decision == Decision::Stop && here && self.verdicts.leave_hope(&self.tried) {
            return self.retry.failed_here(now, self.offline);
        }
        self.verdicts.clear();
        decision
    }

    /// Sets the time of the next attempt.
    pub(super) fn plan_attempt(&mut self, at: Moment) {
        let Lifecycle::Waiting(waiting) = &mut self.lifecycle else { return };
        waiting.retry_at = at;
        let (cause, held) = (waiting.cause.clone(), waiting.place == Place::Reserved);
        self.timers.set(Timer::Retry, at);
        self.show(State::Disconnected { cause, retry_at: at, attempt: self.retry.next_attempt(), held });
    }

    /// The time of the next attempt has come, as far as this client alone is concerned.
    pub(super) fn retry_due(&mut self, now: Moment) {
        let Lifecycle::Waiting(waiting) = &mut self.lifecycle else { return };
        match waiting.place {
            Place::None if self.budgeted => {
                waiting.place = Place::Asked;
                self.timers.clear(Timer::Retry);
                self.outputs.push(Output::Reserve);
            }
            Place::Asked => {}
            Place::None | Place::Reserved => self.start_attempt(now),
        }
    }

    /// What the shared budget says.
    pub(super) fn reserved(&mut self, now: Moment, at: Moment) {
        let Lifecycle::Waiting(waiting) = &mut self.lifecycle else { return };
        if waiting.place != Place::Asked {
            return;
        }
        waiting.place = Place::Reserved;
        if at <= now {
            return self.start_attempt(now);
        }
        // Hints don't jump the queue.
        waiting.not_before = waiting.not_before.max(at);
        self.outputs.event(Event::HeldBack { wait: at.since(now) });
        self.plan_attempt(at);
    }

    /// A final state that only the user leads out of.
    fn end(&mut self, closed: Closed) {
        if let Intent::Close { .. } = self.intent {
            return self.finish();
        }
        self.report(Next::Nothing(closed.clone()));
        self.stop_accepting();
        self.clear_timers();
        self.lifecycle = Lifecycle::Closed(closed.clone());
        // What is in a store waits for the user to connect again.
        if !self.has_store() {
            self.resolve_all();
        }
        self.set_state(State::Closed(closed));
    }

    /// From here on `send` gives messages back for good, which those who wait for room have to hear.
    pub(super) fn stop_accepting(&mut self) {
        self.accepting = false;
        if self.outbox.take_wanted() {
            self.outputs.push(Output::Room);
        }
    }

    /// Starts the closing handshake once everything that is to be flushed is. Without a connection there is no reason
    /// to wait for one any more.
    pub(super) fn advance_flush(&mut self, now: Moment) {
        let ready = match (&self.lifecycle, self.intent) {
            (Lifecycle::Open(_), Intent::Leave { .. } | Intent::Close { .. }) => {
                if self.outbox.is_flushed(self.flush_limit()) && self.may_take_leave(now) {
                    self.start_closing(now);
                }
                return;
            }
            (Lifecycle::Waiting(_) | Lifecycle::Opening(_), Intent::Close { .. }) => self.outbox.is_empty(),
            (Lifecycle::Closed(_), Intent::Close { .. }) => true,
            _ => false,
        };
        if ready && !self.store_is_behind() {
            self.run_out(now);
        }
    }

    pub(super) fn start_closing(&mut self, now: Moment) {
        if let Lifecycle::Open(connection) = &self.lifecycle {
            let attempt = connection.attempt;
            if let Intent::Close { .. } = self.intent {
                self.say_bye();
            }
            self.outputs.push(Output::Close(attempt, CloseCode::NORMAL, ""));
            self.end_connection(now, Cause::ByUser, false);
        }
    }

    /// The time for closing is over, or there is nothing worth it.
    pub(super) fn run_out(&mut self, now: Moment) {
        if let Some(attempt) = self.lifecycle.attempt() {
            self.outputs.push(Output::Abort(attempt));
            self.part(now, &Cause::ByUser);
        }
        self.finish();
    }

    /// The end for good.
    pub(super) fn finish(&mut self) {
        self.report(Next::Nothing(Closed::ByUser));
        self.drop_successor();
        self.timers.clear_all();
        self.lifecycle = Lifecycle::Finished;
        self.wants_ready = false;
        self.close_journal();
        self.resolve_all();
        if self.outbox.room_again() {
            self.outputs.push(Output::Room);
        }
        self.set_state(State::Closed(Closed::ByUser));
        self.outputs.push(Output::Finished(std::mem::take(&mut self.left)));
    }

    fn resolve_all(&mut self) {
        self.left.unacknowledged.append(&mut self.orphans);
        self.outbox.resolve_all(&mut self.left, &mut self.outputs);
    }
}
