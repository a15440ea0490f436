//! Which rooms can be found, and whether one may come in.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Query, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use everwire_chat_core::limits::check_room;
use serde::{Deserialize, Serialize};

use crate::access::{Refusal, Tables, json};
use crate::base_path::BasePath;
use crate::error::OpenError;
use crate::server::Shared;

/// The room of an address that names none. It is always listed.
pub(crate) const DEFAULT_ROOM: &str = "lobby";

/// Rooms in an answer at most.
const MOST: usize = 500;

/// What a question counts, in messages: as much as what says little to others.
const COST: f64 = 0.2;

/// When one who asks too much may ask again, in seconds.
const AGAIN: u16 = 10;

/// The rooms that can be found, from a connection to the database of its own: whoever asks keeps nobody from coming in.
#[derive(Debug)]
pub(crate) struct Listing(Option<Arc<Mutex<Tables>>>);

/// A room that can be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) room: String,
    /// For its members only.
    pub(crate) is_closed: bool,
}

impl Listing {
    pub(crate) fn open(folder: Option<&Path>) -> Result<Self, OpenError> {
        let tables = folder.map(|folder| Tables::open(Some(folder))).transpose()?;
        Ok(Self(tables.map(|tables| Arc::new(Mutex::new(tables)))))
    }

    /// By name, [`MOST`] and one at most. `user`: `None` on a server where everybody is a guest, and no room is closed.
    async fn of(&self, user: Option<String>) -> Result<Vec<Listed>, Refusal> {
        // A history in memory has no operator who could publish anything.
        let Some(tables) = self.0.clone() else {
            return Ok(vec![Listed { room: DEFAULT_ROOM.to_owned(), is_closed: false }]);
        };
        let listed = tokio::task::spawn_blocking(move || {
            let tables = tables.lock().unwrap_or_else(PoisonError::into_inner);
            tables.listed(user.as_deref(), DEFAULT_ROOM, MOST + 1)
        });
        match listed.await {
            Ok(Ok(listed)) => Ok(listed),
            Ok(Err(error)) => {
                tracing::error!(%error, "the list of rooms can't be read");
                Err(Refusal::Unavailable)
            }
            Err(_) => Err(Refusal::Unavailable),
        }
    }
}

pub(crate) fn routes(base: &BasePath) -> Router<Arc<Shared>> {
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

async fn rooms(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    if let Some(refused) = pay(&shared, &headers) {
        return refused;
    }
    match list(&shared, &headers).await {
        Ok(answer) => json(&answer),
        Err(refusal) => refusal.into_json(),
    }
}

/// Counts a question against what its user may do; the answer, if that is too much. Without a good token nothing is looked up.
fn pay(shared: &Shared, headers: &HeaderMap) -> Option<Response> {
    let user = shared.access.as_ref()?.named(headers)?;
    if shared.spend(&user, COST).is_some() {
        return None;
    }
    let said = serde_json::json!({ "error": "too many questions: wait a little", "code": "too_many_attempts" });
    let mut refused = (StatusCode::TOO_MANY_REQUESTS, json(&said)).into_response();
    refused.headers_mut().insert(RETRY_AFTER, AGAIN.into());
    Some(refused)
}

async fn list(shared: &Shared, headers: &HeaderMap) -> Result<Answer, Refusal> {
    let user = match &shared.access {
        Some(access) => Some(access.identify(headers).await?),
        None => None,
    };
    let mut listed = shared.listing.of(user).await?;
    let more = listed.len() > MOST;
    listed.truncate(MOST);
    let all = shared.rooms();
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
    State(shared): State<Arc<Shared>>,
    Query(Question { room }): Query<Question>,
    headers: HeaderMap,
) -> Response {
    if let Some(refused) = pay(&shared, &headers) {
        return refused;
    }
    let room = room.unwrap_or_else(|| DEFAULT_ROOM.to_owned());
    if let Err(problem) = check_room(&room) {
        return json(&serde_json::json!({ "admitted": false, "code": "invalid_room", "reason": problem }));
    }
    let admitted = match &shared.access {
        Some(access) => access.admit(&headers, None, &room, None).await.map(drop),
        None => Ok(()),
    };
    match admitted {
        Ok(()) => json(&serde_json::json!({ "admitted": true })),
        Err(refusal) => json(&serde_json::json!({
            "admitted": false, "code": refusal.code(), "reason": refusal.to_string(),
        })),
    }
}
