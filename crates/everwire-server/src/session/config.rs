use std::time::Duration;

use everwire_core::ConfigError;
use everwire_core::session::{RegistryConfig, ServerConfig};
use everwire_ws::{Deflate, Limits};

/// Settings of all sessions of a server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionsConfig {
    /// Of each session: how long it is kept without a connection, what either end may have under way, when it is
    /// acknowledged, how a dead client is found.
    pub session: ServerConfig,
    /// Of all together: how many, and how much they may hold.
    pub registry: RegistryConfig,
    /// How long a connection may take to say hello. Default 10 s.
    pub hello_timeout: Duration,
    /// What a frame may cost. Default: the largest message of [`ServerConfig::limits`] and its header.
    pub limits: Limits,
    /// Compression, if a client offers it. Default none.
    pub compression: Option<Deflate>,
}

/// Room for what goes before a payload in the same frame.
const PREFIX: usize = 32;

impl Default for SessionsConfig {
    fn default() -> Self {
        let session = ServerConfig::default();
        let max_message = usize::try_from(session.limits.message_bytes).unwrap_or(usize::MAX).saturating_add(PREFIX);
        Self {
            session,
            registry: RegistryConfig::default(),
            hello_timeout: Duration::from_secs(10),
            limits: Limits { max_message, ..Limits::default() },
            compression: None,
        }
    }
}

impl SessionsConfig {
    /// The first contradiction or senseless value, as one clear line.
    ///
    /// # Errors
    /// Names the setting and says what is allowed.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.session.check()?;
        self.registry.check()?;
        if self.hello_timeout.is_zero() {
            return Err(ConfigError { setting: "hello_timeout", problem: "zero: it must be longer".into() });
        }
        Ok(())
    }
}
