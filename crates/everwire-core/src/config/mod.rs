//! The settings of the whole machine. Each part has its own, beside its code.

pub(crate) mod error;

use crate::session::{SessionConfig, of_session::SESSIONS};

pub use self::error::ConfigError;
pub use crate::{
    batching::Batching,
    heartbeat::HeartbeatConfig,
    lifecycle::OpenConfig,
    outbox::{Guarantee, OutboxConfig, Overflow},
    retry::{AdviceOverride, CauseMatch, Jitter, OnNormalClose, RetryConfig},
    send_rate::SendRate,
};

/// Settings of the whole machine.
///
/// ```
/// use std::time::Duration;
/// use everwire_core::Config;
///
/// let mut config = Config::default();
/// config.retry.max_delay = Duration::from_secs(5);
/// assert!(config.check().is_ok());
///
/// config.retry.factor = 0.5;
/// let error = config.check().unwrap_err();
/// assert_eq!(error.to_string(), "retry.factor is out of range: it must be a number from 1 upwards");
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Config {
    /// The settings of retries: their delays and limits.
    pub retry: RetryConfig,
    /// The settings of the heartbeat, which keeps connections alive and finds dead peers.
    pub heartbeat: HeartbeatConfig,
    /// Limits on opening, probing and closing.
    pub open: OpenConfig,
    /// The bounds of the outbox, and the policy beyond them.
    pub outbox: OutboxConfig,
    /// The delivery guarantee: how far delivery is proven, and what happens to unproven messages when a connection is
    /// lost. Default [`Guarantee::AtMostOnce`].
    pub guarantee: Guarantee,
    /// Sessions that outlive connections (`everwire.v1`); `None`, the default, is for plain servers. Without the feature
    /// `session` there are none, and asking for one is refused.
    pub session: Option<SessionConfig>,
    /// Bursts of JSON texts as one frame; `None`, the default, sends each message in a frame of its own.
    pub batching: Option<Batching>,
    /// The rate at which messages are sent; `None`, the default, as fast as the connection takes them.
    pub send_rate: Option<SendRate>,
}

impl Config {
    /// Checks all settings.
    ///
    /// # Errors
    /// The first value that is not valid, or contradiction: it names the setting and says what is allowed.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.retry.check()?;
        self.heartbeat.check()?;
        self.open.check()?;
        self.outbox.check()?;
        if let Some(session) = &self.session {
            if !SESSIONS {
                let problem = "asked for, but sessions are left out of this build: turn on the feature `session`";
                return Err(ConfigError::new("session", problem));
            }
            session.check()?;
            if self.batching.is_some() {
                let problem = "set beside a session: messages of a session have a number each and are not merged";
                return Err(ConfigError::new("batching", problem));
            }
        }
        self.batching.as_ref().map_or(Ok(()), Batching::check)?;
        self.send_rate.as_ref().map_or(Ok(()), SendRate::check)
    }
}
