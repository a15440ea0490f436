//! How fast messages go out: a token bucket.

use std::time::Duration;

use crate::{ConfigError, Moment, config::error::check_count, moment::nanos};

/// A limit on how fast messages go out, for a server that closes connections which send faster than it allows.
///
/// It is a token bucket of `burst` messages that refills at `per_second`: after a pause `burst` messages go out at
/// once, and from then on `per_second` on average. Messages that may not go out yet wait in the outbox, where its
/// bounds, priorities and times to live apply. The bucket keeps its level over connections, since many servers count
/// for each client and not for each connection.
///
/// Each frame is one message: those of the outbox, volatile ones, batches, and those that a hook sends before them.
/// Pings, pongs and a session's own frames (hello, acknowledgements) are neither delayed nor counted. Texts that take
/// the place of pings are counted but not delayed: the next message waits instead.
///
/// A server that counts in windows ("20 in 10 s") sees up to `burst` messages more than `per_second` for each second of the
/// window, and delays on the way can move messages closer together: choose a rate some 10 % below the server's and a small
/// burst.
///
/// ```
/// use everwire_core::{Config, SendRate};
///
/// let mut config = Config::default();
/// config.send_rate = Some(SendRate::per_second(4.5).burst(3));
/// assert!(config.check().is_ok());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct SendRate {
    /// Messages a second on average, from 0.001 to 1,000,000. Too low: closing reaches its deadline with messages left.
    /// Too high: the server closes connections.
    pub per_second: f64,
    /// Messages that may go out at once after a pause, at least 1.
    pub burst: u32,
    /// `true` if pings count, as they must where texts take their place. They are never delayed: a ping that finds the
    /// bucket empty takes the next token, at most one ahead. Default false.
    pub pings_count: bool,
}

impl SendRate {
    /// A rate of this many messages a second, evenly spaced (a burst of 1).
    #[must_use]
    pub const fn per_second(per_second: f64) -> Self {
        Self { per_second, burst: 1, pings_count: false }
    }

    /// Sets how many messages may go out at once after a pause.
    #[must_use]
    pub const fn burst(self, burst: u32) -> Self {
        Self { burst, ..self }
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if !(0.001..=1_000_000.0).contains(&self.per_second) {
            let problem = "out of range: it must be from 0.001 to 1,000,000 messages a second";
            return Err(ConfigError::new("send_rate.per_second", problem));
        }
        check_count("send_rate.burst", self.burst as usize)
    }
}

/// How much of a rate is used up.
#[derive(Debug)]
pub(crate) struct TokenBucket {
    /// One token comes so often.
    interval: Duration,
    /// How long it takes to fill.
    capacity: Duration,
    /// When it is full again, if no more is taken out.
    full_at: Moment,
    pings_count: bool,
}

impl TokenBucket {
    /// A full one.
    pub(crate) fn new(rate: SendRate) -> Self {
        // Rounded up, so that the rate is never exceeded. It is checked: from 1 µs to 1,000 s.
        let interval = Duration::from_nanos((1e9 / rate.per_second).ceil() as u64);
        let (capacity, pings_count) = (interval.saturating_mul(rate.burst), rate.pings_count);
        Self { interval, capacity, full_at: Moment::ZERO, pings_count }
    }

    /// Tokens that are there.
    pub(crate) fn available(&self, now: Moment) -> usize {
        let level = self.capacity.saturating_sub(self.full_at.since(now));
        usize::try_from(nanos(level) / nanos(self.interval).max(1)).unwrap_or(usize::MAX)
    }

    /// When there will be one, if none is there now.
    pub(crate) fn next_at(&self) -> Moment {
        let empty_at = self.full_at.since(Moment::ZERO + self.capacity);
        Moment::ZERO + empty_at + self.interval
    }

