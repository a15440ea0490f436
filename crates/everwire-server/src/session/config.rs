use std::time::Duration;

use everwire_core::ConfigError;
use everwire_core::session::{RegistryConfig, ServerConfig};
use everwire_ws::{Deflate, Limits};

/// Settings of all sessions of a server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionsConfig {
    /// Settings of each session: the time it is kept without a connection, limits, acknowledgements, the heartbeat.
    pub session: ServerConfig,
    /// Bounds on all sessions together: their number, and the bytes that they hold.
    pub registry: RegistryConfig,
    /// The time that a connection may take to send its hello, the session's first frame. Default 10 s.
    ///
    /// Too short: clients on slow networks never get a session. Too long: connections that send nothing are held for
    /// that long.
    pub hello_timeout: Duration,
    /// The limits of the frames that clients send. Default `None`: those that the largest message of
    /// [`ServerConfig::limits`] needs.
    pub limits: Option<Limits>,
    /// The settings of compression for clients that offer it. Default `None`: no compression.
    pub compression: Option<Deflate>,
    /// Messages of more bytes than this are sent in fragments of 64 KiB, between which pings, pongs and close frames
    /// pass. Default 1 MiB; `None`: every message is sent in one frame.
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
    /// Checks all settings.
    ///
    /// # Errors
    /// The first value that is not valid, or contradiction: it names the setting and says what is allowed.
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
