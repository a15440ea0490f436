use std::fmt;
use std::mem;
use std::time::Duration;

use everwire_core::{Cause, Event, Input, MachineStats, Moment};

use super::handles::{Handles, Standing};
use super::names;
use super::tally::Tally;
use crate::State;
use crate::events::EventItem;
use crate::inbox::Mailbox;
use crate::shared::{Inner, Traffic};

/// One client's share in the metrics.
///
/// Counters grow by what has come since the last batch, gauges move by what has changed, so that clients with the same
/// labels add up; when a client ends, it takes back what it has put into the gauges.
pub(crate) struct Meter {
    handles: Handles,
    told: Numbers,
    seen: Numbers,
    state: Standing,
    /// When the connection was lost that has no successor yet.
    lost_at: Option<Moment>,
    now: Moment,
    store_since: Option<Moment>,
}

/// What is looked at under the mutex: plain numbers, copied.
#[derive(Clone, Debug, Default)]
struct Numbers {
    machine: MachineStats,
    traffic: Traffic,
    tally: Tally,
    inbox: usize,
    discarded: u64,
}

/// While a client connects, is disconnected or closes, or while messages wait in it, its numbers are read this often
/// even if nothing happens, so that a sender does not have to wake the driver for them.
const LOOK: Duration = Duration::from_secs(1);

impl Meter {
    /// `server` is the label of everything. The recorder is the one that is installed now.
    pub(crate) fn new(server: String) -> Self {
        names::describe();
        let handles = Handles::new(&server);
        handles.state(Standing::Closed).increment(1);
        Self {
            handles,
            told: Numbers::default(),
            seen: Numbers::default(),
            state: Standing::Closed,
            lost_at: None,
            now: Moment::ZERO,
            store_since: None,
        }
    }

    /// Takes the numbers of this moment.
    pub(crate) fn sample(&mut self, now: Moment, inner: &Inner, mailbox: &Mailbox) {
        self.now = now;
        let (inbox, discarded) = mailbox.counts();
        let (machine, traffic, tally) = (inner.machine.stats(), inner.traffic, inner.tally);
        self.seen = Numbers { machine, traffic, tally, inbox, discarded };
    }

    /// Tells what has changed since the last time. Nothing of the client's is locked meanwhile.
    pub(crate) fn tell(&mut self) {
        let Self { handles, told, seen, .. } = self;
        let (then, now) = (&told.machine, &seen.machine);
        let (before, after) = (&told.traffic, &seen.traffic);
        let reconnects = |connections: u64| connections.saturating_sub(1);
        let counters = [
            (&handles.attempts, then.attempts, now.attempts),
            (&handles.connections, then.connections, now.connections),
            (&handles.reconnects, reconnects(then.connections), reconnects(now.connections)),
            (&handles.resent, then.resent, now.resent),
            (&handles.sent, before.messages_sent, after.messages_sent),
            (&handles.received, before.messages_received, after.messages_received),
            (&handles.bytes_sent, before.bytes_sent, after.bytes_sent),
            (&handles.bytes_received, before.bytes_received, after.bytes_received),
            (&handles.discarded, told.discarded, seen.discarded),
        ];
        let outcomes = handles.ended.iter().zip(told.tally.ended.iter().zip(&seen.tally.ended));
        let outcomes = outcomes.map(|(counter, (then, now))| (counter, *then, *now));
        for (counter, then, now) in counters.into_iter().chain(outcomes) {
            if now > then {
                counter.increment(now - then);
            }
        }
        let gauges = [
            (&handles.queued, then.queued_messages, now.queued_messages),
            (&handles.queued_bytes, then.queued_bytes, now.queued_bytes),
            (&handles.in_flight, then.unproven_messages, now.unproven_messages),
            (&handles.in_flight_bytes, then.unproven_bytes, now.unproven_bytes),
            (&handles.inbox, told.inbox, seen.inbox),
        ];
        for (gauge, then, now) in gauges {
            if now > then {
                gauge.increment(exact(now - then));
            } else if now < then {
                gauge.decrement(exact(then - now));
            }
        }
        self.told = self.seen.clone();
    }

    pub(crate) fn notice(&mut self, notice: &EventItem) {
        match notice {
            EventItem::State(state) => self.stands(standing(state)),
            EventItem::Event(Event::AttemptFailed { cause: Cause::OpenFailed(failure), .. }) => {
                self.handles.failed(failure.phase).increment(1);
            }
            EventItem::Event(Event::Disconnected(post_mortem)) => {
                self.handles.disconnect(&post_mortem.cause).increment(1);
            }
            EventItem::Event(Event::RoundTrip(time)) => self.handles.round_trip.record(*time),
            EventItem::Event(Event::Session { resumed, .. }) => self.handles.session(*resumed).increment(1),
            EventItem::Event(Event::SessionLost { .. }) => self.handles.session_lost().increment(1),
            EventItem::Event(_) | EventItem::Discarded(_) | EventItem::InboxFull { .. } | EventItem::Missed(_) => {}
        }
    }

    pub(crate) fn store_works(&mut self) {
        self.store_since = Some(self.now);
    }

    /// What the store has said on what it was given.
    pub(crate) fn store_done(&mut self, now: Moment, done: &Input) {
        let took = self.store_since.take().map(|since| now.since(since));
        match (done, took) {
            (Input::Persisted(_), Some(took)) => self.handles.store_seconds.record(took),
            (Input::PersistFailed { .. }, _) => self.handles.store_failed.increment(1),
            _ => {}
        }
    }

    /// When it wants to look again, whatever happens.
    pub(crate) fn wants_to_look(&self) -> Option<Moment> {
        let machine = &self.seen.machine;
        let waiting = machine.queued_messages > 0 || machine.unproven_messages > 0;
        let quiet = match self.state {
            Standing::Closed | Standing::Connected => !waiting,
            Standing::Connecting | Standing::Disconnected | Standing::Closing => false,
        };
        (!quiet).then(|| self.now.saturating_add(LOOK))
    }

    fn stands(&mut self, standing: Standing) {
        let before = mem::replace(&mut self.state, standing);
        if before != standing {
            self.handles.state(before).decrement(1);
            self.handles.state(standing).increment(1);
        }
        match standing {
            Standing::Connected => {
                if let Some(lost_at) = self.lost_at.take() {
                    self.handles.outage.record(self.now.since(lost_at));
                }
            }
            Standing::Disconnected | Standing::Connecting if before == Standing::Connected => {
                self.lost_at = Some(self.now);
            }
            Standing::Disconnected | Standing::Connecting => {}
            Standing::Closed | Standing::Closing => self.lost_at = None,
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.seen.machine.queued_messages = 0;
        self.seen.machine.queued_bytes = 0;
        self.seen.machine.unproven_messages = 0;
        self.seen.machine.unproven_bytes = 0;
        self.seen.inbox = 0;
        self.tell();
        self.handles.state(self.state).decrement(1);
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter").field("told", &self.told).finish_non_exhaustive()
    }
}

fn standing(state: &State) -> Standing {
    match state {
        State::Closed(_) => Standing::Closed,
        State::Connecting { .. } => Standing::Connecting,
        State::Connected { .. } => Standing::Connected,
        State::Disconnected { .. } => Standing::Disconnected,
        State::Closing => Standing::Closing,
    }
}

/// Exact for anything that fits into memory by far.
fn exact(number: usize) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "counts of messages and bytes stay far below 2^53")]
    let number = number as f64;
    number
}
