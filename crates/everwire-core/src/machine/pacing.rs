//! How many messages a `take` hands out: the send rate, and the pings between those of a backlog.

use super::Machine;
use crate::{Attempt, Moment, Outgoing, Output, Timer, outbox::Taken};

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

impl Machine {
    /// The connection has opened: what waits is a backlog, if pings can prove that it arrives.
    pub(super) fn meet_backlog(&mut self) {
        let waits = self.outbox.queued_len() > 1 && self.outbox.has_plain_evidence();
        self.backlog = waits.then_some(Backlog { step: 1, since: 0 });
    }

    /// The connection is over or about to be.
    pub(super) fn forget_pacing(&mut self) {
        self.backlog = None;
        self.timers.clear(Timer::SendRate);
    }

    /// Whether the send rate has to allow more first: its timer is set.
    pub(super) fn is_held_back(&self) -> bool {
        self.timers.at(Timer::SendRate).is_some()
    }

    /// Leave to send one message that is none of the outbox's on a connection of this client, such as a hook's.
    ///
    /// # Errors
    /// When to ask again: the [send rate](crate::SendRate) is used up until then.
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
        if held && taken.units < rate {
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
        }
        if (due || all && taken > 0) && self.outbox.wants_proof() && self.barrier.outstanding() < BACKLOG_PINGS {
            self.ping(now);
        }
    }
}
