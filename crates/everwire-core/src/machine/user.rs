//! What the user and the platform say.

use std::time::Duration;

use super::Machine;
use crate::{
    Cause, Closed, Event, Hint, Moment, Output, State, Timer,
    heartbeat::Liveness,
    lifecycle::{Intent, Lifecycle, Place},
    outbox::WallClock,
};

/// The wall clock may be set, or drift; if it is further ahead than this, the device slept.
const DRIFT: Duration = Duration::from_secs(5);

/// Hints start attempts early at most this often.
const HURRY_INTERVAL: Duration = Duration::from_secs(1);

impl Machine {
    pub(super) fn connect(&mut self, now: Moment) {
        match (&self.lifecycle, self.intent) {
            (Lifecycle::Finished, _) | (_, Intent::Close { .. }) => {}
            (Lifecycle::Closed(_), _) => {
                self.intent = Intent::Stay;
                self.accepting = true;
                self.retry.reset();
                self.start_attempt(now);
            }
            (Lifecycle::Open(_), Intent::Leave { .. }) => {
                self.intent = Intent::Stay;
                self.timers.clear(Timer::Close);
                self.set_state(State::Connected);
            }
            // If it was the peer who ended it, what it said about coming back still holds.
            (Lifecycle::Ending(ending), Intent::Leave { .. }) => {
                self.intent = if ending.cause == Cause::ByUser { Intent::Return } else { Intent::Stay };
            }
            (Lifecycle::Waiting(_) | Lifecycle::Opening(_) | Lifecycle::Open(_) | Lifecycle::Ending(_), _) => {}
        }
    }

    pub(super) fn disconnect(&mut self, now: Moment) {
        if matches!(self.intent, Intent::Close { .. } | Intent::Leave { .. }) {
            return;
        }
        match &self.lifecycle {
            Lifecycle::Closed(_) | Lifecycle::Finished => {}
            Lifecycle::Waiting(_) => self.rest(),
            Lifecycle::Opening(opening) => {
                self.outputs.push(Output::Abort(opening.attempt));
                self.rest();
            }
            Lifecycle::Open(_) => {
                self.release_batch();
                self.intent = Intent::Leave { flush: self.outbox.last_id() };
                self.timers.set(Timer::Close, now + self.open.close_timeout);
                self.set_state(State::Closing);
            }
            Lifecycle::Ending(_) => self.intent = Intent::Leave { flush: self.outbox.last_id() },
        }
    }

    pub(super) fn close(&mut self, now: Moment, deadline: Moment) {
        if matches!(self.lifecycle, Lifecycle::Finished) {
            return;
        }
        let (deadline, may_reconnect, again) = match self.intent {
            Intent::Close { deadline: earlier, may_reconnect } => (deadline.min(earlier), may_reconnect, true),
            Intent::Leave { .. } => (deadline, false, false),
            Intent::Stay | Intent::Return => (deadline, true, false),
        };
        self.intent = Intent::Close { deadline, may_reconnect };
        self.stop_accepting();
        if deadline <= now {
            return self.run_out(now);
        }
        match &self.lifecycle {
            Lifecycle::Finished => return self.finish(),
            // What is on its way into the store gets there.
            Lifecycle::Closed(_) if self.store_is_behind() => {}
            Lifecycle::Closed(_) => return self.finish(),
            Lifecycle::Waiting(_) | Lifecycle::Opening(_) if self.outbox.is_empty() && !self.store_is_behind() => {
                return self.run_out(now);
            }
            Lifecycle::Waiting(waiting) if waiting.not_before <= now && !again => self.start_attempt(now),
            Lifecycle::Waiting(waiting) if waiting.retry_at >= deadline && !self.store_is_behind() => {
                return self.finish();
            }
            Lifecycle::Waiting(_) | Lifecycle::Opening(_) => {}
            Lifecycle::Open(_) => self.release_batch(),
            // The wait for the transport's end has a timer of its own, which may only become shorter.
            Lifecycle::Ending(_) => {
                self.timers.advance(Timer::Close, deadline);
                return self.set_state(State::Closing);
            }
        }
        self.timers.set(Timer::Close, deadline);
        self.set_state(State::Closing);
    }

