//! Rates: token buckets in terms of a clock that is an argument.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

/// How much of something is allowed: `burst` at once, and `per_second` in the long run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// At once, after a pause.
    pub burst: f64,
    /// In the long run.
    pub per_second: f64,
}

impl Rate {
    /// So many at once, and so many a second in the long run.
    #[must_use]
    pub const fn new(burst: f64, per_second: f64) -> Self {
        Self { burst, per_second }
    }

    /// What is waited for: a burst, or what comes in a minute.
    const fn most_owed(self) -> f64 {
        (60.0 * self.per_second).max(self.burst).max(1.0)
    }
}

/// A bucket for each of many: bounded in number, since those that are full again are forgotten.
#[derive(Debug)]
pub(crate) struct Buckets<K> {
    rate: Rate,
    buckets: HashMap<K, Bucket>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

/// Buckets that are not full at a time. Who comes on top has to wait like one whose bucket is empty.
const MOST: usize = 100_000;

impl<K: Eq + Hash> Buckets<K> {
    pub(crate) fn new(rate: Rate) -> Self {
        Self { rate, buckets: HashMap::new() }
    }

    /// Takes one, or says how long it takes until there is one.
    pub(crate) fn take(&mut self, key: K, now: Instant) -> Result<(), Duration> {
        let bucket = self.filled(key, now)?;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        let missing = 1.0 - bucket.tokens;
        Err(self.wait(missing))
    }

    /// Takes so much even if there is not as much; how long to wait before the next. `None` if too much is owed already:
    /// nothing is taken.
    pub(crate) fn owe(&mut self, key: K, amount: f64, now: Instant) -> Option<Duration> {
        let most = self.rate.most_owed();
        let bucket = match self.filled(key, now) {
            Ok(bucket) => bucket,
            Err(wait) => return Some(wait),
        };
        let left = bucket.tokens - amount;
        if left < -most {
            return None;
        }
        bucket.tokens = left;
        Some(if left < 0.0 { self.wait(-left) } else { Duration::ZERO })
    }

    /// The bucket with what has flowed into it by now.
    fn filled(&mut self, key: K, now: Instant) -> Result<&mut Bucket, Duration> {
        let burst = self.rate.burst;
        if self.buckets.len() >= MOST && !self.buckets.contains_key(&key) {
            self.buckets.retain(|_, bucket| bucket.filled(self.rate, now) < burst);
            if self.buckets.len() >= MOST {
                return Err(self.wait(1.0));
            }
        }
        let bucket = self.buckets.entry(key).or_insert(Bucket { tokens: burst, at: now });
        *bucket = Bucket { tokens: bucket.filled(self.rate, now), at: now };
        Ok(bucket)
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

    use super::{Buckets, Rate};

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_let_through_then_so_many_a_second_and_each_has_a_bucket_of_its_own() {
        let mut buckets = Buckets::new(Rate::new(3.0, 2.0));
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
    async fn what_is_owed_is_waited_for_in_full() {
        let mut buckets = Buckets::new(Rate::new(2.0, 10.0));
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
            let mut buckets = Buckets::new(rate);
            let waits: Vec<_> = std::iter::from_fn(|| buckets.owe("a", 1.0, Instant::now())).take(9999).collect();
            assert_eq!((waits.len(), waits.last()), (most, Some(&Duration::from_secs_f64(longest))), "{rate:?}");
            advance(Duration::from_secs_f64(1.0 / rate.per_second)).await;
            assert!(buckets.owe("a", 1.0, Instant::now()).is_some(), "one has been waited for");
            assert!(buckets.owe("a", 1.0, Instant::now()).is_none() && buckets.owe("b", 1.0, Instant::now()).is_some());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_may_owe_is_told_how_long_to_wait_and_then_goes_on() {
        let mut buckets = Buckets::new(Rate::new(1.0, 10.0));
        assert_eq!(buckets.owe("a", 1.0, Instant::now()), Some(Duration::ZERO));
        for _ in 0..20 {
            let wait = buckets.owe("a", 1.0, Instant::now()).unwrap();
            assert_eq!(wait, Duration::from_millis(100));
            advance(wait).await;
        }
    }
}
