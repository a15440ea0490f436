//! Rates: token buckets in terms of a clock that is an argument.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

/// A rate limit: `burst` at once, and `per_second` in the long run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// At once, after a pause.
    pub burst: f64,
    /// In the long run.
    pub per_second: f64,
}

impl Rate {
    /// Allows `burst` at once, and `per_second` each second in the long run.
    #[must_use]
    pub const fn new(burst: f64, per_second: f64) -> Self {
        Self { burst, per_second }
    }

    /// What is waited for: a burst, or what comes in a minute.
    const fn most_owed(self) -> f64 {
        (60.0 * self.per_second).max(self.burst).max(1.0)
    }
}

/// A bucket for each of many: bounded in number, since those that are full again are forgotten, and the fullest where there
/// is no more room.
#[derive(Debug)]
pub(crate) struct RateLimiter<K> {
    rate: Rate,
    buckets: HashMap<K, Bucket>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

/// Buckets at a time. Where others come on top, the fullest make room: they have the least to forget.
const MOST: usize = 100_000;

impl<K: Eq + Hash> RateLimiter<K> {
    pub(crate) fn new(rate: Rate) -> Self {
        Self { rate, buckets: HashMap::new() }
    }

    /// Takes one, or says how long it takes until there is one.
    pub(crate) fn take(&mut self, key: K, now: Instant) -> Result<(), Duration> {
        let bucket = self.filled(key, now);
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        let missing = 1.0 - bucket.tokens;
        Err(self.wait(missing))
    }

    /// Puts back one that was taken.
    pub(crate) fn put_back(&mut self, key: K, now: Instant) {
        let burst = self.rate.burst;
        let bucket = self.filled(key, now);
        bucket.tokens = (bucket.tokens + 1.0).min(burst);
    }

    /// Takes so much even if there is not as much; how long to wait before the next. `None` if too much is owed already:
    /// nothing is taken.
    pub(crate) fn owe(&mut self, key: K, amount: f64, now: Instant) -> Option<Duration> {
        let most = self.rate.most_owed();
        let bucket = self.filled(key, now);
        let left = bucket.tokens - amount;
        if left < -most {
            return None;
        }
        bucket.tokens = left;
        Some(if left < 0.0 { self.wait(-left) } else { Duration::ZERO })
    }

    /// The bucket with what has flowed into it by now.
    fn filled(&mut self, key: K, now: Instant) -> &mut Bucket {
        if self.buckets.len() >= MOST && !self.buckets.contains_key(&key) {
            self.make_room(now);
        }
        let bucket = self.buckets.entry(key).or_insert(Bucket { tokens: self.rate.burst, at: now });
        *bucket = Bucket { tokens: bucket.filled(self.rate, now), at: now };
        bucket
    }

    /// Forgets those that are full again, and of the others the fullest quarter: it is so much that the next time is far.
    fn make_room(&mut self, now: Instant) {
        let rate = self.rate;
        self.buckets.retain(|_, bucket| bucket.filled(rate, now) < rate.burst);
        let surplus = self.buckets.len().saturating_sub(MOST - MOST / 4);
        if surplus == 0 {
            return;
        }
        let mut levels: Vec<f64> = self.buckets.values().map(|bucket| bucket.filled(rate, now)).collect();
        let (_, level, _) = levels.select_nth_unstable_by(surplus - 1, |one, other| other.total_cmp(one));
        let (level, mut left) = (*level, surplus);
        self.buckets.retain(|_, bucket| {
            let goes = left > 0 && bucket.filled(rate, now) >= level;
            left -= usize::from(goes);
            !goes
        });
    }

    fn wait(&self, missing: f64) -> Duration {
        Duration::try_from_secs_f64(missing / self.rate.per_second).unwrap_or(Duration::from_secs(3600))
    }
}

impl Bucket {
    fn filled(&self, rate: Rate, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        passed.mul_add(rate.per_second, self.tokens).min(rate.burst)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, advance};

    use super::{MOST, Rate, RateLimiter};

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_let_through_then_so_many_a_second_and_each_has_a_bucket_of_its_own() {
        let mut buckets = RateLimiter::new(Rate::new(3.0, 2.0));
        let mut take = |key| buckets.take(key, Instant::now());
        assert!((0..3).all(|_| take("a").is_ok()));
        assert_eq!(take("a"), Err(Duration::from_millis(500)));
        assert!(take("b").is_ok());
        advance(Duration::from_millis(500)).await;
        assert!(take("a").is_ok() && take("a").is_err());
        advance(Duration::from_secs(60)).await;
        assert_eq!((0..9).filter(|_| take("a").is_ok()).count(), 3, "never more than a burst");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_put_back_is_there_again_and_no_more_than_a_burst() {
        let mut buckets = RateLimiter::new(Rate::new(1.0, 0.001));
        assert!(buckets.take("a", Instant::now()).is_ok() && buckets.take("a", Instant::now()).is_err());
        buckets.put_back("a", Instant::now());
        buckets.put_back("a", Instant::now());
        assert!(buckets.take("a", Instant::now()).is_ok() && buckets.take("a", Instant::now()).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn however_many_there_are_nobody_else_has_to_wait_and_the_emptiest_are_remembered() {
        let mut buckets = RateLimiter::new(Rate::new(3.0, 0.001));
        for _ in 0..3 {
            assert!(buckets.take(0, Instant::now()).is_ok());
        }
        for key in 1..=3 * MOST {
            assert!(buckets.take(key, Instant::now()).is_ok(), "{key}");
            assert!(buckets.buckets.len() <= MOST);
        }
        assert!(buckets.take(0, Instant::now()).is_err(), "its bucket is the emptiest");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_owed_is_waited_for_in_full() {
        let mut buckets = RateLimiter::new(Rate::new(2.0, 10.0));
        let mut last = None;
        for _ in 0..52 {
            last = buckets.owe("a", 1.0, Instant::now());
        }
        assert_eq!(last, Some(Duration::from_secs(5)), "50 beyond the burst");
        advance(Duration::from_secs(6)).await;
        assert_eq!(buckets.owe("a", 1.0, Instant::now()), Some(Duration::ZERO), "nothing is owed for waiting");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_owes_more_than_a_burst_or_a_minute_is_worth() {
        for (rate, most, longest) in [
            (Rate::new(100.0, 20.0), 1300, 60.0),
            (Rate::new(500.0, 5.0), 1000, 100.0),
            (Rate::new(0.5, 0.001), 1, 500.0),
        ] {
            let mut buckets = RateLimiter::new(rate);
            let waits: Vec<_> = std::iter::from_fn(|| buckets.owe("a", 1.0, Instant::now())).take(9999).collect();
            assert_eq!((waits.len(), waits.last()), (most, Some(&Duration::from_secs_f64(longest))), "{rate:?}");
            advance(Duration::from_secs_f64(1.0 / rate.per_second)).await;
            assert!(buckets.owe("a", 1.0, Instant::now()).is_some(), "one has been waited for");
            assert!(buckets.owe("a", 1.0, Instant::now()).is_none() && buckets.owe("b", 1.0, Instant::now()).is_some());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_may_owe_is_told_how_long_to_wait_and_then_goes_on() {
        let mut buckets = RateLimiter::new(Rate::new(1.0, 10.0));
        assert_eq!(buckets.owe("a", 1.0, Instant::now()), Some(Duration::ZERO));
        for _ in 0..20 {
            let wait = buckets.owe("a", 1.0, Instant::now()).unwrap();
            assert_eq!(wait, Duration::from_millis(100));
            advance(wait).await;
        }
    }
}
