use std::borrow::Cow;
use std::fmt;

use everwire_ws::handshake::Rejection;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};

/// The refusal of a request that can't be upgraded, with the response to send: its body has the reason.
#[derive(Debug)]
pub struct UpgradeRejection {
    reason: Cow<'static, str>,
    response: Box<Response<String>>,
}

impl UpgradeRejection {
    /// The server that was asked can't upgrade connections: it runs HTTP/2, or without support for upgrades.
    pub(crate) fn not_upgradable() -> Self {
        Self::new(StatusCode::UPGRADE_REQUIRED, "this connection can't be upgraded")
    }

    /// A page of this origin may not connect.
    pub(crate) fn foreign_origin(problem: String) -> Self {
        Self::new(StatusCode::FORBIDDEN, problem)
    }

    /// None of the subprotocols that are spoken here was offered.
    pub(crate) fn no_subprotocol(ours: &[String]) -> Self {
        let spoken = ours.join(", ");
        Self::new(StatusCode::BAD_REQUEST, format!("a subprotocol is required: offer one of {spoken}"))
    }

    fn new(status: StatusCode, reason: impl Into<Cow<'static, str>>) -> Self {
        let reason = reason.into();
        let mut response = Response::new(format!("{reason}\n"));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        Self { reason, response: Box::new(response) }
    }

    /// The fault, in one line.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// 400, 403, 405 or 426.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// The response to send, with the headers that go with its status.
    #[must_use]
    pub fn into_response(self) -> Response<String> {
        *self.response
    }
}

impl From<Box<Rejection>> for UpgradeRejection {
    fn from(rejection: Box<Rejection>) -> Self {
        Self { reason: rejection.reason.into(), response: Box::new(rejection.response) }
    }
}

impl fmt::Display for UpgradeRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for UpgradeRejection {}
