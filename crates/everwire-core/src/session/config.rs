use std::time::Duration;

use super::body::Limits;
use crate::{
    ConfigError, HeartbeatConfig, OutboxConfig,
    config::error::{check_count, check_duration},
};

/// The choice whether a client insists on a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum SessionMode {
    /// A server that does not speak `everwire.v1` is refused.
    #[default]
    Require,
    /// With such a server the connection is plain, and the [`Guarantee`](crate::Guarantee) says what is known.
    ///
    /// Some servers echo any subprotocol that is offered, or refuse those that they don't know. So if there has never
    /// been a session, and the server refuses the request with 400, 403 or 406, or chooses `everwire.v1` but does not
    /// answer the hello with a welcome within the time for opening, the client connects again at once without the
    /// offer. From then on it offers no session.
    Prefer,
}

/// A client's settings for sessions.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionConfig {
    /// The choice whether a plain connection is acceptable. Default [`SessionMode::Require`].
    pub mode: SessionMode,
    /// The limits of the server's messages that the client holds before it acknowledges them.
    pub limits: Limits,
    /// The longest time that an acknowledgement waits for further messages to acknowledge. Default 25 ms. It does not
    /// wait when everything received has been processed.
    ///
    /// Too short: a frame for every message. Too long: outcomes arrive that much later, and the peer's outbox fills.
    pub ack_delay: Duration,
    /// The number of messages for which an acknowledgement does not wait any longer. Default 256.
    ///
    /// Too small: an acknowledgement frame for every few messages. Too large: the peer keeps more messages, and sends
    /// more again after a loss.
    pub ack_every: u32,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            mode: SessionMode::Require,
            limits: Limits::default(),
            ack_delay: Duration::from_millis(25),
            ack_every: 256,
        }
    }
}

impl SessionConfig {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        check_limits(&self.limits)?;
        check_count("session.ack_every", self.ack_every as usize)
    }
}

/// A server's settings for sessions.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerConfig {
    /// The time for which a session without a connection is kept. Default 2 min. It bounds what a client that never
    /// comes back costs, and how long an outage may last without losing the session.
    ///
    /// Too short: a tunnel or a lift ends the session, and the client has to start a new one. Too long: clients that
    /// never come back hold memory for that long.
    pub resume_within: Duration,
    /// The limits of a client's messages that the server holds before it acknowledges them.
    pub limits: Limits,
    /// The bounds of the messages for one client without an outcome, with a connection or without. Default: 8,192
    /// messages and 4 MiB; beyond that `send` gives messages back. There is no [`max_age`](OutboxConfig::max_age): only
    /// messages with a [time to live](crate::SendOptions::ttl) of their own expire.
    ///
    /// Too small: sending to a client that is away is refused soon. Too large: clients that are away cost that much
    /// each, up to [`RegistryConfig::max_detached_bytes`](super::RegistryConfig::max_detached_bytes) together.
    pub outbox: OutboxConfig,
    /// See [`SessionConfig::ack_delay`]. Default 25 ms.
    ///
    /// Too short or too long: as there.
    pub ack_delay: Duration,
    /// See [`SessionConfig::ack_every`]. Default 256.
    ///
    /// Too small or too large: as there.
    pub ack_every: u32,
    /// The settings of the heartbeat, which keeps connections alive and finds dead clients. Its interval is 30 s by
    /// default, longer than a client's 25 s: the client pings first then, and the server need not.
    pub heartbeat: HeartbeatConfig,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            resume_within: Duration::from_secs(120),
            limits: Limits::default(),
            outbox: OutboxConfig { max_messages: 8192, max_bytes: 4 << 20, ..OutboxConfig::default() },
            ack_delay: Duration::from_millis(25),
            ack_every: 256,
            heartbeat: HeartbeatConfig { interval: Some(Duration::from_secs(30)), ..HeartbeatConfig::default() },
        }
    }
}

impl ServerConfig {
    /// Checks all settings.
    ///
    /// # Errors
    /// The first value that is not valid: it names the setting and says what is allowed.
    pub fn check(&self) -> Result<(), ConfigError> {
        check_duration("session.resume_within", self.resume_within)?;
        check_limits(&self.limits)?;
        check_count("session.ack_every", self.ack_every as usize)?;
        self.outbox.check()?;
        self.heartbeat.check()
    }
}

fn check_limits(limits: &Limits) -> Result<(), ConfigError> {
    check_count("session.limits.messages", limits.messages as usize)?;
    check_count("session.limits.bytes", usize::try_from(limits.bytes).unwrap_or(usize::MAX))?;
    check_count("session.limits.message_bytes", usize::try_from(limits.message_bytes).unwrap_or(usize::MAX))
}
