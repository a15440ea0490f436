//! The end of a server, spread over a time: members go one after the other, and come back one after the other.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::clock::after;
use crate::server::Shared;

/// A member's share of the time at most: few of them do not need all of it.
const EACH: Duration = Duration::from_millis(10);

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

    /// When somebody who comes now may come back, while the server ends: behind the end, one after the other, as many a second
    /// as go.
    pub(crate) fn come_back(&self) -> Option<Duration> {
        let left = self.over.get()?.saturating_duration_since(Instant::now());
        let before = EACH.saturating_mul(u32::try_from(self.told.fetch_add(1, Ordering::Relaxed)).unwrap_or(u32::MAX));
        Some(left.saturating_add(before).saturating_add(Duration::from_secs(1)))
    }
}

/// Sends the members away with 1012, spread over this time. Each is told to come back as much later, a second behind the end at the
/// earliest: so they come back as they go. Who comes meanwhile is told when to come back. Not cancel-safe: some have gone by then.
pub(crate) async fn run(shared: &Shared, within: Duration) {
    let members = shared.rooms().connections();
    let count = u32::try_from(members.len()).unwrap_or(u32::MAX).max(1);
    let within = within.min(EACH.saturating_mul(count));
    let began = Instant::now();
    let _ = shared.drain.over.set(after(began, within));
    if within.is_zero() {
        return;
    }
    let back = within.as_secs() + u64::from(within.subsec_nanos() > 0) + 1;
    for (turn, (room, id)) in (0..).zip(members) {
        let share = within.checked_div(count).unwrap_or_default();
        tokio::time::sleep_until(after(began, share.saturating_mul(turn))).await;
        shared.rooms().send_away(&room, id, back);
    }
    tokio::time::sleep_until(after(began, within)).await;
}
