//! How many invalid messages a client may send. Time comes in as an argument.

use std::time::Duration;

use tokio::time::Instant;

/// The period after which the count starts again: a few invalid messages now and then are no flood.
const PERIOD: Duration = Duration::from_secs(60);

/// The count of one connection.
#[derive(Debug)]
pub(super) struct InvalidMessages {
    count: usize,
    since: Instant,
}

impl InvalidMessages {
    pub(super) fn new(now: Instant) -> Self {
        Self { count: 0, since: now }
    }

    /// Counts one more, and gives the number within the period.
    pub(super) fn add(&mut self, now: Instant) -> usize {
        if now.saturating_duration_since(self.since) > PERIOD {
            (self.count, self.since) = (0, now);
        }
        self.count += 1;
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn they_are_counted_within_a_minute() {
        let now = Instant::now();
        let mut invalid = InvalidMessages::new(now);
        assert_eq!((invalid.add(now), invalid.add(now + PERIOD)), (1, 2));
        assert_eq!(invalid.add(now + PERIOD + Duration::from_millis(1)), 1);
    }
}
