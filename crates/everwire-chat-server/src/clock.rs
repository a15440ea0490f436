//! How old something is. The wall clock may jump, and what it says decides nothing that can't be undone: the history has a
//! clock of its own, and so have sign-ins, which count the time that has surely passed.

use std::fmt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A server that was stopped for no longer than this is taken to have been, however short messages are kept.
const SHORT: Duration = Duration::from_secs(60);

/// How often what has passed is stored.
const SAVE_EVERY: Duration = Duration::from_secs(60);

/// The wall clock: milliseconds since the Unix epoch.
pub(crate) fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    millis(since)
}

fn tenth(of: Duration) -> Duration {
    of.checked_div(10).unwrap_or_default()
}

/// Both clocks at one moment, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClockReading {
    pub(crate) own: i64,
    pub(crate) wall: i64,
}

/// A clock of one's own: in step with the wall clock until that jumps.
#[derive(Debug)]
pub(crate) struct Clock {
    own: i64,
    at: Instant,
    saved: Instant,
}

impl Clock {
    /// Goes on from where it was saved. Meanwhile the server was stopped, or the wall clock has jumped, and nothing tells which:
    /// a tenth of the time for which something is kept is believed, so that nothing goes much too early. Also how many days are
    /// not believed.
    pub(crate) fn resume(
        saved: Option<ClockReading>,
        wall: i64,
        kept_for: Option<Duration>,
        now: Instant,
    ) -> (Self, Option<i64>) {
        let (own, left_out) = match saved {
            None => (wall, None),
            Some(saved) => {
                let passed = wall.saturating_sub(saved.wall).max(0);
                let believed = kept_for.map_or(i64::MAX, |kept_for| millis(tenth(kept_for).max(SHORT)));
                if passed <= believed {
                    (saved.own.saturating_add(passed), None)
                } else {
                    (saved.own, Some(passed / 86_400_000))
                }
            }
        };
        (Self { own, at: now, saved: now }, left_out)
    }

    pub(crate) fn now(&self, now: Instant) -> i64 {
        self.own.saturating_add(millis(now.saturating_duration_since(self.at)))
    }

    /// Whether it is time to store where it stands; then it is taken to be done.
    pub(crate) fn is_save_due(&mut self, now: Instant) -> bool {
        let due = now.saturating_duration_since(self.saved) >= SAVE_EVERY;
        if due {
            self.saved = now;
        }
        due
    }
}

impl ClockReading {
    /// As it is stored.
    pub(crate) fn parse(stored: &str) -> Option<Self> {
        let (own, wall) = stored.split_once(' ')?;
        Some(Self { own: own.parse().ok()?, wall: wall.parse().ok()? })
    }
}

impl fmt::Display for ClockReading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.own, self.wall)
    }
}

pub(crate) fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;
    const SAVED: ClockReading = ClockReading { own: 1000 * DAY, wall: 1000 * DAY };

    fn resumed(wall: i64, kept_days: u32) -> i64 {
        let now = Instant::now();
        let kept_for = Duration::from_secs(86_400) * kept_days;
        Clock::resume(Some(SAVED), wall, Some(kept_for), now).0.now(now)
    }

    #[test]
    fn a_short_stop_counts_and_a_leap_of_the_wall_clock_does_not() {
        assert_eq!(resumed(1003 * DAY, 90), 1003 * DAY);
        assert_eq!(resumed(1400 * DAY, 90), 1000 * DAY, "400 days ahead");
        assert_eq!(resumed(500 * DAY, 90), 1000 * DAY, "back");
        assert_eq!(resumed(1001 * DAY, 1), 1000 * DAY, "all that is kept for a day would go");
        assert_eq!(resumed(SAVED.wall + 3000, 0), SAVED.own + 3000, "seconds are never in doubt");
    }

    #[test]
    fn a_reading_is_read_as_it_was_stored() {
        assert_eq!(ClockReading::parse(&SAVED.to_string()), Some(SAVED));
        assert_eq!(ClockReading::parse("7"), None);
    }

    #[test]
    fn while_the_server_runs_the_wall_clock_is_not_asked() {
        let began = Instant::now();
        let (mut clock, _) = Clock::resume(None, 7, None, began);
        let later = began + Duration::from_secs(61);
        assert_eq!((clock.now(began), clock.now(later)), (7, 61_007));
        assert!(clock.is_save_due(later) && !clock.is_save_due(later));
    }
}
