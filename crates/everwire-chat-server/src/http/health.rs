//! How the server is: `/readyz` and `/metrics`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http;
use axum::http::header::{CONTENT_TYPE, HOST, HeaderMap};
use axum::http::{Extensions, StatusCode};
use axum::response::{IntoResponse, Response};
use everwire_server::PeerAddress;
use tokio::time::timeout;

use crate::config::MetricsAccess;
use crate::hosts;
use crate::metrics;
use crate::state::AppState;
use crate::store::StoreError;

/// How long the store may take to say that it works.
const CHECK_PATIENCE: Duration = Duration::from_secs(2);

/// Whether members should be sent here: not while the server ends, nor while messages can't be stored.
pub(super) async fn readyz(State(state): State<Arc<AppState>>) -> Response {
    let problem = if state.drain.is_under_way() || state.rooms().is_closing() {
        "the server is stopping\n"
    } else {
        match timeout(CHECK_PATIENCE, state.store.check()).await {
            Ok(Ok(())) => return "ready\n".into_response(),
            Ok(Err(error)) => {
                tracing::warn!(%error, "not ready: messages can't be stored");
                match error {
                    StoreError::Damaged => "the history is damaged: a backup has to be restored\n",
                    StoreError::Moved => "the history's files were moved: the server has to be started again\n",
                    #[cfg(feature = "cluster")]
                    StoreError::Cluster(fault) => return not_ready(format!("{fault}\n")),
                    StoreError::Database(_) | StoreError::Closed => "messages can't be stored now\n",
                }
            }
            Err(_) => "the history does not answer\n",
        }
    };
    not_ready(problem.to_owned())
}

fn not_ready(problem: String) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, problem).into_response()
}

pub(super) async fn metrics(
    State(state): State<Arc<AppState>>,
    extensions: Extensions,
    headers: HeaderMap,
) -> Response {
    let welcome = match state.config.metrics {
        MetricsAccess::Everyone => true,
        MetricsAccess::Local => is_local(&state, &extensions, &headers),
        MetricsAccess::Nobody => false,
    };
    if !welcome {
        return (StatusCode::FORBIDDEN, "the metrics are not for this address\n").into_response();
    }
    numbers(&state)
}

pub(super) fn numbers(state: &AppState) -> Response {
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], state.metrics.text()).into_response()
}

/// Whether a request was made on this machine, and not handed on by a proxy: it says so, or hands on for which host it was asked.
fn is_local(state: &AppState, extensions: &Extensions, headers: &HeaderMap) -> bool {
    let from_here = extensions.get::<PeerAddress>().is_some_and(|peer| peer.0.ip().to_canonical().is_loopback());
    let handed_on = headers.contains_key(http::header::FORWARDED) || headers.contains_key("x-forwarded-for");
    let is_itself = |listening: &SocketAddr| {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        host.is_some_and(|host| hosts::is_itself(host, *listening))
    };
    from_here && !handed_on && state.listening.get().is_none_or(is_itself)
}
