use std::mem;
use std::sync::Arc;
use std::time::Duration;

use everwire_core::{MessageId, Moment, Outcome};
use metrics::Gauge;

use super::names::OUTCOMES;
use super::sessions::SessionsMeter;

/// Counted under a session's mutex, as plain numbers.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    sent: u64,
    ended: [u64; OUTCOMES.len()],
    /// The message that is timed until it is acknowledged.
    timed: Option<(MessageId, Moment)>,
    /// Times that nobody has fetched yet; one at a time is measured, and each turn of the session's task fetches them.
    took: Vec<Duration>,
}

impl Tally {
    /// The metrics report what a session holds, also while it has no connection that would send it.
    pub(crate) const WANTED: bool = true;

    /// What was counted since the last time. What is being timed goes on.
    pub(crate) fn fetch(&mut self) -> Self {
        let timed = self.timed;
        mem::replace(self, Self { timed, ..Self::default() })
    }

    pub(crate) fn sent(&mut self, messages: usize) {
        self.sent += messages as u64;
    }

    /// Everything up to this message is written.
    pub(crate) fn written(&mut self, last: MessageId, now: impl FnOnce() -> Moment) {
        if self.timed.is_none() {
            self.timed = Some((last, now()));
        }
    }

    /// All of `first..=last` have this outcome.
    pub(crate) fn ended(&mut self, first: MessageId, last: MessageId, outcome: Outcome, now: impl FnOnce() -> Moment) {
        if let Some(count) = self.ended.get_mut(index(outcome)) {
            *count += last.0.saturating_sub(first.0) + 1;
        }
        if let Some((timed, since)) = self.timed
            && (first..=last).contains(&timed)
        {
            self.timed = None;
            if outcome == Outcome::Acknowledged {
                self.took.push(now().since(since));
            }
        }
    }
}

/// What is looked at under a session's mutex.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Look {
    /// Messages ever given to the application.
    pub(crate) delivered: u64,
    /// Those that it has processed.
    pub(crate) processed: u64,
    /// Messages that the client has not acknowledged.
    pub(crate) held: usize,
    /// Their payload.
    pub(crate) held_bytes: usize,
}

/// One session's share in the metrics; when it is dropped, it takes back what it has put into the gauges.
pub(crate) struct SessionMeter {
    meter: Arc<SessionsMeter>,
    told: Look,
    connected: Option<bool>,
}

impl SessionMeter {
    pub(crate) fn new(meter: Arc<SessionsMeter>) -> Self {
        Self { meter, told: Look::default(), connected: None }
    }

    /// The session has a connection, or has lost it.
    pub(crate) fn connected(&mut self, connected: bool) {
        self.stand(Some(connected));
    }

    /// Tells what has changed since the last time. `look` locks the session for a moment.
    pub(crate) fn tell(&mut self, look: impl FnOnce() -> (Look, Tally)) {
        let (seen, tally) = look();
        let Self { meter, told, .. } = self;
        meter.received.increment(seen.delivered.saturating_sub(told.delivered));
        meter.sent.increment(tally.sent);
        for (counter, count) in meter.outcomes.iter().zip(tally.ended) {
            if count > 0 {
                counter.increment(count);
            }
        }
        for took in tally.took {
            meter.acknowledged.record(took);
        }
        shift(&meter.held, told.held as u64, seen.held as u64);
        shift(&meter.held_bytes, told.held_bytes as u64, seen.held_bytes as u64);
        shift(&meter.unprocessed, told.delivered - told.processed, seen.delivered.saturating_sub(seen.processed));
        self.told = Look { processed: seen.processed.min(seen.delivered), ..seen };
    }

    fn stand(&mut self, connected: Option<bool>) {
        let before = mem::replace(&mut self.connected, connected);
        let gauge = |connected| if connected { &self.meter.connected } else { &self.meter.waiting };
        if before != connected {
            before.into_iter().for_each(|before| gauge(before).decrement(1));
            connected.into_iter().for_each(|now| gauge(now).increment(1));
        }
    }
}

impl Drop for SessionMeter {
    fn drop(&mut self) {
        self.stand(None);
        let Look { delivered, .. } = self.told;
        self.tell(|| (Look { delivered, processed: delivered, held: 0, held_bytes: 0 }, Tally::default()));
    }
}

/// Moves a gauge by what has changed.
fn shift(gauge: &Gauge, then: u64, now: u64) {
    #[allow(clippy::cast_precision_loss, reason = "counts of messages and bytes stay far below 2^53")]
    let difference = now.abs_diff(then) as f64;
    if now > then {
        gauge.increment(difference);
    } else if now < then {
        gauge.decrement(difference);
    }
}

fn index(outcome: Outcome) -> usize {
    match outcome {
        Outcome::Acknowledged => 0,
        Outcome::Received => 1,
        Outcome::Expired => 2,
        Outcome::Dropped(_) => 3,
        Outcome::Rejected(_) => 4,
        Outcome::Cancelled => 5,
        Outcome::Stored => 7,
        // A word that this version does not know is no word.
        _ => 6,
    }
}
