//! What the transport says.

use std::time::Duration;

use bytes::Bytes;
use everwire_ws::CloseFrame;

use super::Machine;
use crate::{
    Attempt, Cause, Event, Loss, Moment, OpenFailure, OpenFailureKind, Output, State, Timer, TransportEvent,
    heartbeat::HeartbeatConfig,
    lifecycle::{Ending, Intent, Lifecycle},
    post_mortem::Notes,
};

/// A connection over which a message was proven to arrive counts as useful after this time at the latest.
const USEFUL_AFTER_PROOF: Duration = Duration::from_secs(1);

/// For so long a stand-still of ours explains a close of the peer's: what it sent meanwhile is read at once.
const RECENT: Duration = Duration::from_secs(10);
/// A timer that is later than this when the peer's close is read tells of a stand-still.
const MISSED: Duration = Duration::from_secs(1);

impl Machine {
    pub(super) fn transport(&mut self, now: Moment, attempt: Attempt, event: TransportEvent) {
        if self.is_successor(attempt) {
            return self.successor_event(now, event);
        }
        if self.lifecycle.attempt() != Some(attempt) {
            // Whatever an abandoned attempt says is ignored, but a socket that it opened must not live on.
            if let (TransportEvent::Opened { .. }, false) = (&event, matches!(self.lifecycle, Lifecycle::Finished)) {
                self.outputs.push(Output::Abort(attempt));
            }
            return;
        }
        match event {
            TransportEvent::Reached(phase) => {
                if let Lifecycle::Opening(opening) = &mut self.lifecycle {
                    opening.reached = phase;
                }
            }
            TransportEvent::Address(tried) => {
                if let Lifecycle::Opening(_) = &self.lifecycle {
                    self.tried.note(tried);
                }
            }
            TransportEvent::Opened { subprotocol } => self.opened(now, attempt, subprotocol.as_deref()),
            TransportEvent::OpenFailed(failure) if failure.may_be_about_an_offer() => {
                self.attempt_failed_or_plain(now, failure);
            }
            TransportEvent::OpenFailed(failure) => self.attempt_failed(now, failure),
            TransportEvent::Received(messages) => match &self.lifecycle {
                Lifecycle::Opening(_) => self.greeted(now, attempt, messages),
                _ if self.lifecycle.is_receiving() => {
                    self.alive(now);
                    self.notes.received += messages.len() as u64;
                    // There was room for it: since the last connection was given up unread, our side has taken a message.
                    self.patience.reads();
                    self.expect_answer(now);
                    self.received(now, messages);
                }
                _ => {}
            },
            TransportEvent::Activity => self.alive(now),
            TransportEvent::Ping => {
                self.alive(now);
                self.heartbeat.sent(now);
            }
            TransportEvent::Pong(payload) => self.pong(now, &payload),
            TransportEvent::OwnPing(progress) => self.heartbeat.own_ping(now, progress, &mut self.timers),
            TransportEvent::Written(units) => self.outbox.written(units, &mut self.outputs),
            TransportEvent::ReadPaused => {
                self.timers.clear(Timer::Unread);
                self.pause(now);
            }
            TransportEvent::ReadStalled => {
                self.pause(now);
                if self.lifecycle.is_open()
                    && let Some(patience) = self.heartbeat.patience()
                {
                    self.timers.set(Timer::Unread, now + patience);
                }
            }
            TransportEvent::ReadResumed => {
                self.timers.clear(Timer::Unread);
                self.patience.reads();
                self.barrier.resume();
                let verdict = self.heartbeat.resume(now, &mut self.timers);
                self.apply_verdict(now, verdict);
            }
            TransportEvent::PeerClosed(frame) => self.peer_closed(now, frame),
            TransportEvent::Lost(loss) => self.lost(now, loss),
        }
    }

