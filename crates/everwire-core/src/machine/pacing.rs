//! How many messages a `take` hands out: the send rate, the pings between those of a backlog, and waits for their answers.

use super::Machine;
use crate::{Attempt, Moment, Outgoing, Output, Timer, outbox::Taken, patience::Patience, timers::Timers};

/// Pings that a backlog may have under way. Twelve of them cover its first 4,095 messages.
const BACKLOG_PINGS: usize = 12;

/// The messages that waited when the connection opened, as they go out.
///
/// A ping goes behind the first, behind the next two, the next four, and so on. If the server ends the connection for their
/// number, at least half of what it has read is proven, and the next connection starts behind that: there is progress on
/// each, and what comes twice is less than what comes once. The doubling keeps the pings few, and costs no round trip.
#[derive(Debug)]
pub(super) struct Backlog {
    /// Messages from one ping to the next.
    step: usize,
    /// Messages since the last one.
    since: usize,
}

/// Connections in a row that are lost before anything is proven on them, after which a backlog goes out in steps.
const FRUITLESS: u32 = 2;

/// What was proven before connections were lost.
///
/// A path that breaks after some bytes, or a server that takes some messages and goes, may be gone before the first pong is
/// back; with the whole backlog under way nothing would ever be proven. So after a few such connections in a row
/// no message goes out behind a ping before that is answered, or has had its time.
#[derive(Debug, Default)]
pub(super) struct Caution {
    /// Connections in a row that were lost with messages that are sent again, and none proven.
    fruitless: u32,
    /// A message was proven on this connection.
    proven: bool,
    /// The backlog of this connection goes out in steps, each once the one before is proven.
    careful: bool,
}

impl Caution {
    fn opened(&mut self, has_backlog: bool) {
        self.proven = false;
        self.careful = has_backlog && self.fruitless >= FRUITLESS;
    }

    /// Messages of this connection are proven: those behind them may go.
    pub(super) fn proven(&mut self, timers: &mut Timers) {
        self.proven = true;
        timers.clear(Timer::Proof);
    }

    /// The answer takes too long to be waited for. The rest goes out as ever.
    pub(super) fn give_up(&mut self) {
        (self.careful, self.fruitless) = (false, 0);
    }

    /// The connection is lost; `again`: with messages that are sent again.
    pub(super) fn lost(&mut self, again: bool, patience: &Patience) {
        let was_careful = std::mem::take(&mut self.careful);
        // Who answers no pings proves nothing, however few messages go before them.
        let mute = patience.answers() == Some(false) || was_careful && patience.is_unanswered();
        if mute || self.proven && !(was_careful && again) {
            self.fruitless = 0;
        } else if again && !self.proven {
            self.fruitless = self.fruitless.saturating_add(1);
        }
    }
}

impl Machine {
    /// The connection has opened: what waits is a backlog, if pings can prove that it arrives.
    pub(super) fn meet_backlog(&mut self) {
        let waits = self.outbox.queued_len() > 1 && self.outbox.has_plain_evidence();
        self.backlog = waits.then_some(Backlog { step: 1, since: 0 });
        self.caution.opened(waits);
    }

    /// The connection is over or about to be.
    pub(super) fn forget_pacing(&mut self) {
        self.backlog = None;
        self.timers.clear(Timer::SendRate);
        self.timers.clear(Timer::Proof);
    }

    /// Whether the send rate has to allow more first, or a ping to be answered: the timer of either is set.
    pub(super) fn is_held_back(&self) -> bool {
        self.timers.at(Timer::SendRate).is_some() || self.awaits_proof()
    }

    fn awaits_proof(&self) -> bool {
        self.timers.at(Timer::Proof).is_some()
    }

    /// Takes one token of the [send rate](crate::SendRate) for a message that is not in the outbox, such as a hook's.
    ///
    /// # Errors
    /// The time at which to ask again: until then the rate is used up.
    pub fn admit(&mut self, now: Moment) -> Result<(), Moment> {
        let Some(bucket) = &mut self.bucket else { return Ok(()) };
        if bucket.available(now) == 0 {
            return Err(bucket.next_at());
        }
        bucket.take(now, 1);
        Ok(())
    }

    /// Hands out as much as may go now. If the rest has to wait for anything but `encode`, that is seen to.
    pub(super) fn take_paced(
        &mut self,
        now: Moment,
        attempt: Attempt,
        encode: &mut dyn FnMut(Outgoing<'_>) -> bool,
    ) -> Taken {
        let (until, merge) = (self.until(), self.window.as_ref().map(|window| window.max_bytes()));
        if self.bucket.is_none() && self.backlog.is_none() {
            return self.outbox.take(&until, merge, &mut self.outputs, encode);
        }
        let rate = self.bucket.as_ref().map_or(usize::MAX, |bucket| bucket.available(now));
        let step = self.backlog.as_ref().map_or(usize::MAX, |backlog| backlog.step - backlog.since);
        let step = if self.awaits_proof() { 0 } else { step };
        let (most, mut count, mut held) = (rate.min(step), 0, false);
        let mut taken = if most > 0 {
            self.outbox.take(&until, merge, &mut self.outputs, &mut |outgoing| {
                held = count == most;
                let accepted = !held && encode(outgoing);
                count += usize::from(accepted);
                accepted
            })
        } else {
            held = self.outbox.has_something_to_take(&until);
            Taken::default()
        };
        taken.stopped &= !held;
        if let Some(bucket) = &mut self.bucket {
            bucket.take(now, taken.units);
            if held && taken.units == rate {
                self.timers.set(Timer::SendRate, bucket.next_at());
            }
        }
        self.ping_in_backlog(now, taken.units, !held && !taken.stopped);
        if held && taken.units < rate && !self.awaits_proof() {
            // Behind the ping there is more, at once.
            self.wants_ready = false;
            self.outputs.push(Output::Ready(attempt));
            taken.stopped = true;
        }
        taken
    }

    /// The ping that is due between the messages of a backlog; with `all` of it taken, the last one.
    fn ping_in_backlog(&mut self, now: Moment, taken: usize, all: bool) {
        let Some(backlog) = &mut self.backlog else { return };
        backlog.since += taken;
        let due = backlog.since >= backlog.step;
        if due {
            (backlog.step, backlog.since) = (backlog.step.saturating_mul(2), 0);
        }
        if all {
            self.backlog = None;
            self.caution.careful = false;
        }
        if (due || all && taken > 0) && self.outbox.wants_proof() && self.barrier.outstanding() < BACKLOG_PINGS {
            self.ping(now);
            if self.caution.careful {
                self.timers.set(Timer::Proof, now + self.open.probe_timeout);
            }
        }
    }
}
