//! The clock and the alarm: tokio's, which tests can hold, or the page's.

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use tokio::time::{Instant, Sleep, sleep};
#[cfg(target_arch = "wasm32")]
pub(crate) use web_time::Instant;

#[cfg(target_arch = "wasm32")]
pub(crate) use crate::driver::browser::{Sleep, sleep};

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
