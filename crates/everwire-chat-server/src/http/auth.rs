//! `/api/info`, and signing in and out.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::RETRY_AFTER;
use axum::http::{Extensions, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use everwire_server::PeerAddress;
use serde::Deserialize;

use super::json::json;
use crate::access::{Access, Admission, Denied, Ended, Refusal};
use crate::base_path::BasePath;
use crate::state::AppState;

#[derive(Deserialize)]
struct Refresh {
    refresh: String,
}

/// What is answered about signing in.
pub(super) fn routes(base: &BasePath) -> Router<Arc<AppState>> {
    Router::new()
        .route(&base.join("/api/info"), get(info))
        .route(&base.join("/api/sign-in"), post(sign_in))
        .route(&base.join("/api/refresh"), post(refresh))
        .route(&base.join("/api/sign-out"), post(sign_out))
}

async fn info(State(state): State<Arc<AppState>>) -> Response {
    let auth = state.config.auth.name();
    let guests = state.access.is_none();
    json(&serde_json::json!({ "auth": auth, "guests": guests, "version": env!("CARGO_PKG_VERSION") }))
}

async fn sign_in(State(state): State<Arc<AppState>>, extensions: Extensions, body: Bytes) -> Response {
    let Some(access) = accounts(&state) else { return Denied::NoAccounts.into_response() };
    let Ok(credentials) = serde_json::from_slice(&body) else { return Denied::Malformed.into_response() };
    match access.sign_in(credentials, address(&extensions)).await {
        Ok(signed_in) => json(&signed_in),
        Err(denied) => denied.into_response(),
    }
}

async fn refresh(State(state): State<Arc<AppState>>, extensions: Extensions, body: Bytes) -> Response {
    let Some(access) = accounts(&state) else { return Denied::NoAccounts.into_response() };
    let Ok(Refresh { refresh }) = serde_json::from_slice(&body) else { return Denied::Malformed.into_response() };
    let refreshed = async {
        access.count_refresh(address(&extensions))?;
        access.refresh(&refresh).await
    };
    match refreshed.await {
        Ok((signed_in, family, replaced)) => {
            if !replaced.is_empty() {
                send_away(&state, access, &family, |admission| admission.is_among(&replaced));
            }
            json(&signed_in)
        }
        Err(Ended { denied, family }) => {
            if let Some(family) = family {
                send_away(&state, access, &family, |_| true);
            }
            denied.into_response()
        }
    }
}

async fn sign_out(State(state): State<Arc<AppState>>, extensions: Extensions, body: Bytes) -> Response {
    let Some(access) = accounts(&state) else { return Denied::NoAccounts.into_response() };
    let Ok(Refresh { refresh }) = serde_json::from_slice(&body) else { return Denied::Malformed.into_response() };
    if let Err(denied) = access.count_refresh(address(&extensions)) {
        return denied.into_response();
    }
    match access.sign_out(&refresh).await {
        Ok(ended) => {
            if let Some(family) = ended {
                send_away(&state, access, &family, |_| true);
            }
            StatusCode::NO_CONTENT.into_response()
        }
        Err(denied) => denied.into_response(),
    }
}

/// Ends those connections of a sign-in that have ended with it, or with a refresh token of it.
fn send_away(state: &AppState, access: &Access, family: &str, has_ended: impl Fn(&Admission) -> bool) {
    let why = Refusal::SIGNED_OUT;
    for (id, admission) in access.of_sign_in(family).into_iter().filter(|(_, admission)| has_ended(admission)) {
        tracing::info!(connection = id, room = admission.room(), %why, "sent away");
        state.rooms().expel(admission.room(), id, why.close_code(), why.reason());
    }
}

fn address(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get().map(|PeerAddress(from)| from.ip())
}

fn accounts(state: &AppState) -> Option<&Arc<Access>> {
    state.access.as_ref().filter(|access| access.has_accounts())
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        let (status, code, error) = match &self {
            Self::Malformed => (StatusCode::BAD_REQUEST, "malformed", "this is not the JSON that is expected here"),
            Self::Wrong => (StatusCode::UNAUTHORIZED, "wrong_credentials", "the user or the password is wrong"),
            Self::Again => (StatusCode::UNAUTHORIZED, "signed_out", "the sign-in has ended: sign in again"),
            Self::Banned => (StatusCode::FORBIDDEN, "banned", "this user is banned"),
            Self::TooMany(_) => {
                (StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", "too many attempts: wait a little")
            }
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy", "too many sign in at this moment: try again"),
            Self::NoAccounts => (StatusCode::NOT_FOUND, "no_accounts", "there are no accounts on this server"),
            Self::Unavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "the accounts can't be read now: try again")
            }
        };
        let mut response = (status, json(&serde_json::json!({ "error": error, "code": code }))).into_response();
        let retry_after = match self {
            Self::TooMany(wait) => Some(wait.as_secs().saturating_add(1)),
            Self::Busy => Some(1),
            _ => None,
        };
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}
