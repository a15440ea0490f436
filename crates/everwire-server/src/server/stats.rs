use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::metrics::ConnectionsMeter;

/// The counters of a [`Server`](super::Server). Cloning it is cheap; all clones show the same counters.
#[derive(Clone, Debug, Default)]
pub struct Stats(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    open: AtomicU64,
    accepted: AtomicU64,
    refused: AtomicU64,
    timed_out: AtomicU64,
    meter: ConnectionsMeter,
}

impl Stats {
    /// Connections now, WebSockets included.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.0.open.load(Ordering::Relaxed)
    }

    /// Connections that were accepted, since the start.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.0.accepted.load(Ordering::Relaxed)
    }

    /// Connections that were refused because a limit was reached: in all, or for their address.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }

    /// Connections that were cut because a step of their opening took too long.
    #[must_use]
    pub fn timed_out(&self) -> u64 {
        self.0.timed_out.load(Ordering::Relaxed)
    }

    pub(super) fn opened(&self) {
        self.0.open.fetch_add(1, Ordering::Relaxed);
        self.0.accepted.fetch_add(1, Ordering::Relaxed);
        self.0.meter.opened();
    }

    pub(super) fn ended(&self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
        self.0.meter.ended();
    }

    pub(super) fn refuse(&self) {
        self.0.refused.fetch_add(1, Ordering::Relaxed);
        self.0.meter.refused();
    }

    pub(super) fn time_out(&self) {
        self.0.timed_out.fetch_add(1, Ordering::Relaxed);
        self.0.meter.timed_out();
    }
}
