//! One rule at work in one connection.

use std::time::Duration;

use crate::faults::dice::Dice;
use crate::faults::rule_dice::{Purpose, dice, rule_id};
use crate::faults::{Direction, Directions, Fault, Rule, RuleId, When};

/// One rule at work in one connection.
#[derive(Clone, Debug)]
pub(super) struct Act {
    pub(super) id: RuleId,
    pub(super) fault: Fault,
    pub(super) direction: Directions,
    pub(super) trigger: Trigger,
    /// When it begins, once that is known.
    pub(super) begins: Option<Duration>,
    /// Its event has been told.
    pub(super) told: bool,
    counted: Directions,
    ends: Option<Duration>,
    lasting: Option<Duration>,
    /// A fault of a single byte (a cut or a corruption) has happened, or can't happen any more.
    spent: bool,
    jitter: [Dice; 2],
}

/// What it waits for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trigger {
    /// The clock alone.
    Time,
    /// This number of further bytes.
    Bytes { left: u64 },
    /// This number of further ends of messages.
    Messages { left: u64 },
}

impl Act {
    /// `None` if it is over before it begins.
    pub(super) fn new(seed: u64, connection: u64, index: usize, rule: &Rule, opened: Duration) -> Option<Self> {
        let dice = |purpose| dice(seed, connection, index, rule, purpose);
        let mut beginning = dice(Purpose::Beginning);
        let (trigger, begins) = match &rule.when {
            When::Opening => (Trigger::Time, Some(opened)),
            When::After(range) => (Trigger::Time, Some(opened.saturating_add(beginning.duration(range)))),
            When::At(at) => (Trigger::Time, Some(*at)),
            When::Bytes(range) => counting(beginning.number(range), opened, |left| Trigger::Bytes { left }),
            When::Messages(range) => counting(beginning.number(range), opened, |left| Trigger::Messages { left }),
        };
        let ends = begins.zip(rule.lasting).map(|(begins, lasting)| begins.saturating_add(lasting));
        let once = matches!(rule.fault, Fault::Cut(_) | Fault::Corrupt(_));
        if ends.is_some_and(|end| end <= opened) || once && begins.is_some_and(|begins| begins < opened) {
            return None;
        }
        Some(Self {
            id: rule_id(index, rule),
            fault: rule.fault.clone(),
            direction: rule.direction,
            trigger,
            begins: begins.map(|begins| begins.max(opened)),
            told: false,
            counted: rule.counted.unwrap_or(rule.direction),
            ends,
            lasting: rule.lasting,
            spent: false,
            jitter: Direction::ALL.map(|direction| dice(Purpose::Jitter(direction))),
        })
    }

    /// Whether bytes in this direction bring its beginning closer.
    pub(super) fn waits_for(&self, direction: Direction) -> bool {
        self.begins.is_none() && !self.spent && self.counted.contains(direction)
    }

    /// Counts bytes and messages towards the trigger; the fault begins at `at` if it is reached.
    pub(super) fn count(&mut self, bytes: u64, messages: u64, at: Duration) {
        let (left, passed) = match &mut self.trigger {
            Trigger::Time => return,
            Trigger::Bytes { left } => (left, bytes),
            Trigger::Messages { left } => (left, messages),
        };
        *left = left.saturating_sub(passed);
        if *left == 0 {
            self.begins = Some(at);
            self.ends = self.lasting.map(|lasting| at.saturating_add(lasting));
        }
    }

    /// It will never begin.
    pub(super) fn abandon(&mut self) {
        self.begins = None;
        self.spent = true;
    }

    /// Whether it shapes bytes that get the line at `start`.
    pub(super) fn shapes(&self, start: Duration, direction: Direction) -> bool {
        self.direction.contains(direction) && self.has_begun(start) && self.ends.is_none_or(|end| start < end)
    }

    /// Whether the byte that gets the line at `start` is the one to be changed.
    pub(super) fn corrupts(&self, start: Duration, direction: Direction) -> bool {
        matches!(self.fault, Fault::Corrupt(_)) && !self.spent && self.shapes(start, direction)
    }

    /// The one byte arrives at this time; what it is changed by.
    pub(super) fn spend(&mut self, at: Duration) -> Option<u8> {
        let Fault::Corrupt(xor) = self.fault else { return None };
        self.spent = true;
        self.begins = Some(at);
        Some(xor)
    }

    /// The end of the stall that `at` falls into.
    pub(super) fn stalls(&self, direction: Direction, at: Duration) -> Option<Duration> {
        if self.fault != Fault::Stall || !self.direction.contains(direction) {
            return None;
        }
        self.ends.filter(|end| self.begins.is_some_and(|begins| begins <= at) && at < *end)
    }

    /// Whether what would arrive `at` this time never does.
    pub(super) fn ends(&self, direction: Direction, at: Duration) -> bool {
        let dead = match self.fault {
            // Who does not see the end has silence.
            Fault::Cut(_) => true,
            Fault::BlackHole => self.direction.contains(direction),
            _ => false,
        };
        dead && self.has_begun(at)
    }

    /// When there is something to tell of it.
    pub(super) fn news(&self) -> Option<Duration> {
        let known = !matches!(self.fault, Fault::Corrupt(_)) || self.spent;
        self.begins.filter(|_| known && !self.told)
    }

    /// A random part of `most`.
    pub(super) fn jitter(&mut self, direction: Direction, most: Duration) -> Duration {
        if most.is_zero() {
            return Duration::ZERO;
        }
        self.jitter[direction as usize].duration(&(Duration::ZERO..=most))
    }

    fn has_begun(&self, at: Duration) -> bool {
        // What was counted has passed even if it is still under way: whatever follows is behind it.
        let counted = !matches!(self.trigger, Trigger::Time);
        self.begins.is_some_and(|begins| counted || begins <= at)
    }
}

fn counting(number: u64, opened: Duration, trigger: impl Fn(u64) -> Trigger) -> (Trigger, Option<Duration>) {
    (trigger(number), (number == 0).then_some(opened))
}
