//! How long the path leaves an idle connection alone: learned from connections that were lost while idle.

use std::time::Duration;

use crate::Moment;
use crate::silence::{IdleAtEnd, Silence};

/// The lesson about a path, learned from connections that were lost while idle. The clients of a process that connect
/// to the same host can share it. See [`HeartbeatConfig::adaptive`](crate::HeartbeatConfig::adaptive).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LearnedInterval {
    /// The kind of silence that the path takes for idleness.
    pub silence: Silence,
    /// The idle time after which the path drops connections.
    pub idle: Duration,
    /// The silence after which a ping therefore goes out.
    pub interval: Duration,
}

/// Learns the interval.
#[derive(Debug)]
pub(crate) struct Keepalive {
    /// As set.
    interval: Option<Duration>,
    adaptive: bool,
    /// The idle times at which the last connections were lost that were lost while idle.
    suspicion: IdleAtEnd,
    learned: Option<Learned>,
}

#[derive(Clone, Copy, Debug)]
struct Learned {
    silence: Silence,
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
        Self { interval, adaptive, suspicion: IdleAtEnd::default(), learned: None }
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

    /// A connection was lost that had been idle for so long. Whether that teaches another interval.
    pub(crate) fn lost_while_idle(&mut self, now: Moment, idle: IdleAtEnd) -> bool {
        if self.interval.is_none() || !self.adaptive {
            return false;
        }
        let IdleAtEnd { both_ways, outbound } = idle;
        let both_ways = both_ways.filter(|idle| *idle >= SHORTEST);
        let outbound = outbound.filter(|idle| *idle >= SHORTEST);
        let both_ways = both_ways.map(|idle| (Silence::BothWays, idle, again(&mut self.suspicion.both_ways, idle)));
        let outbound = outbound.map(|idle| (Silence::Outbound, idle, again(&mut self.suspicion.outbound, idle)));
        // Our own silence is never the shorter one: where it explains both losses, it is the milder lesson.
        let one_and_the_same = both_ways.zip(outbound).is_some_and(|(one, other)| is_about(one.1, other.1));
        let order = if one_and_the_same { [both_ways, outbound] } else { [outbound, both_ways] };
        order.into_iter().flatten().any(|(silence, idle, again)| self.learn(now, silence, idle, again))
    }

    fn learn(&mut self, now: Moment, silence: Silence, idle: Duration, again: bool) -> bool {
        let known = self.learned.filter(|learned| learned.trying && learned.silence == silence);
        let taken_back = known.is_some_and(|learned| idle >= learned.idle);
        let interval = part(idle.saturating_mul(7), 10).max(SHORTEST);
        let shortest = self.learned.map(|learned| learned.interval).or(self.interval);
        if !(again || taken_back) || shortest.is_none_or(|shortest| interval >= shortest) {
            return false;
        }
        self.suspicion = IdleAtEnd::default();
        self.learned = Some(Learned { silence, idle, interval, until: now + KEPT_FOR, trying: false });
        true
    }

    /// What is known, if something is.
    pub(crate) fn learned(&self) -> Option<LearnedInterval> {
        self.learned.map(|Learned { silence, idle, interval, .. }| LearnedInterval { silence, idle, interval })
    }

    /// What others have learned of the same path so long ago, unless that is older than what is known here.
    pub(crate) fn hear(&mut self, now: Moment, learned: LearnedInterval, age: Duration) {
        let LearnedInterval { silence, idle, interval } = learned;
        let until = now + KEPT_FOR.saturating_sub(age);
        if self.adaptive && self.learned.is_none_or(|known| known.until < until) {
            self.learned = Some(Learned { silence, idle, interval: interval.max(SHORTEST), until, trying: false });
        }
    }
}

/// Whether a connection was lost after about this idle time before.
fn again(before: &mut Option<Duration>, idle: Duration) -> bool {
    before.replace(idle).is_some_and(|before| is_about(before, idle))
}

/// Within a tenth, or a second.
fn is_about(one: Duration, other: Duration) -> bool {
    one.abs_diff(other) <= part(one.min(other), 10).max(Duration::from_secs(1))
}

/// The time divided by `of`.
fn part(time: Duration, of: u32) -> Duration {
    time.checked_div(of).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Nothing went either way for so long.
    const fn idle(time: Duration) -> IdleAtEnd {
        IdleAtEnd { both_ways: Some(time), outbound: Some(time) }
    }

    fn keepalive() -> Keepalive {
        Keepalive::new(Some(seconds(25)), true)
    }

    /// One that has learned that 20 s are too long.
    fn taught() -> Keepalive {
        let mut keepalive = keepalive();
        assert!(!keepalive.lost_while_idle(Moment::ZERO, idle(seconds(20))), "once may be chance");
        assert!(keepalive.lost_while_idle(Moment::ZERO, idle(Duration::from_millis(20_900))));
        assert_eq!(keepalive.interval(Moment::ZERO), Some(Duration::from_millis(14_630)));
        keepalive
    }

    #[test]
    fn two_losses_at_about_the_same_idle_time_teach_an_interval_below_it() {
        taught();
        let mut keepalive = keepalive();
        for time in [20, 12, 16, 9] {
            assert!(
                !keepalive.lost_while_idle(Moment::ZERO, idle(seconds(time))),
                "{time} s is another time than before"
            );
        }
        assert_eq!(keepalive.interval(Moment::ZERO), Some(seconds(25)));
        assert_eq!(keepalive.learned(), None);
    }

    #[test]
    fn silence_of_ours_alone_teaches_too_and_explains_more_than_silence_both_ways() {
        let mut keepalive = keepalive();
        for (both_ways, taught) in [(9, false), (2, true)] {
            let idle = IdleAtEnd { both_ways: Some(seconds(both_ways)), outbound: Some(seconds(20)) };
            assert_eq!(keepalive.lost_while_idle(Moment::ZERO, idle), taught);
        }
        let learned = LearnedInterval { silence: Silence::Outbound, idle: seconds(20), interval: seconds(14) };
        assert_eq!(keepalive.learned(), Some(learned));
        // A path that counts both directions is found out one step later.
        for (outbound, taught) in [(11, false), (14, true)] {
            let idle = IdleAtEnd { both_ways: Some(seconds(10)), outbound: Some(seconds(outbound)) };
            assert_eq!(keepalive.lost_while_idle(Moment::ZERO, idle), taught);
        }
        assert_eq!(keepalive.learned().map(|learned| learned.silence), Some(Silence::BothWays));
        assert_eq!(keepalive.interval(Moment::ZERO), Some(seconds(7)));
    }

    #[test]
    fn no_shorter_interval_than_5_s_is_learned_and_none_that_is_longer_than_what_is_set() {
        let mut keepalive = keepalive();
        for _ in 0..3 {
            assert!(!keepalive.lost_while_idle(Moment::ZERO, idle(seconds(4))));
        }
        for _ in 0..3 {
            assert!(!keepalive.lost_while_idle(Moment::ZERO, idle(seconds(60))));
        }
        keepalive.lost_while_idle(Moment::ZERO, idle(seconds(6)));
        assert!(keepalive.lost_while_idle(Moment::ZERO, idle(seconds(6))));
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
        assert!(keepalive.lost_while_idle(day, idle(seconds(21))));
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
                assert!(!keepalive.lost_while_idle(Moment::ZERO, idle(seconds(20))));
            }
        }
        let mut off = Keepalive::new(Some(seconds(25)), false);
        off.hear(Moment::ZERO, taught().learned().unwrap(), seconds(0));
        assert_eq!(off.interval(Moment::ZERO), Some(seconds(25)));
    }
}
