//! The clock and the alarm: tokio's, which tests can hold, or the page's.

use std::time::Duration;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use tokio::time::{Instant, Sleep, sleep};
#[cfg(target_arch = "wasm32")]
pub(crate) use web_time::Instant;

#[cfg(target_arch = "wasm32")]
pub(crate) use crate::driver::browser::{Sleep, sleep};

/// "Never", as tokio understands it: about 30 years. Adding more to a time is an overflow somewhere.
const NEVER: Duration = Duration::from_secs(30 * 365 * 86_400);

/// So long after a time. Beyond the clock's range it is far enough away to be never.
pub(crate) fn after(time: Instant, pause: Duration) -> Instant {
    time.checked_add(pause).or_else(|| time.checked_add(NEVER)).unwrap_or(time)
}

/// As users see it.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn for_users(instant: Instant) -> std::time::Instant {
    instant.into_std()
}

/// As users see it.
#[cfg(target_arch = "wasm32")]
pub(crate) fn for_users(instant: Instant) -> Instant {
    instant
}