    /// The peer has sent something. Once it is silent the answer to a ping should be there; and however much it sends, in the
    /// time in which a silent peer is dead. Whatever ends a longer silence is first given the time to be followed by the answer.
    fn expect_answer(&mut self, now: Moment) {
        if let Some(asked_at) = self.barrier.asked_at().filter(|_| self.patience.is_unanswered()) {
            let silent = now + self.open.probe_timeout;
            let at_last = self.timers.at(Timer::Answer).zip(self.heartbeat.allowed_silence());
            let due = at_last.map_or(silent, |(due, allowed)| silent.min(due.max(asked_at + allowed)));
            self.timers.set(Timer::Answer, due);
        }
    }

    /// The peer has given a sign of life.
    fn alive(&mut self, now: Moment) {
        self.heartbeat.alive(now, &mut self.timers);
        self.judge_uptime(now);
    }

    /// Our side stops reading: neither silence nor a late pong says anything.
    fn pause(&mut self, now: Moment) {
        self.heartbeat.pause(now, &mut self.timers);
        self.barrier.pause();
    }

    fn opened(&mut self, now: Moment, attempt: Attempt, subprotocol: Option<&str>) {
        if matches!(self.lifecycle, Lifecycle::Opening(_)) && self.greet(now, attempt, subprotocol) {
            self.open_for_messages(now, attempt);
        }
    }

    pub(super) fn open_for_messages(&mut self, now: Moment, attempt: Attempt) {
        self.lifecycle = Lifecycle::Open(Self::connection(now, attempt));
        self.connections += 1;
        self.notes = Notes::default();
        // Whatever the platform says.
        self.offline = false;
        self.timers.clear(Timer::Open);
        self.timers.set(Timer::Stable, now + self.stable_after);
        self.patience.opened();
        let timeout = self.patience.timeout(self.heartbeat_config.timeout);
        let interval = self.keepalive.interval(now);
        self.heartbeat.start(now, interval, timeout, &mut self.timers);
        self.heartbeat.ask_early(self.patience.is_never_answered(), &mut self.timers);
        self.retry.opened();
        self.verdicts.clear();
        self.tell_addresses();
        self.show(State::Connected);
        let messages = self.outbox.resending();
        if messages > 0 && !self.outbox.is_numbered() {
            self.outputs.event(Event::Resending { messages });
        }
        self.wants_ready = true;
        self.meet_backlog();
        self.seek_ack(now);
    }

    /// What an opening that is over has learnt, if it had a choice.
    pub(super) fn tell_addresses(&mut self) {
        if self.tried.is_choice() {
            self.outputs.event(Event::Addresses(self.tried.list()));
        }
    }

    pub(super) fn pong(&mut self, now: Moment, payload: &Bytes) {
        if !self.lifecycle.is_receiving() {
            return;
        }
        self.alive(now);
        let Some(proof) = self.barrier.pong(now, payload) else { return };
        if self.patience.answered() {
            self.show_again();
        }
        self.heartbeat.answered();
        self.timers.clear(Timer::Answer);
        let HeartbeatConfig { interval, timeout, .. } = self.heartbeat_config;
        self.heartbeat.set_timeout(self.patience.timeout(timeout));
        if let Some(measured) = proof.measured {
            self.notes.round_trip(measured);
        }
        if let Some(round_trip) = proof.round_trip {
            self.outputs.event(Event::RoundTrip(round_trip));
        }
        if self.outbox.proven(proof.covers, &mut self.outputs) {
            let plainly = interval.map_or(timeout, |interval| interval.saturating_add(timeout));
            self.patience.proven(proof.measured.is_some_and(|time| time <= plainly));
            self.note_proof(now);
            self.caution.proven(&mut self.timers);
        }
        self.seek_proof_again(now);
    }

    /// One of our messages has arrived: the connection becomes useful sooner.
    pub(super) fn note_proof(&mut self, now: Moment) {
        let Lifecycle::Open(connection) = &mut self.lifecycle else { return };
        if connection.useful {
            return;
        }
        connection.proven = true;
        self.timers.advance(Timer::Stable, connection.opened_at + USEFUL_AFTER_PROOF.min(self.stable_after));
        self.judge_uptime(now);
    }

    /// The connection has shown that the server is there: delays and limits start over.
    fn useful(&mut self) {
        let Lifecycle::Open(connection) = &mut self.lifecycle else { return };
        connection.useful = true;
        self.timers.clear(Timer::Stable);
        self.retry.useful();
    }

