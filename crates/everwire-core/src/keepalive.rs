//! How long the path leaves an idle connection alone: learned from connections that were lost while idle.

use std::time::Duration;

use crate::Moment;

/// What connections that were lost while idle have taught of a path, as data: to be shared between the clients of a process
/// that go to the same host. See [`HeartbeatConfig::adaptive`](crate::HeartbeatConfig::adaptive).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LearnedInterval {
    /// The path drops connections that have been idle for so long.
    pub idle: Duration,
    /// So a ping goes out after this silence.
    pub interval: Duration,
}

/// Learns the interval.
#[derive(Debug)]
pub(crate) struct Keepalive {
    /// As set.
    interval: Option<Duration>,
    adaptive: bool,
    /// The idle time at which the last connection was lost that was lost while idle.
    suspicion: Option<Duration>,
    learned: Option<Learned>,
}

#[derive(Clone, Copy, Debug)]
struct Learned {
    idle: Duration,
    interval: Duration,
    /// It is kept until then, and longer intervals are tried after that.
    until: Moment,
    /// A longer one than what was learned is being tried: one loss is enough to take it back.
    trying: bool,
}

/// No shorter interval is learned: below it, batteries and servers pay more than a lost connection costs.
const SHORTEST: Duration = Duration::from_secs(5);

/// The path may have changed after this time.
const KEPT_FOR: Duration = Duration::from_secs(86_400);

impl Keepalive {
    pub(crate) fn new(interval: Option<Duration>, adaptive: bool) -> Self {
        Self { interval, adaptive, suspicion: None, learned: None }
    }

    /// The interval for a connection that opens now.
    pub(crate) fn interval(&mut self, now: Moment) -> Option<Duration> {
        let set = self.interval?;
        let Some(learned) = &mut self.learned else { return Some(set) };
        if learned.until <= now {
            learned.interval = learned.interval.saturating_add(part(learned.interval, 4));
            (learned.until, learned.trying) = (now + KEPT_FOR, true);
        }
        if learned.interval >= set {
            self.learned = None;
            return Some(set);
        }
        Some(learned.interval)
    }

    /// A connection was lost that had been idle for so long, both ways. Whether that teaches another interval.
    pub(crate) fn lost_while_idle(&mut self, now: Moment, idle: Duration) -> bool {
        let Some(set) = self.interval.filter(|_| self.adaptive && idle >= SHORTEST) else { return false };
        let again = self.suspicion.replace(idle).is_some_and(|before| is_about(before, idle));
        let trying = self.learned.is_some_and(|learned| learned.trying && idle >= learned.idle);
        let interval = part(idle.saturating_mul(7), 10).max(SHORTEST);
        let shortest = self.learned.map_or(set, |learned| learned.interval);
        if !(again || trying) || interval >= shortest {
            return false;
        }
        self.suspicion = None;
        self.learned = Some(Learned { idle, interval, until: now + KEPT_FOR, trying: false });
        true
    }

    /// What is known, if something is.
    pub(crate) fn learned(&self) -> Option<LearnedInterval> {
        self.learned.map(|Learned { idle, interval, .. }| LearnedInterval { idle, interval })
    }

    /// What others have learned of the same path so long ago, unless that is older than what is known here.
    pub(crate) fn hear(&mut self, now: Moment, learned: LearnedInterval, age: Duration) {
        let LearnedInterval { idle, interval } = learned;
        let until = now + KEPT_FOR.saturating_sub(age);
        if self.adaptive && self.learned.is_none_or(|known| known.until < until) {
            self.learned = Some(Learned { idle, interval: interval.max(SHORTEST), until, trying: false });
        }
    }
}

/// Within a tenth, or a second.
fn is_about(one: Duration, other: Duration) -> bool {
    one.abs_diff(other) <= part(one.min(other), 10).max(Duration::from_secs(1))
}

