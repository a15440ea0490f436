//! Which rooms can be found, and whether one may come in.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use everwire_chat_core::limits::check_room;
use serde::{Deserialize, Serialize};

use super::json::json;
use super::refusal::{bearer, in_json};
use crate::access::{DEFAULT_ROOM, Refusal};
use crate::base_path::BasePath;
use crate::state::AppState;
use crate::store::Listed;

/// Rooms in an answer at most.
const MOST: usize = 500;

/// What a question counts, in messages: as much as what says little to others.
const COST: f64 = 0.2;

/// When one who asks too much may ask again, in seconds.
const AGAIN: u16 = 10;

pub(super) fn routes(base: &BasePath) -> Router<Arc<AppState>> {
    Router::new().route(&base.join("/api/rooms"), get(rooms)).route(&base.join("/api/admission"), get(admission))
}

#[derive(Serialize)]
struct Answer {
    rooms: Vec<Room>,
    more: bool,
}

#[derive(Serialize)]
struct Room {
    room: String,
    here: usize,
    closed: bool,
}

async fn rooms(State(state): State<Arc<AppState>>, headers: HeaderMap) -> Response {
    if let Some(refused) = pay(&state, &headers) {
        return refused;
    }
    match list(&state, &headers).await {
        Ok(answer) => json(&answer),
        Err(refusal) => in_json(refusal),
    }
}

/// Counts a question against what its user may do; the answer, if that is too much. Without a good token nothing is looked up.
fn pay(state: &AppState, headers: &HeaderMap) -> Option<Response> {
    let user = state.access.as_ref()?.named(bearer(headers))?;
    if state.spend(&user, COST).is_some() {
        return None;
    }
    let said = serde_json::json!({ "error": "too many questions: wait a little", "code": "too_many_attempts" });
    let mut refused = (StatusCode::TOO_MANY_REQUESTS, json(&said)).into_response();
    refused.headers_mut().insert(RETRY_AFTER, AGAIN.into());
    Some(refused)
}

async fn list(state: &AppState, headers: &HeaderMap) -> Result<Answer, Refusal> {
    let user = match &state.access {
        Some(access) => Some(access.identify(bearer(headers)).await?),
        None => None,
    };
    let mut listed = state.directory.rooms(user, MOST + 1).await?;
    let more = listed.len() > MOST;
    listed.truncate(MOST);
    let all = state.rooms();
    let rooms = listed.into_iter().map(|Listed { room, is_closed }| Room {
        here: all.users_in(&room),
        room,
        closed: is_closed,
    });
    Ok(Answer { rooms: rooms.collect(), more })
}

#[derive(Deserialize)]
struct Question {
    room: Option<String>,
}

/// What a WebSocket's upgrade would be answered: a page can't see that.
async fn admission(
    State(state): State<Arc<AppState>>,
    Query(Question { room }): Query<Question>,
    headers: HeaderMap,
) -> Response {
    if let Some(refused) = pay(&state, &headers) {
        return refused;
    }
    let room = room.unwrap_or_else(|| DEFAULT_ROOM.to_owned());
    if let Err(problem) = check_room(&room) {
        return json(&serde_json::json!({ "admitted": false, "code": "invalid_room", "reason": problem }));
    }
    let admitted = match &state.access {
        Some(access) => access.admit(bearer(&headers), &room, None).await.map(drop),
        None => Ok(()),
    };
    match admitted {
        Ok(()) => json(&serde_json::json!({ "admitted": true })),
        Err(refusal) => json(&serde_json::json!({
            "admitted": false, "code": refusal.code(), "reason": refusal.to_string(),
        })),
    }
}
