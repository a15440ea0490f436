//! A list of rules.

use std::time::Duration;

use super::{Rule, ScheduleError};

/// A schedule of faults in a network. The default is an empty one: nothing does.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Schedule {
    /// The seed of all randomness. Default: 0.
    pub seed: u64,
    /// From this time since the network's start on no fault begins any more, so that a test can see the end of it.
    /// Default: never.
    pub until: Option<Duration>,
    /// The rules.
    pub rules: Vec<Rule>,
}

impl Schedule {
    /// An empty schedule.
    pub fn new(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// Adds a rule.
    #[must_use]
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Sets from when on no fault begins any more.
    #[must_use]
    pub fn until(mut self, until: Duration) -> Self {
        self.until = Some(until);
        self
    }

    /// Checks that every rule makes sense.
    ///
    /// # Errors
    /// [`ScheduleError::Rule`] for the first that does not.
    pub fn check(&self) -> Result<(), ScheduleError> {
        for (index, rule) in self.rules.iter().enumerate() {
            rule.check().map_err(|source| ScheduleError::Rule { number: index + 1, source })?;
        }
        Ok(())
    }
}
