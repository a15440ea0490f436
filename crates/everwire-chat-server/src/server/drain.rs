//! The end of a server, spread over a time: members go one after the other, and come back one after the other.

use std::time::Duration;

use everwire_server::after;
use tokio::time::Instant;

use crate::drain::EACH;
use crate::state::AppState;

/// Sends the members away with 1012, spread over this time. Each is told to come back as much later, a second behind the end at the
/// earliest: so they come back as they go. Who comes meanwhile is told when to come back. Not cancel-safe: some have gone by then.
pub(crate) async fn run(state: &AppState, within: Duration) {
    let members = state.rooms().connections();
    let count = u32::try_from(members.len()).unwrap_or(u32::MAX).max(1);
    let within = within.min(EACH.saturating_mul(count));
    let began = Instant::now();
    state.drain.begin(after(began, within));
    if within.is_zero() {
        return;
    }
    let back = within.as_secs() + u64::from(within.subsec_nanos() > 0) + 1;
    for (turn, (room, id)) in (0..).zip(members) {
        let share = within.checked_div(count).unwrap_or_default();
        tokio::time::sleep_until(after(began, share.saturating_mul(turn))).await;
        state.rooms().send_away(&room, id, back);
    }
    tokio::time::sleep_until(after(began, within)).await;
}
