//! Which rule it is, in logs, and the dice of each.

use std::fmt;

use serde::Serialize;

use super::dice::{Dice, key};
use super::{Direction, Rule};

/// Names a rule in logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleId {
    /// Its place in the schedule, from 1.
    pub rule: usize,
    /// Its name, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its fault's name.
    pub fault: &'static str,
}

/// What dice are thrown for; each purpose has its own, so that one more rule of one kind moves nothing of another.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    Choice,
    Beginning,
    Jitter(Direction),
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{} ({name})", self.fault),
            None => write!(f, "{} (rule {})", self.fault, self.rule),
        }
    }
}

pub(super) fn rule_id(index: usize, rule: &Rule) -> RuleId {
    RuleId { rule: index + 1, name: rule.name.clone(), fault: rule.fault.name() }
}

pub(super) fn dice(seed: u64, connection: u64, index: usize, rule: &Rule, purpose: Purpose) -> Dice {
    let which = rule.name.as_deref().map_or(index as u64, key);
    let purpose = match purpose {
        Purpose::Choice => 0,
        Purpose::Beginning => 1,
        Purpose::Jitter(direction) => 2 + direction as u64,
    };
    Dice::new(seed, &[connection, which, purpose])
}
