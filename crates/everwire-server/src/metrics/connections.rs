use std::fmt;

use metrics::{Counter, Gauge, counter, gauge};

use super::names;

/// What one accept loop has put into the metrics of all.
pub(crate) struct ConnectionsMeter {
    open: Gauge,
    accepted: Counter,
    refused: Counter,
    timed_out: Counter,
}

impl Default for ConnectionsMeter {
    /// The recorder is the one that is installed now.
    fn default() -> Self {
        names::describe_connections();
        Self {
            open: gauge!(names::CONNECTIONS),
            accepted: counter!(names::ACCEPTED),
            refused: counter!(names::REFUSED),
            timed_out: counter!(names::TIMED_OUT),
        }
    }
}

impl ConnectionsMeter {
    pub(crate) fn opened(&self) {
        self.open.increment(1);
        self.accepted.increment(1);
    }

    pub(crate) fn ended(&self) {
        self.open.decrement(1);
    }

    pub(crate) fn refused(&self) {
        self.refused.increment(1);
    }

    pub(crate) fn timed_out(&self) {
        self.timed_out.increment(1);
    }
}

impl fmt::Debug for ConnectionsMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionsMeter").finish_non_exhaustive()
    }
}
