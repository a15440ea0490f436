//! What is answered over HTTP: `/ws`, how the server is, and the page.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, Request, State};
use axum::http::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use axum::http::{Extensions, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Router, http};
use everwire_chat_core::limits::{check_id, check_name, check_room};
use everwire_chat_core::wire::{Position, User};
use everwire_server::{Limits, PeerAddress, Upgrade};
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use crate::access::{self, Admitted};
use crate::base_path::BasePath;
use crate::config::MetricsAccess;
use crate::history::HistoryError;
use crate::hosts;
use crate::listing::{self, DEFAULT_ROOM};
use crate::member::{self, Invitation, Wishes};
use crate::metrics;
use crate::page;
use crate::server::Shared;

/// How long the history may take to say that it works.
const CHECK_PATIENCE: Duration = Duration::from_secs(2);

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let base = &shared.config.base_path;
    let mut router = Router::new()
        .route(&base.join("/"), get(page::start))
        .route(&base.join("/{file}"), get(page::file))
        .route(&base.join("/ws"), get(upgrade))
        .merge(access::routes(base))
        .merge(listing::routes(base))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics));
    if !base.as_str().is_empty() {
        // What the page names is relative to its folder.
        router = router.route(base.as_str(), get(with_slash));
    }
    router.with_state(shared)
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
pub(crate) fn for_this_machine(router: Router, shared: &Arc<Shared>) -> Router {
    router.layer(middleware::from_fn_with_state(Arc::clone(shared), ask_by_our_names))
}

async fn ask_by_our_names(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let is_ours = |host: &HeaderValue| host.to_str().is_ok_and(|host| hosts::is_ours(host, &shared.config.origins));
    if request.headers().get_all(HOST).iter().all(is_ours) {
        return next.run(request).await;
    }
    let words =
        "this server is for its own machine, and knows no such host: --origin names those of proxies in front\n";
    (StatusCode::MISDIRECTED_REQUEST, words).into_response()
}

/// How the server is, on a listener of its own: whoever reaches it may ask.
pub(crate) fn admin_router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(async |State(shared): State<Arc<Shared>>| numbers(&shared)))
        .with_state(shared)
}

/// What the address may say.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    room: Option<String>,
    user_id: Option<String>,
    user_name: Option<String>,
    after: Option<String>,
    #[serde(default)]
    away: bool,
    token: Option<String>,
    errors: Option<String>,
    strict: Option<String>,
    history: Option<String>,
}