/// One of so many equal parts of a time.
fn part(time: Duration, of: u32) -> Duration {
    time.checked_div(of).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn keepalive() -> Keepalive {
        Keepalive::new(Some(seconds(25)), true)
    }

    /// One that has learned that 20 s are too long.
    fn taught() -> Keepalive {
        let mut keepalive = keepalive();
        assert!(!keepalive.lost_while_idle(Moment::ZERO, seconds(20)), "once may be chance");
        assert!(keepalive.lost_while_idle(Moment::ZERO, Duration::from_millis(20_900)));
        assert_eq!(keepalive.interval(Moment::ZERO), Some(Duration::from_millis(14_630)));
        keepalive
    }

    #[test]
    fn two_losses_at_about_the_same_idle_time_teach_an_interval_below_it() {
        taught();
        let mut keepalive = keepalive();
        for idle in [20, 12, 16, 9] {
            assert!(!keepalive.lost_while_idle(Moment::ZERO, seconds(idle)), "{idle} s is another time than before");
        }
        assert_eq!(keepalive.interval(Moment::ZERO), Some(seconds(25)));
        assert_eq!(keepalive.learned(), None);
    }

    #[test]
    fn no_shorter_interval_than_5_s_is_learned_and_none_that_is_longer_than_what_is_set() {
        let mut keepalive = keepalive();
        for _ in 0..3 {
            assert!(!keepalive.lost_while_idle(Moment::ZERO, seconds(4)));
        }
        for _ in 0..3 {
            assert!(!keepalive.lost_while_idle(Moment::ZERO, seconds(60)));
        }
        keepalive.lost_while_idle(Moment::ZERO, seconds(6));
        assert!(keepalive.lost_while_idle(Moment::ZERO, seconds(6)));
        assert_eq!(keepalive.interval(Moment::ZERO), Some(seconds(5)));
    }

    #[test]
    fn after_a_day_longer_intervals_are_tried_and_one_loss_takes_them_back() {
        let mut keepalive = taught();
        let almost = Moment::ZERO + seconds(86_399);
        assert_eq!(keepalive.interval(almost), Some(Duration::from_millis(14_630)));
        let day = Moment::ZERO + seconds(86_400);
        assert_eq!(keepalive.interval(day), Some(Duration::from_micros(18_287_500)));
        assert_eq!(keepalive.interval(day), Some(Duration::from_micros(18_287_500)), "one step a day");
        assert!(keepalive.lost_while_idle(day, seconds(21)));
        assert_eq!(keepalive.interval(day), Some(Duration::from_millis(14_700)));
        let (second, third) = (day + seconds(86_400), day + seconds(2 * 86_400));
        keepalive.interval(second);
        assert_eq!(keepalive.interval(third), Some(Duration::from_micros(22_968_750)));
        assert_eq!(keepalive.interval(third + seconds(86_400)), Some(seconds(25)), "and then all is forgotten");
        assert_eq!(keepalive.learned(), None);
    }

    #[test]
    fn what_one_has_learned_the_others_know_until_they_know_better() {
        let mut other = keepalive();
        let learned = taught().learned().unwrap();
        assert_eq!(learned.idle, Duration::from_millis(20_900));
        other.hear(Moment::ZERO, learned, seconds(3600));
        assert_eq!(other.interval(Moment::ZERO), Some(Duration::from_millis(14_630)));
        let better = LearnedInterval { interval: seconds(7), ..learned };
        other.hear(Moment::ZERO, better, seconds(7200));
        assert_eq!(other.interval(Moment::ZERO), Some(Duration::from_millis(14_630)), "that is older");
        other.hear(Moment::ZERO, better, seconds(60));
        assert_eq!(other.interval(Moment::ZERO), Some(seconds(7)));
    }

    #[test]
    fn switched_off_nothing_is_learned_nor_heard() {
        for mut keepalive in [Keepalive::new(Some(seconds(25)), false), Keepalive::new(None, true)] {
            for _ in 0..3 {
                assert!(!keepalive.lost_while_idle(Moment::ZERO, seconds(20)));
            }
        }
        let mut off = Keepalive::new(Some(seconds(25)), false);
        off.hear(Moment::ZERO, taught().learned().unwrap(), seconds(0));
        assert_eq!(off.interval(Moment::ZERO), Some(seconds(25)));
    }
}
