//! When a server that stops is to be asked again.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// A member's share of the time at most: few of them do not need all of it.
pub(crate) const EACH: Duration = Duration::from_millis(10);

/// A server's end, once it has begun.
#[derive(Debug, Default)]
pub(crate) struct Drain {
    /// When the last member is to have gone.
    over: OnceLock<Instant>,
    /// Who was told when to come back.
    told: AtomicU64,
}

impl Drain {
    pub(crate) fn is_under_way(&self) -> bool {
        self.over.get().is_some()
    }

    /// It begins, and ends at this time.
    pub(crate) fn begin(&self, over: Instant) {
        let _ = self.over.set(over);
    }

    /// How long a client that connects while the server ends should wait before it comes back. The times are at least 1 s
    /// after the end and [`EACH`] apart.
    pub(crate) fn come_back(&self) -> Option<Duration> {
        let left = self.over.get()?.saturating_duration_since(Instant::now());
        let before = EACH.saturating_mul(u32::try_from(self.told.fetch_add(1, Ordering::Relaxed)).unwrap_or(u32::MAX));
        Some(left.saturating_add(before).saturating_add(Duration::from_secs(1)))
    }
}
