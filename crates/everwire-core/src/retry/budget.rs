use std::time::Duration;

use crate::{ConfigError, Moment, config::error::check_count, config::error::check_duration, moment::part};

/// A limit on retries that several clients share: a number of retries at once, and after that the same number in each
/// period, first come, first served.
///
/// It adds to each client's own delays: when the network of a process with a thousand clients comes back, they must not
/// all dial at the same moment. It is a token bucket, kept as the moment at which it would be full again, so that it
/// costs the same however many clients wait.
///
/// ```
/// use std::time::Duration;
/// use everwire_core::{Moment, retry::Budget};
///
/// let mut budget = Budget::new(2, Duration::from_secs(10))?;
/// assert_eq!(budget.reserve(Moment::ZERO), Moment::ZERO);
/// assert_eq!(budget.reserve(Moment::ZERO), Moment::ZERO);
/// assert_eq!(budget.reserve(Moment::ZERO), Moment::ZERO + Duration::from_secs(5)); // the third has to wait
/// # Ok::<(), everwire_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// From one place to the next.
    interval: Duration,
    /// How far ahead of the even pace retries may be.
    ahead: Duration,
    full_at: Moment,
}

impl Budget {
    /// A budget of `retries` at once, and then `retries` in each `per`, evenly spaced.
    ///
    /// # Errors
    /// If one of them is zero.
    pub fn new(retries: u32, per: Duration) -> Result<Self, ConfigError> {
        check_count("retry_budget.retries", retries as usize)?;
        check_duration("retry_budget.per", per)?;
        let interval = part(per, retries);
        Ok(Self { interval, ahead: per.saturating_sub(interval), full_at: Moment::ZERO })
    }

    /// Reserves the next retry, and returns the time at which it may start. A retry that is reserved and not made is
    /// used up all the same.
    pub fn reserve(&mut self, now: Moment) -> Moment {
        let full_at = self.full_at.max(now);
        self.full_at = full_at + self.interval;
        now + full_at.since(now).saturating_sub(self.ahead)
    }
}

impl Default for Budget {
    /// 50 retries at once, and then 50 a second: far above what single clients do, and below what hurts a server or a
    /// local network.
    fn default() -> Self {
        Self { interval: Duration::from_millis(20), ahead: Duration::from_millis(980), full_at: Moment::ZERO }
    }
}
