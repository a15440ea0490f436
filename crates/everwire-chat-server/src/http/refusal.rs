//! Whose token a request carries, and how a refusal is answered.

use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, HeaderMap, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};

use super::json::json;
use crate::access::Refusal;

/// The token in the header `Authorization`.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// For those who have asked by `/api`.
pub(super) fn in_json(refusal: Refusal) -> Response {
    let body = json(&serde_json::json!({ "error": refusal.to_string(), "code": refusal.code() }));
    let mut response = refusal.into_response();
    let (parts, body) = body.into_parts();
    response.headers_mut().extend(parts.headers);
    *response.body_mut() = body;
    response
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let words = format!("{self}\n");
        match self {
            // RFC 6750 section 3.
            Self::NoToken => (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")], words).into_response(),
            Self::Token(_) => {
                let challenge = [(WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")];
                (StatusCode::UNAUTHORIZED, challenge, words).into_response()
            }
            Self::Banned | Self::ShutOut | Self::OtherUser => (StatusCode::FORBIDDEN, words).into_response(),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "5")], words).into_response(),
        }
    }
}