    pub(super) fn hint(&mut self, now: Moment, hint: Hint) {
        match hint {
            Hint::Online => {
                self.offline = false;
                self.hurry(now, Respect::Pause);
            }
            Hint::Offline => {
                let news = !std::mem::replace(&mut self.offline, true);
                self.probe(now);
                if news {
                    self.slow_down(now);
                }
            }
            Hint::NetworkChanged => {
                self.offline = false;
                self.probe(now);
                self.migrate(now);
                self.hurry(now, Respect::Pause);
            }
            Hint::Woke => {
                self.woke = Some(now);
                self.probe(now);
                self.hurry(now, Respect::Pause);
            }
            Hint::RetryNow => self.hurry(now, Respect::Nothing),
        }
    }

    /// The wall clock goes on while a device sleeps, and ours does not.
    pub(super) fn wall_clock(&mut self, now: Moment, unix_ms: u64) {
        let before = std::mem::replace(&mut self.clock, WallClock { moment: now, unix_ms });
        let slept = Duration::from_millis(unix_ms.saturating_sub(before.at(now)));
        let closed = matches!(self.lifecycle, Lifecycle::Closed(_) | Lifecycle::Finished);
        if before.is_known() && slept > DRIFT && !closed {
            self.stood_still = Some(now);
            self.outputs.event(Event::Woke { slept });
            self.hint(now, Hint::Woke);
        }
    }

    /// Starts the planned attempt early.
    fn hurry(&mut self, now: Moment, respect: Respect) {
        let Lifecycle::Waiting(waiting) = &self.lifecycle else { return };
        let paused = match respect {
            Respect::Pause => waiting.not_before > now || waiting.place == Place::Asked,
            Respect::Nothing => false,
        };
        let at = self.last_hurry.map_or(now, |last| (last + HURRY_INTERVAL).max(now));
        if paused || at >= waiting.retry_at {
            return;
        }
        self.last_hurry = Some(at);
        match respect {
            _ if at > now => self.plan_attempt(at),
            Respect::Pause => self.retry_due(now),
            Respect::Nothing => self.start_attempt(now),
        }
    }

    /// The connection was lost, and the next attempt is planned. Where that is how the platform's sleep has ended, it is made at
    /// once: a browser closes the sockets of a page that comes back only after it has said that the page does.
    pub(super) fn hurry_after_sleep(&mut self, now: Moment) {
        if self.woke.take().is_some_and(|woke| now.since(woke) < self.open.probe_timeout) {
            self.hurry(now, Respect::Pause);
        }
    }

    fn slow_down(&mut self, now: Moment) {
        let Lifecycle::Waiting(waiting) = &self.lifecycle else { return };
        if matches!(self.intent, Intent::Close { .. }) {
            return;
        }
        let at = waiting.not_before.max(now) + self.retry.slow_delay();
        if at > waiting.retry_at && waiting.place == Place::None {
            self.plan_attempt(at);
        }
    }

    fn probe(&mut self, now: Moment) {
        // A peer that is known to answer late, or never, gets the time that it gets otherwise.
        let usual = self.heartbeat_config.timeout;
        let stretched = Some(self.patience.timeout(usual)).filter(|timeout| *timeout > usual);
        let timeout = stretched.unwrap_or(self.open.probe_timeout);
        let verdict = self.heartbeat.probe(now, timeout, &mut self.timers);
        self.apply_verdict(now, verdict);
    }

    pub(super) fn apply_verdict(&mut self, now: Moment, verdict: Liveness) {
        match verdict {
            Liveness::Alive => {}
            Liveness::Probe { late_by } => {
                if let Some(late_by) = late_by {
                    self.stood_still = Some(now);
                    self.outputs.event(Event::Stalled { late_by });
                }
                self.ask(now);
            }
            Liveness::Dead { silent_for } => self.abort_connection(now, Cause::Dead { silent_for }),
        }
    }

    /// Nothing runs until the user connects again; the outbox is kept.
    pub(super) fn rest(&mut self) {
        self.clear_timers();
        self.intent = Intent::Stay;
        self.lifecycle = Lifecycle::Closed(Closed::Disconnected);
        self.set_state(State::Closed(Closed::Disconnected));
    }
}

/// What a hint may not override.
enum Respect {
    /// The pause that the server asked for.
    Pause,
    /// The user is right.
    Nothing,
}
