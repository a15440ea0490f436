use std::time::Duration;

use rand_xoshiro::{Xoshiro256PlusPlus, rand_core::Rng};

use super::{Jitter, RetryConfig};
use crate::{
    moment::{nanos, part},
    random::{Purpose, generator},
};

/// Delays that grow by a factor up to a cap, and their jitter.
///
/// Jitter is applied after the cap, so that clients stay apart however long they have been trying.
#[derive(Debug)]
pub struct Backoff {
    initial: Duration,
    factor: f64,
    max: Duration,
    jitter: Jitter,
    next: Duration,
    /// A delay at the cap has been spread over all of it: from then on the herd is even, and stays so.
    even: bool,
    random: Xoshiro256PlusPlus,
}

impl Backoff {
    /// Starts at the initial delay. The same seed gives the same jitter.
    pub fn new(config: &RetryConfig, seed: [u8; 32]) -> Self {
        let initial = config.initial_delay.min(config.max_delay);
        Self {
            initial,
            factor: config.factor,
            max: config.max_delay,
            jitter: config.jitter,
            next: initial,
            even: false,
            random: generator(seed, Purpose::Jitter),
        }
    }

    /// The next delay, before jitter. The one after it is longer by the factor; one that would be longer than half of
    /// the cap is the cap.
    pub fn advance(&mut self) -> Duration {
        let delay = self.next;
        let grown = delay.as_secs_f64() * self.factor;
        self.next = match Duration::try_from_secs_f64(grown) {
            Ok(grown) if grown <= delay => delay,
            Ok(grown) if grown <= part(self.max, 2) => grown,
            Ok(_) | Err(_) => self.max,
        };
        delay
    }

    /// Starts over at the initial delay.
    pub fn reset(&mut self) {
        self.next = self.initial;
        self.even = false;
    }

    /// Applies jitter to a delay, as [`Jitter`] says. The result is never longer than `delay`, and never shorter than a
    /// tenth of `delay` or of the initial delay, whichever is shorter, so that chance can't cause a storm of attempts.
    pub fn spread(&mut self, delay: Duration) -> Duration {
        let floor = match self.jitter {
            Jitter::Full if delay >= self.max && std::mem::replace(&mut self.even, true) => {
                part(delay, 10).saturating_mul(9)
            }
            Jitter::Full if delay > self.initial && delay < self.max => part(delay, 2),
            Jitter::Full => part(self.initial.min(delay), 10),
            Jitter::Equal => part(delay, 2),
            Jitter::None => return delay,
        };
        floor.saturating_add(self.uniform(delay.saturating_sub(floor)))
    }

    /// Uniform in `0..=limit`, to the nanosecond.
    fn uniform(&mut self, limit: Duration) -> Duration {
        let limit = nanos(limit);
        let drawn = ((u128::from(limit) + 1) * u128::from(self.random.next_u64())) >> 64;
        Duration::from_nanos(u64::try_from(drawn).unwrap_or(limit))
    }
}
