use std::sync::atomic::{AtomicBool, Ordering};

use super::stats::Stats;

/// How far a connection has come.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) asked: AtomicBool,
    pub(super) upgraded: AtomicBool,
    stats: Stats,
}

impl Progress {
    pub(super) fn new(stats: Stats) -> Self {
        Self { asked: AtomicBool::new(false), upgraded: AtomicBool::new(false), stats }
    }

    pub(super) fn is_upgraded(&self) -> bool {
        self.upgraded.load(Ordering::Relaxed)
    }

    pub(super) fn time_out(&self) {
        self.stats.time_out();
    }
}
