//! HTTP: `/ws`, `/healthz`, the start page; start and end.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use everwire_chat::limits::{check_id, check_name, check_room};
use everwire_chat::wire::{Position, User};
use everwire_server::{Limits, Upgrade};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::ServerConfig;
use crate::error::{ListenError, OpenError};
use crate::history::{History, Told};
use crate::member::{self, Invitation};
use crate::rooms::{ConnectionId, Rooms};

/// The room of an address that names none.
const DEFAULT_ROOM: &str = "lobby";

/// How long members may take to part when the server ends.
const PARTING: Duration = Duration::from_secs(5);

/// A chat server: its rooms and its history.
#[derive(Debug)]
pub struct ChatServer {
    shared: Arc<Shared>,
}

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: ServerConfig,
    pub(crate) history: History,
    rooms: Arc<Mutex<Rooms>>,
    connections: AtomicU64,
    places: Arc<Semaphore>,
}

impl Shared {
    pub(crate) fn rooms(&self) -> MutexGuard<'_, Rooms> {
        lock(&self.rooms)
    }

    pub(crate) fn next_connection(&self) -> ConnectionId {
        self.connections.fetch_add(1, Ordering::Relaxed)
    }

    /// Milliseconds since the Unix epoch.
    pub(crate) fn now(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}

/// Listens on an address; port 0 takes any free one.
///
/// # Errors
/// If the port is in use, not allowed, or the address not this machine's.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| ListenError { address, source })
}

impl ChatServer {
    /// Opens the history.
    ///
    /// # Errors
    /// If the data folder can't be used, or another server uses it.
    pub fn open(config: ServerConfig) -> Result<Self, OpenError> {
        let rooms = Arc::<Mutex<Rooms>>::default();
        let told = Arc::clone(&rooms);
        let history = History::open(config.data.as_deref(), move |what| {
            let mut rooms = lock(&told);
            match what {
                Told::Stored { post, offset, is_new } => {
                    rooms.on_stored(&post.room, post.origin, post.message, offset, is_new);
                }
                Told::Taken(post) => rooms.on_taken(&post.room, post.origin, post.message.id),
                Told::Failed(post) => rooms.on_failed(&post.room, post.origin),
            }
        })?;
        let places = Arc::new(Semaphore::new(config.max_connections.min(Semaphore::MAX_PERMITS)));
        Ok(Self { shared: Arc::new(Shared { config, history, rooms, connections: AtomicU64::new(1), places }) })
    }

    /// The routes, for an application that has others beside them: `/ws`, `/healthz`, and the start page at `/`.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/", get(async || Html(include_str!("start.html"))))
            .route("/healthz", get(async || "ok\n"))
            .route("/ws", get(upgrade))
            .with_state(Arc::clone(&self.shared))
    }

    /// Serves until `until` comes; then members are sent away with 1012, and the history is closed.
    ///
    /// # Errors
    /// If the listener fails.
    pub async fn serve(self, listener: TcpListener, until: impl Future<Output = ()> + Send) -> io::Result<()> {
        let router = self.router();
        // Frames are merged by us; waiting for more in the kernel would only delay them.
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        let served = tokio::select! {
            served = async { axum::serve(listener, router).await } => served,
            () = until => Ok(()),
        };
        self.close().await;
        served
    }

    /// Sends the members away with 1012 (they come back), and commits what they have sent.
    pub async fn close(&self) {
        let all = u32::try_from(self.shared.config.max_connections).unwrap_or(u32::MAX);
        let Shared { places, .. } = &*self.shared;
        self.shared.rooms().close();
        if tokio::time::timeout(PARTING, places.acquire_many(all)).await.is_err() {
            tracing::warn!("some members did not part in time");
        }
        places.close();
        let shared = Arc::clone(&self.shared);
        // It waits for the disk.
        let _ = tokio::task::spawn_blocking(move || shared.history.close()).await;
    }
}

/// What the address may say.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    room: Option<String>,
    user_id: Option<String>,
    user_name: Option<String>,
    after: Option<String>,
}

async fn upgrade(
    State(shared): State<Arc<Shared>>,
    Query(parameters): Query<Parameters>,
    upgrade: Upgrade,
) -> Response {
    let invitation = match invitation(parameters) {
        Ok(invitation) => invitation,
        Err(problem) => return (StatusCode::BAD_REQUEST, format!("{problem}\n")).into_response(),
    };
    let Ok(place) = Arc::clone(&shared.places).try_acquire_owned() else {
        let retry = [("retry-after", "5")];
        return (StatusCode::SERVICE_UNAVAILABLE, retry, "the server is full or stopping\n").into_response();
    };
    let limits =
        Limits { max_frame: shared.config.max_message, max_message: shared.config.max_message, ..Limits::default() };
    let response = upgrade.limits(limits).on_upgrade(async move |socket| {
        let _place: OwnedSemaphorePermit = place;
        member::serve(socket, shared, invitation).await;
    });
    response.into_response()
}

fn invitation(parameters: Parameters) -> Result<Invitation, &'static str> {
    let Parameters { room, user_id, user_name, after } = parameters;
    let room = room.unwrap_or_else(|| DEFAULT_ROOM.to_owned());
    check_room(&room)?;
    let user = match user_id {
        Some(user_id) => {
            let user_name = user_name.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| user_id.clone());
            check_id(&user_id)?;
            check_name(&user_name)?;
            Some(User { user_id, user_name })
        }
        None => None,
    };
    let after = match after.as_deref() {
        None => None,
        Some("") => Some(None),
        Some(position) => Some(Some(position.parse::<Position>()?)),
    };
    Ok(Invitation { room, user, after })
}

fn lock(rooms: &Mutex<Rooms>) -> MutexGuard<'_, Rooms> {
    // Nothing in there panics half-way; if something did, serving the others is better than ending all.
    rooms.lock().unwrap_or_else(PoisonError::into_inner)
}
