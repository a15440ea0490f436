use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The error codes of the protocol itself ([C-9]). They begin with `calls.`; an application's own codes should not.
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
    /// The call has ended, but its end was not kept for the later run of the program that has resumed it by its key.
    pub const NOT_KEPT: &str = "calls.not_kept";
    /// The application did not take the call's reply or items, and the limit on those was reached
    /// ([`Config::max_unread_bytes`](crate::Config)).
    pub const UNREAD: &str = "calls.unread";
    /// The callee's limit on running calls, or on their bytes, was reached. The call was not started; it can be tried
    /// again.
    pub const TOO_MANY: &str = "calls.too_many";
}

/// An error in place of a reply, from the callee's application or from the protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Failure {
    /// The code, for programs. Those of the protocol are in [`codes`].
    pub code: String,
    /// The message, for people. It goes to the caller: do not put secrets into it.
    #[serde(default)]
    pub message: String,
    /// Further data, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

impl Failure {
    /// An error with a code for programs and a message for people.
    #[must_use]
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), data: None }
    }

    /// Adds further data.
    #[must_use]
    pub fn with_data(mut self, data: Value) -> Self {
        self.data = Some(data);
        self
    }

    /// Returns `true` if the protocol made it, not the handler.
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
