//! What can go wrong.

use std::fmt;

use everwire::{BuildError, CancelError, SendError};

/// Why a call was refused. Nothing was done then. One line says what happened and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A setting is wrong; trying again with the same ones is.
    Setting {
        /// The field of [`Settings`](crate::Settings), or the client's word for what it is about.
        setting: String,
        /// What is wrong with it, and what is allowed.
        problem: String,
    },
    /// The outbox has no room. Try again later, or wait by [`Client::send_wait`](crate::Client::send_wait).
    Full,
    /// The message can never be sent: the outbox holds no more than this.
    TooLarge {
        /// In bytes of payload.
        limit: u64,
    },
    /// The client has ended, and why.
    Closed {
        /// In words.
        reason: String,
    },
    /// Too many outcomes wait to be fetched: call [`Client::next_outcomes`](crate::Client::next_outcomes), or switch
    /// [`Settings::outcomes`](crate::Settings::outcomes) off.
    OutcomesUnread,
    /// A connection has been given the message already: it can't be taken back.
    Taken,
    /// There is no such message without an outcome.
    NoSuchMessage,
    /// The step is over: it was answered, or its attempt or connection has ended.
    StepOver {
        /// In words.
        reason: String,
    },
    /// The operating system gives no thread, or no randomness.
    System {
        /// In words.
        problem: String,
    },
}

impl Error {
    pub(crate) fn setting(setting: &str, problem: impl Into<String>) -> Self {
        Self::Setting { setting: setting.to_owned(), problem: problem.into() }
    }

    /// Whether the same call can succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Full | Self::OutcomesUnread | Self::System { .. } => true,
            Self::Setting { .. }
            | Self::TooLarge { .. }
            | Self::Closed { .. }
            | Self::Taken
            | Self::NoSuchMessage
            | Self::StepOver { .. } => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting { setting, problem } => write!(f, "{setting}: {problem}"),
            Self::Full => f.write_str("the outbox is full: wait for outcomes, then try again"),
            Self::TooLarge { limit } => write!(f, "the message is too large: the outbox holds {limit} bytes"),
            Self::Closed { reason } => write!(f, "the client is closed: {reason}"),
            Self::OutcomesUnread => f.write_str("too many outcomes wait to be fetched: fetch them, then try again"),
            Self::Taken => f.write_str("a connection has been given the message already"),
            Self::NoSuchMessage => f.write_str("there is no such message, or it has its outcome"),
            Self::StepOver { reason } => write!(f, "the step is over: {reason}"),
            Self::System { problem } => f.write_str(problem),
        }
    }
}

impl std::error::Error for Error {}

impl From<BuildError> for Error {
    fn from(error: BuildError) -> Self {
        let problem = error.to_string();
        match error {
            BuildError::Setting(wrong) => Self::setting(ours(wrong.setting), wrong.problem),
            BuildError::Url(_) => Self::setting("urls", problem),
            BuildError::Header(_) => Self::setting("headers", problem),
            BuildError::Proxy(_) => Self::setting("proxy", problem),
            BuildError::Tls(_) => Self::setting("tls", problem),
            BuildError::Store(_) => Self::setting("outbox_file", problem),
            _ => Self::System { problem },
        }
    }
}

/// The field of [`Settings`](crate::Settings) that becomes this setting of the client's.
fn ours(setting: &str) -> &str {
    match setting {
        "retry.initial_delay" => "retry_initial_delay_ms",
        "retry.max_delay" => "retry_max_delay_ms",
        "retry.factor" => "retry_factor",
        "retry.max_attempts" => "retry_max_attempts",
        "retry.max_elapsed" => "retry_max_elapsed_ms",
        "retry.overrides" => "retry_on and stop_on",
        "open.timeout" => "connect_timeout_ms",
        "heartbeat.interval" => "heartbeat_interval_ms",
        "heartbeat.timeout" => "heartbeat_timeout_ms",
        "outbox.max_age" => "outbox_max_age_ms",
        "send_rate.per_second" => "send_rate_per_second",
        "send_rate.burst" => "send_rate_burst",
        "session.limits.message_bytes" => "max_message_bytes",
        other => other,
    }
}

impl From<SendError> for Error {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Full(_) => Self::Full,
            SendError::TooLarge { limit, .. } => Self::TooLarge { limit: limit as u64 },
            SendError::Closed(_, closed) => Self::Closed { reason: closed.to_string() },
            other => Self::Closed { reason: other.to_string() },
        }
    }
}

impl From<CancelError> for Error {
    fn from(error: CancelError) -> Self {
        match error {
            CancelError::Taken => Self::Taken,
            _ => Self::NoSuchMessage,
        }
    }
}