    /// A ping goes out that may count. No more than one token is owed: a rate that is lower than that of the pings must
    /// not keep all messages back for ever.
    pub(crate) fn ping(&mut self, now: Moment) {
        if self.pings_count {
            let owed = now + self.capacity.saturating_add(self.interval);
            self.full_at = (self.full_at.max(now) + self.interval).min(owed).max(self.full_at);
        }
    }

    /// Takes out as many as are there, at most.
    pub(crate) fn take(&mut self, now: Moment, tokens: usize) {
        let tokens = u32::try_from(tokens.min(self.available(now))).unwrap_or(u32::MAX);
        self.full_at = self.full_at.max(now) + self.interval.saturating_mul(tokens);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Moment {
        Moment::from_nanos(milliseconds * 1_000_000)
    }

    #[test]
    fn pings_that_count_are_taken_out_of_an_empty_bucket_too_one_at_a_time() {
        let mut rate = SendRate::per_second(10.0).burst(2);
        let mut uncounted = TokenBucket::new(rate);
        uncounted.ping(at(0));
        assert_eq!(uncounted.available(at(0)), 2);
        rate.pings_count = true;
        let mut bucket = TokenBucket::new(rate);
        bucket.ping(at(0));
        assert_eq!(bucket.available(at(0)), 1);
        bucket.take(at(0), 1);
        for _ in 0..5 {
            bucket.ping(at(0));
        }
        assert_eq!((bucket.available(at(0)), bucket.next_at()), (0, at(200)));
        assert_eq!((bucket.available(at(199)), bucket.available(at(200))), (0, 1));
    }

    #[test]
    fn a_bucket_is_full_at_first_and_refills_at_its_rate() {
        let mut bucket = TokenBucket::new(SendRate::per_second(10.0).burst(3));
        assert_eq!(bucket.available(at(0)), 3);
        bucket.take(at(0), 3);
        assert_eq!(bucket.available(at(0)), 0);
        assert_eq!(bucket.next_at(), at(100));
        assert_eq!(bucket.available(at(99)), 0);
        assert_eq!(bucket.available(at(100)), 1);
        assert_eq!(bucket.available(at(299)), 2);
        assert_eq!(bucket.available(at(100_000)), 3, "no more than a burst is saved up");
    }

    #[test]
    fn half_a_token_is_kept_until_it_is_a_whole_one() {
        let mut bucket = TokenBucket::new(SendRate::per_second(10.0));
        bucket.take(at(1000), 1);
        assert_eq!(bucket.available(at(1050)), 0);
        bucket.take(at(1050), 1);
        assert_eq!(bucket.next_at(), at(1100), "nothing was there to be taken");
        bucket.take(at(1150), 1);
        assert_eq!(bucket.next_at(), at(1250));
    }

    #[test]
    fn a_rate_that_no_clock_divides_evenly_is_never_exceeded() {
        for per_second in [0.001, 0.3, 3.0, 7.0, 999_999.0, 1_000_000.0] {
            let mut bucket = TokenBucket::new(SendRate::per_second(per_second));
            let (mut now, mut sent) = (at(0), 0);
            for _ in 0..1000 {
                bucket.take(now, 1);
                sent += 1;
                now = bucket.next_at();
            }
            let allowed = now.since(at(0)).as_secs_f64() * per_second;
            assert!(f64::from(sent) <= allowed * (1.0 + 1e-12), "{sent} of {allowed} at {per_second}");
        }
    }

    #[test]
    fn settings_that_make_no_sense_are_named() {
        let problem = |rate: SendRate| rate.check().map_err(|error| error.setting);
        for per_second in [0.0, -1.0, 0.000_9, 1_000_001.0, f64::NAN, f64::INFINITY] {
            assert_eq!(problem(SendRate::per_second(per_second)), Err("send_rate.per_second"), "{per_second}");
        }
        assert_eq!(problem(SendRate::per_second(1.0).burst(0)), Err("send_rate.burst"));
        assert_eq!(problem(SendRate::per_second(0.001).burst(u32::MAX)), Ok(()));
    }
}
