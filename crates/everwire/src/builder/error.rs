//! What can be wrong with the settings.

use std::error::Error;
use std::fmt;

use everwire_core::ConfigError;

use crate::store::StoreError;

/// The reason why a client could not be built. Its text is one line that says what is wrong and what is allowed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum BuildError {
    /// The URL is malformed, or has an unknown scheme or a fragment.
    Url(String),
    /// A header or a subprotocol is not valid.
    Header(String),
    /// Another setting is not valid.
    Setting(ConfigError),
    /// The URL of the proxy is not valid, here or in the environment variable that names it.
    Proxy(String),
    /// TLS can't be set up: a certificate, key or pin is malformed or does not fit, or the system has no root certificates.
    Tls(String),
    /// The store of the outbox can't be read.
    Store(StoreError),
    /// There is no tokio runtime here, which a client needs.
    NoRuntime,
    /// The operating system gives no randomness.
    NoRandomness(String),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(problem) | Self::Header(problem) | Self::Proxy(problem) => f.write_str(problem),
            Self::Setting(ConfigError { setting, problem }) => write!(f, "{setting}: {problem}"),
            Self::Tls(problem) => write!(f, "TLS can't be set up: {problem}"),
            Self::Store(error) => error.fmt(f),
            Self::NoRuntime => f.write_str(
                "no tokio runtime here: build the client inside `#[tokio::main]`, \
                 `Runtime::block_on` or a task",
            ),
            Self::NoRandomness(problem) => {
                write!(f, "the operating system gives no randomness: {problem}")
            }
        }
    }
}

impl Error for BuildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Store(error) => error.source(),
            _ => None,
        }
    }
}