async fn upgrade(
    State(shared): State<Arc<Shared>>,
    Query(mut parameters): Query<Parameters>,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Response {
    let config = &shared.config;
    let mut upgrade = upgrade.origins(config.origins.clone()).opening_timeout(config.opening_timeout);
    if let Some(settings) = config.compression {
        upgrade = upgrade.compression(settings);
    }
    if let Err(rejection) = upgrade.check() {
        return IntoResponse::into_response(rejection);
    }
    let token = parameters.token.take();
    let mut invitation = match invitation(parameters) {
        Ok(invitation) => invitation,
        Err(problem) => return (StatusCode::BAD_REQUEST, format!("{problem}\n")).into_response(),
    };
    if let Some(access) = &shared.access {
        let Invitation { room, user, .. } = &invitation;
        match access.admit(&headers, token.as_deref(), room, user.as_ref()).await {
            Ok(Admitted { user, pass }) => (invitation.user, invitation.pass) = (Some(user), Some(pass)),
            Err(refusal) => {
                tracing::debug!(%refusal, "a member is refused");
                return refusal.into_response();
            }
        }
    }
    if let Some(user) = &invitation.user {
        match member::pay_to_join(&shared, &user.user_id) {
            Some(rests) => invitation.rests = rests,
            None => {
                let retry = [("retry-after", "10")];
                return (StatusCode::TOO_MANY_REQUESTS, retry, "too much of this user waits already\n").into_response();
            }
        }
    }
    if let Some(back) = shared.drain.come_back() {
        let retry = [("retry-after", back.as_secs().to_string())];
        return (StatusCode::SERVICE_UNAVAILABLE, retry, "the server is stopping\n").into_response();
    }
    if shared.rooms().is_unknown(&invitation.room) {
        // Now, so that a member is in the room as soon as it is upgraded; what fails now is tried again then.
        invitation.recalled = member::recall(&shared, &invitation.room).await.ok();
    }
    let Some(place) = shared.place() else {
        let retry = [("retry-after", "5")];
        return (StatusCode::SERVICE_UNAVAILABLE, retry, "the server is full or stopping\n").into_response();
    };
    let limits = Limits { max_frame: config.max_message, max_message: config.max_message, ..Limits::default() };
    let response = upgrade.limits(limits).on_upgrade(async move |socket| {
        let _place: OwnedSemaphorePermit = place;
        member::serve(socket, shared, invitation).await;
    });
    response.into_response()
}

fn invitation(parameters: Parameters) -> Result<Invitation, &'static str> {
    let Parameters { room, user_id, user_name, after, away, token: _, errors, strict, history } = parameters;
    let room = room.unwrap_or_else(|| DEFAULT_ROOM.to_owned());
    check_room(&room)?;
    let user = match user_id {
        Some(user_id) => {
            let user_name = user_name.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| user_id.clone());
            check_id(&user_id)?;
            check_name(&user_name)?;
            Some(User::new(user_id, user_name))
        }
        None => None,
    };
    let after = match after.as_deref() {
        None => None,
        Some("") => Some(None),
        Some(position) => Some(Some(position.parse::<Position>()?)),
    };
    let wishes = Wishes {
        errors: flag(errors.as_deref(), "`errors` is 1 or 0")?,
        strict: flag(strict.as_deref(), "`strict` is 1 or 0")?,
        history: history.map_or(Ok(0), |count| count.parse().map_err(|_| "`history` is a number of messages"))?,
    };
    if wishes.strict && (wishes.errors || after.is_some()) {
        return Err("`strict` goes neither with `errors` nor with `after`: what these add is not in the plain format");
    }
    Ok(Invitation { room, user, after, away, wishes, pass: None, rests: Duration::ZERO, recalled: None })
}

fn flag(value: Option<&str>, problem: &'static str) -> Result<bool, &'static str> {
    match value {
        None | Some("0" | "false") => Ok(false),
        Some("1" | "true") => Ok(true),
        Some(_) => Err(problem),
    }
}

/// Whether members should be sent here: not while the server ends, nor while messages can't be stored.
async fn readyz(State(shared): State<Arc<Shared>>) -> Response {
    let problem = if shared.drain.is_under_way() || shared.rooms().is_closing() {
        "the server is stopping\n"
    } else {
        match timeout(CHECK_PATIENCE, shared.history.check()).await {
            Ok(Ok(())) => return "ready\n".into_response(),
            Ok(Err(error)) => {
                tracing::warn!(%error, "not ready: messages can't be stored");
                match error {
                    HistoryError::Damaged => "the history is damaged: a backup has to be restored\n",
                    HistoryError::Moved => "the history's files were moved: the server has to be started again\n",
                    HistoryError::Database(_) | HistoryError::Closed => "messages can't be stored now\n",
                }
            }
            Err(_) => "the history does not answer\n",
        }
    };
    (StatusCode::SERVICE_UNAVAILABLE, problem).into_response()
}

async fn metrics(State(shared): State<Arc<Shared>>, extensions: Extensions, headers: HeaderMap) -> Response {
    let welcome = match shared.config.metrics {
        MetricsAccess::Everyone => true,
        MetricsAccess::Local => is_local(&shared, &extensions, &headers),
        MetricsAccess::Nobody => false,
    };
    if !welcome {
        return (StatusCode::FORBIDDEN, "the metrics are not for this address\n").into_response();
    }
    numbers(&shared)
}

fn numbers(shared: &Shared) -> Response {
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], shared.metrics.text()).into_response()
}

/// Whether a request was made on this machine, and not handed on by a proxy: it says so, or hands on for which host it was asked.
fn is_local(shared: &Shared, extensions: &Extensions, headers: &HeaderMap) -> bool {
    let from_here = extensions.get::<PeerAddress>().is_some_and(|peer| peer.0.ip().to_canonical().is_loopback());
    let handed_on = headers.contains_key(http::header::FORWARDED) || headers.contains_key("x-forwarded-for");
    let is_itself = |listening: &SocketAddr| {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        host.is_some_and(|host| hosts::is_itself(host, *listening))
    };
    from_here && !handed_on && shared.listening.get().is_none_or(is_itself)
}
