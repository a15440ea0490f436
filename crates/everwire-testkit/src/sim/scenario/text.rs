use std::fmt;

use super::{Raw, Scenario};
use crate::faults::{Schedule, ScheduleError};

/// The reason why a text is no scenario.
#[derive(Debug)]
#[non_exhaustive]
pub enum ScenarioError {
    /// The text is not TOML, or has keys or values that a scenario does not.
    Text(toml::de::Error),
    /// The network's schedule is not one.
    Network(ScheduleError),
}

impl Scenario {
    /// Reads a scenario as [`to_text`](Self::to_text) writes it: TOML, with the network's schedule as a text in it. What
    /// is left out has its default.
    ///
    /// # Errors
    /// With the line of what is wrong.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let raw: Raw = toml::from_str(text).map_err(ScenarioError::Text)?;
        let network = if raw.network.is_empty() {
            Schedule::default()
        } else {
            Schedule::parse(&raw.network).map_err(ScenarioError::Network)?
        };
        Ok(Self {
            name: raw.name,
            seed: raw.seed,
            session: raw.session,
            clients: raw.clients,
            client: raw.client,
            server: raw.server,
            script: raw.script,
            network,
            steps: raw.step,
            calm_at: raw.calm_at,
            mutant: raw.mutant,
        })
    }

    /// The scenario as a text that can be kept.
    pub fn to_text(&self) -> String {
        let raw = Raw {
            name: self.name.clone(),
            seed: self.seed,
            session: self.session,
            clients: self.clients,
            calm_at: self.calm_at,
            mutant: self.mutant,
            network: if self.network == Schedule::default() { String::new() } else { self.network.to_toml() },
            client: self.client.clone(),
            server: self.server.clone(),
            script: self.script.clone(),
            step: self.steps.clone(),
        };
        toml::to_string_pretty(&raw).unwrap_or_else(|error| format!("# {error}\n{self:#?}"))
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(error) => write!(f, "not a scenario: {}", error.message()),
            Self::Network(_) => f.write_str("the scenario's network is not a schedule"),
        }
    }
}

impl std::error::Error for ScenarioError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Text(error) => Some(error),
            Self::Network(error) => Some(error),
        }
    }
}
