//! `/ws`: from a request to a connection.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use axum::response::{IntoResponse, Response};
use everwire_chat_core::limits::{check_id, check_name, check_room};
use everwire_chat_core::wire::{Position, User};
use everwire_server::{Limits, Upgrade};
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;

use super::refusal::bearer;
use crate::access::{Admitted, DEFAULT_ROOM};
use crate::connection::{self, JoinRequest, PlainOptions};
use crate::dispatch;
use crate::state::AppState;

/// What the address may say.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Parameters {
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

pub(super) async fn upgrade(
    State(state): State<Arc<AppState>>,
    Query(mut parameters): Query<Parameters>,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Response {
    dispatch::start(&state);
    let config = &state.config;
    let mut upgrade = upgrade.origins(config.origins.clone()).opening_timeout(config.opening_timeout);
    if let Some(settings) = config.compression {
        upgrade = upgrade.compression(settings);
    }
    if let Err(rejection) = upgrade.check() {
        return IntoResponse::into_response(rejection);
    }
    let token = parameters.token.take();
    let mut request = match request(parameters) {
        Ok(request) => request,
        Err(problem) => return (StatusCode::BAD_REQUEST, format!("{problem}\n")).into_response(),
    };
    if let Some(access) = &state.access {
        let JoinRequest { room, user, .. } = &request;
        match access.admit(bearer(&headers).or(token.as_deref()), room, user.as_ref()).await {
            Ok(Admitted { user, admission }) => (request.user, request.admission) = (Some(user), Some(admission)),
            Err(refusal) => {
                tracing::debug!(%refusal, "a member is refused");
                return refusal.into_response();
            }
        }
    }
    if let Some(user) = &request.user {
        match connection::pay_to_join(&state, &user.user_id) {
            Some(rests) => request.rests = rests,
            None => {
                let retry = [("retry-after", "10")];
                return (StatusCode::TOO_MANY_REQUESTS, retry, "too much of this user waits already\n").into_response();
            }
        }
    }
    if let Some(back) = state.drain.come_back() {
        let retry = [("retry-after", back.as_secs().to_string())];
        return (StatusCode::SERVICE_UNAVAILABLE, retry, "the server is stopping\n").into_response();
    }
    if state.rooms().is_unknown(&request.room) {
        // Now, so that a member is in the room as soon as it is upgraded; what fails now is tried again then.
        request.recalled = connection::recall(&state, &request.room).await.ok();
    }
    let Some(slot) = state.slot() else {
        let retry = [("retry-after", "5")];
        return (StatusCode::SERVICE_UNAVAILABLE, retry, "the server is full or stopping\n").into_response();
    };
    let limits = Limits { max_frame: config.max_message, max_message: config.max_message, ..Limits::default() };
    let response = upgrade.limits(limits).on_upgrade(async move |socket| {
        let _slot: OwnedSemaphorePermit = slot;
        connection::serve(socket, state, request).await;
    });
    response.into_response()
}

fn request(parameters: Parameters) -> Result<JoinRequest, &'static str> {
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
    let plain = PlainOptions {
        errors: flag(errors.as_deref(), "`errors` is 1 or 0")?,
        strict: flag(strict.as_deref(), "`strict` is 1 or 0")?,
        history: history.map_or(Ok(0), |count| count.parse().map_err(|_| "`history` is a number of messages"))?,
    };
    if plain.strict && (plain.errors || after.is_some()) {
        return Err("`strict` goes neither with `errors` nor with `after`: what these add is not in the plain format");
    }
    Ok(JoinRequest { room, user, after, away, plain, admission: None, rests: Duration::ZERO, recalled: None })
}

fn flag(value: Option<&str>, problem: &'static str) -> Result<bool, &'static str> {
    match value {
        None | Some("0" | "false") => Ok(false),
        Some("1" | "true") => Ok(true),
        Some(_) => Err(problem),
    }
}
