//! Times that may be "never".

use std::time::Duration;

use tokio::time::Instant;

/// "Never", as hyper and tokio understand it: about 30 years. Adding more to a time is an overflow somewhere.
pub(crate) const NEVER: Duration = Duration::from_secs(30 * 365 * 86_400);

/// The instant `pause` after `time`. If that is beyond the clock's range, as with `Duration::MAX`, which means never,
/// it is some 30 years later.
#[must_use]
pub fn after(time: Instant, pause: Duration) -> Instant {
    time.checked_add(pause.min(NEVER)).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_never_comes_is_far_and_no_overflow() {
        let now = Instant::now();
        assert_eq!(after(now, Duration::MAX), now + NEVER);
        assert_eq!(after(now, Duration::from_secs(1)), now + Duration::from_secs(1));
    }
}
