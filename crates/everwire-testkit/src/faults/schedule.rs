//! A list of rules.

use std::path::Path;
use std::time::Duration;

use super::{Profile, Rule, ScheduleError, file, profile};

/// What is to go wrong in a network. The default is an empty one: nothing does.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Schedule {
    /// Where chance comes from. Default: 0.
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

    /// A random schedule of the profile's kind, the same for the same seed.
    pub fn random(seed: u64, profile: Profile) -> Self {
        profile::draw(seed, profile)
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

    /// Reads a schedule from TOML, or from JSON if the text begins with `{`. The guide, `docs/proxy.md`, describes the
    /// keys.
    ///
    /// # Errors
    /// [`ScheduleError::Text`] with the line of what is wrong.
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        file::parse(text, None)
    }

    /// Reads a schedule from a file of TOML or JSON, at most 1 MiB.
    ///
    /// # Errors
    /// If the file can't be read, or what is wrong in it and in which line.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ScheduleError> {
        file::load(path.as_ref())
    }

    /// The schedule as [`parse`](Self::parse) reads it, in TOML.
    pub fn to_toml(&self) -> String {
        file::to_toml(self)
    }

    /// The schedule as [`parse`](Self::parse) reads it, in JSON.
    pub fn to_json(&self) -> String {
        file::to_json(self)
    }

    /// Whether every rule makes sense.
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