    fn peer_closed(&mut self, now: Moment, frame: Option<CloseFrame>) {
        if self.lifecycle.is_open() && self.is_being_replaced() {
            // The server has closed it, as it must once it has the hello of the next connection.
            return self.quiet(now);
        }
        match &mut self.lifecycle {
            Lifecycle::Open(_) => {
                if self.may_not_mean_the_end(now) {
                    self.retry.excuse_normal_close();
                }
                let cause = self.session_cause(frame);
                self.end_connection(now, cause, true);
            }
            Lifecycle::Ending(ending) => ending.peer_closed = true,
            Lifecycle::Opening(_) => self.dismissed_unopened(now, frame),
            Lifecycle::Closed(_) | Lifecycle::Waiting(_) | Lifecycle::Finished => {}
        }
    }

    /// Whether a close with 1000 probably has another reason than that the peer wants to end.
    fn may_not_mean_the_end(&self, now: Moment) -> bool {
        // A server that wants to end a session sends a bye first.
        let in_session = self.session.as_ref().is_some_and(|session| session.is_live());
        let stood_still = self.stood_still.is_some_and(|at| now.since(at) < RECENT);
        let timer_missed = self.deadline().is_some_and(|(at, _)| now.since(at) > MISSED);
        in_session || stood_still || timer_missed || self.heartbeat.is_mute(now)
    }

    fn lost(&mut self, now: Moment, loss: Loss) {
        match &self.lifecycle {
            Lifecycle::Opening(opening) => {
                let (phase, detail) = (opening.reached, Cause::Lost(loss).to_string());
                self.attempt_failed(now, OpenFailure { phase, kind: OpenFailureKind::Io, detail });
            }
            Lifecycle::Open(_) if self.is_being_replaced() => self.on_replaced_end(now),
            Lifecycle::Open(_) => self.connection_over(now, Cause::Lost(loss)),
            Lifecycle::Ending(ending) => {
                let cause = ending.cause.clone();
                self.connection_over(now, cause);
            }
            Lifecycle::Closed(_) | Lifecycle::Waiting(_) | Lifecycle::Finished => {}
        }
    }

    /// A close frame was sent or received: from here on only the transport's end is awaited.
    pub(super) fn end_connection(&mut self, now: Moment, cause: Cause, peer_closed: bool) {
        self.judge_uptime(now);
        let Lifecycle::Open(connection) = self.lifecycle else { return };
        self.lifecycle = Lifecycle::Ending(Ending { connection, cause, peer_closed });
        self.quiet(now);
        let until = now + self.open.close_timeout;
        let until = if let Intent::Close { deadline, .. } = self.intent { until.min(deadline) } else { until };
        self.timers.set(Timer::Close, until);
        self.set_state(State::Closing);
    }

    /// A connection that has held long enough is useful if the peer has shown itself, even if a stall of ours kept the timer
    /// from saying so. One that opened, and over which nothing more than a greeting has come, is none: whatever accepts it
    /// may be a server that hangs.
    pub(super) fn judge_uptime(&mut self, now: Moment) {
        let Lifecycle::Open(connection) = &self.lifecycle else { return };
        if connection.useful {
            return;
        }
        let (held, is_shown) = match connection.proven {
            true => (USEFUL_AFTER_PROOF.min(self.stable_after), true),
            false => (self.stable_after, self.heartbeat.is_shown_alive(self.stable_after)),
        };
        if is_shown && connection.opened_at + held <= now {
            self.useful();
        }
    }

    /// Nothing more is sent on this connection, and its silence means nothing.
    pub(super) fn quiet(&mut self, now: Moment) {
        self.heartbeat.note_end(now);
        self.heartbeat.stop(&mut self.timers);
        self.timers.clear(Timer::Unread);
        self.timers.clear(Timer::Stable);
        self.timers.clear(Timer::Answer);
        self.release_batch();
        self.forget_pacing();
        self.wants_ready = false;
    }
}
