use std::fmt;

use everwire_ws::handshake::Rejection;
use http::{Response, StatusCode};

/// A request that can't be upgraded, and what to answer: the reason stands in the response's body.
#[derive(Debug)]
pub struct UpgradeRejection {
    reason: &'static str,
    response: Box<Response<String>>,
}

impl UpgradeRejection {
    /// The server that was asked can't upgrade connections: it runs HTTP/2, or without support for upgrades.
    pub(crate) fn not_upgradable() -> Self {
        let reason = "this connection can't be upgraded";
        let mut response = Response::new(format!("{reason}\n"));
        *response.status_mut() = StatusCode::UPGRADE_REQUIRED;
        Self { reason, response: Box::new(response) }
    }

    /// What is wrong, in a few words.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.reason
    }

    /// The response to send: 400, 405 or 426, with the headers that go with it.
    #[must_use]
    pub fn into_response(self) -> Response<String> {
        *self.response
    }
}

impl From<Box<Rejection>> for UpgradeRejection {
    fn from(rejection: Box<Rejection>) -> Self {
        Self { reason: rejection.reason, response: Box::new(rejection.response) }
    }
}

impl fmt::Display for UpgradeRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason)
    }
}

impl std::error::Error for UpgradeRejection {}
