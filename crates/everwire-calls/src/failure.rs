use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Codes that the protocol itself gives ([C-9]). They begin with `calls.`; an application's own codes should not.
pub mod codes {
    /// There is no handler of this name.
    pub const UNKNOWN_NAME: &str = "calls.unknown_name";
    /// The payload is not what the handler takes.
    pub const BAD_PAYLOAD: &str = "calls.bad_payload";
    /// The reply or the item is larger than the session carries.
    pub const TOO_LARGE: &str = "calls.too_large";
    /// The handler panicked.
    pub const PANICKED: &str = "calls.panicked";
    /// The deadline passed at the callee.
    pub const DEADLINE: &str = "calls.deadline";
    /// The call has ended, and its end was not kept for the later run of the program that has found it by its key.
    pub const NOT_KEPT: &str = "calls.not_kept";
    /// Its reply or items were not taken here, and there was no more room for them ([`Config::max_unread_bytes`](crate::Config)).
    pub const UNREAD: &str = "calls.unread";
    /// So many calls run already, or calls with so many bytes. It was not started.
    pub const TOO_MANY: &str = "calls.too_many";
}

/// An error reply: what the callee's application, or the protocol for it, says instead of a result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Failure {
    /// For programs. Those of the protocol are in [`codes`].
    pub code: String,
    /// For people. Never shown to others than the caller; do not put secrets into it.
    #[serde(default)]
    pub message: String,
    /// Whatever else there is to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

impl Failure {
    /// An error with a code for programs and a message for people.
    #[must_use]
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), data: None }
    }

    /// With more that is to be said.
    #[must_use]
    pub fn with_data(mut self, data: Value) -> Self {
        self.data = Some(data);
        self
    }

    /// Returns `true` if the protocol gave it, so that the handler has not ended by itself.
    #[must_use]
    pub fn is_of_protocol(&self) -> bool {
        self.code.starts_with("calls.")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.message.is_empty() {
            true => f.write_str(&self.code),
            false => write!(f, "{} ({})", self.message, self.code),
        }
    }
}

impl std::error::Error for Failure {}
