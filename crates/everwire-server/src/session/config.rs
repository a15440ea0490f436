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
    /// The time that a connection may take to say hello. Default 10 s.
    ///
    /// Too short: clients on slow networks never get a session. Too long: connections that say nothing are held for
    /// that long.
    pub hello_timeout: Duration,
    /// The limits of what a frame may cost. Default `None`: as much as the largest message of [`ServerConfig::limits`]
    /// needs.
    pub limits: Option<Limits>,
    /// Compression, if a client offers it. Default none.
    pub compression: Option<Deflate>,
    /// Messages of more bytes go to clients in fragments of 64 KiB, between which pings, pongs and close frames pass.
    /// Default 1 MiB; `None`: none does.
    ///
    /// Too low: a header for each fragment, and work for clients that handle each one. Too high: pings wait behind a
    /// large message.
    pub fragment_above: Option<usize>,
}

/// Room for what goes before a payload in the same frame.
const PREFIX: usize = 32;

impl Default for SessionsConfig {
    fn default() -> Self {
        Self {
            session: ServerConfig::default(),
            registry: RegistryConfig::default(),
            hello_timeout: Duration::from_secs(10),
            limits: None,
            compression: None,
            fragment_above: Some(1 << 20),
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
        let (limits, largest) = (self.frames(), self.largest_frame());
        if limits.max_frame.min(limits.max_message) < largest {
            let problem = format!(
                "smaller than what clients are promised: raise max_frame and max_message to {largest} or more, or lower \
                 session.limits.message_bytes"
            );
            return Err(ConfigError { setting: "limits", problem });
        }
        Ok(())
    }

    /// What a frame may cost.
    pub(super) fn frames(&self) -> Limits {
        let (largest, default) = (self.largest_frame(), Limits::default());
        let needed = Limits { max_message: largest, max_frame: default.max_frame.max(largest), ..default };
        self.limits.unwrap_or(needed)
    }

    /// A client sends each message in one frame.
    fn largest_frame(&self) -> usize {
        usize::try_from(self.session.limits.message_bytes).unwrap_or(usize::MAX).saturating_add(PREFIX)
    }
}
