use std::{fmt, time::Duration};

/// An invalid setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Its dotted name, such as `retry.factor`.
    pub setting: &'static str,
    /// The fault, and what is allowed.
    pub problem: String,
}

impl ConfigError {
    pub(crate) fn new(setting: &'static str, problem: impl Into<String>) -> Self {
        Self { setting, problem: problem.into() }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}", self.setting, self.problem)
    }
}

impl std::error::Error for ConfigError {}

pub(crate) fn check_duration(setting: &'static str, value: Duration) -> Result<(), ConfigError> {
    if value.is_zero() {
        return Err(ConfigError::new(setting, "zero: it must be longer"));
    }
    Ok(())
}

pub(crate) fn check_count(setting: &'static str, value: usize) -> Result<(), ConfigError> {
    if value == 0 {
        return Err(ConfigError::new(setting, "zero: it must be at least 1"));
    }
    Ok(())
}
