//! What is answered over HTTP.
//!
//! - `upgrade`: `/ws`
//! - `auth`: `/api/info`, and signing in and out; `rooms`: `/api/rooms` and `/api/admission`
//! - `health`: `/readyz` and `/metrics`
//! - `page`: the chat's page
//! - `json`, `refusal`: how answers are written

mod auth;
mod health;
mod json;
mod page;
mod refusal;
mod rooms;
mod upgrade;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{HOST, HeaderValue};
use axum::http::{StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

use crate::base_path::BasePath;
use crate::hosts;
use crate::state::AppState;

pub(crate) fn router(state: Arc<AppState>) -> Router {
    let base = &state.config.base_path;
    let mut router = Router::new()
        .route(&base.join("/"), get(page::start))
        .route(&base.join("/{file}"), get(page::file))
        .route(&base.join("/ws"), get(upgrade::upgrade))
        .merge(auth::routes(base))
        .merge(rooms::routes(base))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics));
    if !base.as_str().is_empty() {
        // What the page names is relative to its folder.
        router = router.route(base.as_str(), get(with_slash));
    }
    router.with_state(state)
}

async fn with_slash(uri: Uri) -> Redirect {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    Redirect::permanent(&format!("{}/{query}", uri.path()))
}

/// The same for a host that has nothing else: who asks for something else is told where the chat is.
pub(crate) fn alone(router: Router, base: &BasePath) -> Router {
    let line = format!("there is nothing here: the chat is at {}\n", base.join("/"));
    router.fallback(async move || (StatusCode::NOT_FOUND, line))
}

/// The same, for a listener that only this machine reaches: pages of foreign names that lead here are turned away.
pub(crate) fn for_this_machine(router: Router, state: &Arc<AppState>) -> Router {
    router.layer(middleware::from_fn_with_state(Arc::clone(state), ask_by_our_names))
}

async fn ask_by_our_names(State(state): State<Arc<AppState>>, request: Request, next: Next) -> Response {
    let is_ours = |host: &HeaderValue| host.to_str().is_ok_and(|host| hosts::is_ours(host, &state.config.origins));
    if request.headers().get_all(HOST).iter().all(is_ours) {
        return next.run(request).await;
    }
    let words =
        "this server is for its own machine, and knows no such host: --origin names those of proxies in front\n";
    (StatusCode::MISDIRECTED_REQUEST, words).into_response()
}

/// The routes that tell how the server is, for a separate listener: every client that reaches it is answered.
pub(crate) fn admin_router(state: Arc<AppState>) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(async |State(state): State<Arc<AppState>>| health::numbers(&state)))
        .with_state(state)
}
