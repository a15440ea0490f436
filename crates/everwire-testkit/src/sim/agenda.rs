//! Virtual time, and what is due when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use everwire_core::Moment;

/// Nanoseconds since the world's start.
pub(crate) type Nanos = u64;

/// What is due. A turn of a process looks at everything that it has, so that one event too many is harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    /// The next step of the scenario.
    Step,
    /// Something happens on this connection: both ends look at it.
    Line(u32),
    /// A turn of this client.
    Client(u32),
    /// A turn of the server.
    Server,
    /// This client's process is started again.
    StartClient(u32),
    /// The server's process is started again.
    StartServer,
}

/// What is due when; what is due at the same time, in the order in which it was planned.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    now: Nanos,
    heap: BinaryHeap<Reverse<(Nanos, u64, Due)>>,
    order: u64,
}

impl Agenda {
    pub(crate) fn now(&self) -> Nanos {
        self.now
    }

    /// The same, as networks count.
    pub(crate) fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.now)
    }

    /// The same, as machines count.
    pub(crate) fn moment(&self) -> Moment {
        Moment::from_nanos(self.now)
    }

    pub(crate) fn plan(&mut self, at: Nanos, due: Due) {
        self.order += 1;
        self.heap.push(Reverse((at.max(self.now), self.order, due)));
    }

    /// Plans something for now, behind what is due now already.
    pub(crate) fn soon(&mut self, due: Due) {
        self.plan(self.now, due);
    }

    /// Goes to the next thing; if none comes by `until`, to that time.
    pub(crate) fn next(&mut self, until: Nanos) -> Option<Due> {
        if self.heap.peek().is_none_or(|Reverse((at, ..))| *at > until) {
            self.now = self.now.max(until);
            return None;
        }
        let Reverse((at, _, due)) = self.heap.pop()?;
        self.now = at;
        Some(due)
    }
}

/// A duration as nanoseconds; one that is too long for them lasts for ever.
pub(crate) fn nanos(duration: Duration) -> Nanos {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Milliseconds as nanoseconds.
pub(crate) fn millis(millis: u64) -> Nanos {
    millis.saturating_mul(1_000_000)
}
