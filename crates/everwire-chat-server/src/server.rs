//! The server's parts, its start and its end.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use everwire_server::{CloseCode, Server};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::access::{Access, Auth, Buckets, EXPIRED, LOOK};
use crate::config::ServerConfig;
use crate::drain::{self, Drain};
use crate::error::{ListenError, OpenError};
use crate::history::{History, Opening, Place, Post, Told};
use crate::http;
use crate::listing::Listing;
use crate::metrics::{Metrics, Watched};
use crate::pages::Pages;
use crate::rooms::{ConnectionId, Outcome, Rooms, Run, Together};
use crate::tls::Tls;

/// How long members may take to part when the server ends.
const PARTING: Duration = Duration::from_secs(5);

/// Connections beyond those of members, so that a full server still answers who asks how it is.
const FOR_QUESTIONS: usize = 100;

/// How often it is stored how far messages have come.
const MARKS_PERIOD: Duration = Duration::from_secs(1);

/// Read positions that are stored together: posts wait for it.
const POSITIONS_TOGETHER: usize = 1000;

/// How often old messages are looked for.
const RETENTION_PERIOD: Duration = Duration::from_secs(60);

/// A chat server: its rooms and its history.
#[derive(Debug)]
pub struct ChatServer {
    shared: Arc<Shared>,
    tls: Option<Arc<Tls>>,
}

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: ServerConfig,
    pub(crate) history: History,
    pub(crate) metrics: Arc<Metrics>,
    /// `None`: whoever comes is a guest.
    pub(crate) access: Option<Arc<Access>>,
    /// How much each user may make the server do.
    posts: Option<Mutex<Buckets<String>>>,
    pub(crate) listing: Listing,
    rooms: Arc<Mutex<Rooms>>,
    pub(crate) drain: Drain,
    /// Where it listens, if the accept loop is ours.
    pub(crate) listening: OnceLock<SocketAddr>,
    connections: AtomicU64,
    places: Arc<Semaphore>,
    pub(crate) pages: Arc<Pages>,
    pub(crate) together: Arc<Together>,
}

impl Shared {
    pub(crate) fn rooms(&self) -> MutexGuard<'_, Rooms> {
        lock(&self.rooms)
    }

    pub(crate) fn next_connection(&self) -> ConnectionId {
        self.connections.fetch_add(1, Ordering::Relaxed)
    }

    /// A place for one more member, unless the server is full or ends.
    pub(crate) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// How many members there are.
    pub(crate) fn members(&self) -> usize {
        self.config.max_connections.saturating_sub(self.places.available_permits())
    }

    /// Counts what somebody makes the server do, in messages: how long they have to wait before the next. `None`: they have
    /// too much to wait for, this is not to be done.
    pub(crate) fn spend(&self, who: &str, cost: f64) -> Option<Duration> {
        let Some(posts) = &self.posts else { return Some(Duration::ZERO) };
        lock(posts).owe(who.to_owned(), cost, Instant::now())
    }

    /// Milliseconds since the Unix epoch.
    pub(crate) fn now(&self) -> i64 {
        now()
    }
}

/// Milliseconds since the Unix epoch.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
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
    /// If the data folder, an issuer's keys or a certificate can't be used, or another server uses the folder.
    pub fn open(config: ServerConfig) -> Result<Self, OpenError> {
        let rooms = Arc::new(Mutex::new(Rooms::new(matches!(config.auth, Auth::Guests))));
        let pages = Arc::new(Pages::new());
        let together = Arc::new(Together::new(config.all_mailboxes_bytes));
        let watched = Watched { rooms: Arc::clone(&rooms), pages: Arc::clone(&pages), together: Arc::clone(&together) };
        let metrics = Arc::new(Metrics::new(watched, config.lost_log_lines));
        let (told, counted) = (Arc::clone(&rooms), Arc::clone(&metrics));
        let auth = match config.auth {
            Auth::Guests => "none",
            Auth::Accounts => "accounts",
            Auth::Issuer(_) => "tokens",
        };
        let opening = Opening { kept_for: config.keep.time, auth: Some(auth) };
        let history = History::open(config.data.as_deref(), &opening, move |what| tell(&told, &counted, what))?;
        let tls = config.tls.clone().map(Tls::open).transpose().map_err(OpenError::Tls)?.map(Arc::new);
        let access = Access::open(&config.auth, config.data.as_deref())?.map(Arc::new);
        let listing = Listing::open(config.data.as_deref())?;
        let posts = config.posts.map(|rate| Mutex::new(Buckets::new(rate)));
        let places = Arc::new(Semaphore::new(config.max_connections.min(Semaphore::MAX_PERMITS)));
        let shared = Shared {
            config,
            history,
            metrics,
            access,
            posts,
            listing,
            rooms,
            connections: AtomicU64::new(1),
            places,
            pages,
            together,
            drain: Drain::default(),
            listening: OnceLock::new(),
        };
        Ok(Self { shared: Arc::new(shared), tls })
    }

    /// The routes, for an application that has others beside them: `/ws`, `/api/…`, `/healthz`, `/readyz`, `/metrics`, the
    /// start page at `/`, and the page's files, which take every other path of one segment (`/{file}`). With a
    /// [`base_path`](ServerConfig::base_path) all but `/healthz`, `/readyz` and `/metrics` are below it. Such an application
    /// runs [`tend`](Self::tend) beside them, and [`close`](Self::close) at its end.
    ///
    /// What concerns the connections below HTTP is its accept loop's: TLS, how many there may be, slow openers. Limits by
    /// address, and metrics that only this machine may see, need to know where a request comes from
    /// ([`PeerAddress`](everwire_server::PeerAddress)): serve them by [`everwire_server::Server`], or add it yourself.
    pub fn router(&self) -> Router {
        http::router(Arc::clone(&self.shared))
    }

    /// How the server is, for a listener of its own that only those who may ask reach: `/healthz`, `/readyz`, `/metrics`.
    pub fn admin_router(&self) -> Router {
        http::admin_router(Arc::clone(&self.shared))
    }

    /// Serves until `until` comes; then `/readyz` says so, members are sent away with 1012, spread over
    /// [`drain`](ServerConfig::drain), and the history is closed. Who comes meanwhile is told when to come back. Whoever has not
    /// parted 5 s later is cut. On an address that only this machine reaches, requests for foreign names are answered 421: those of
    /// web pages whose name leads here. Dropping the future cuts all at once; what was stored stays.
    pub async fn serve(self, listener: TcpListener, until: impl Future<Output = ()> + Send) {
        let config = &self.shared.config;
        let server = Server::new()
            .max_connections(config.max_connections.saturating_add(FOR_QUESTIONS))
            .max_per_address(config.max_per_address)
            .opening_timeout(config.opening_timeout)
            .grace(PARTING);
        self.shared.metrics.watch(server.stats());
        let until = async {
            tokio::select! {
                () = until => {}
                () = self.tend() => {}
            }
            tokio::select! {
                () = drain::run(&self.shared, self.shared.config.drain) => {}
                () = self.tend() => {}
            }
            self.shared.rooms().close();
        };
        let mut router = http::alone(self.router(), &self.shared.config.base_path);
        if let Ok(address) = listener.local_addr() {
            let _ = self.shared.listening.set(address);
            if address.ip().is_loopback() {
                router = http::for_this_machine(router, &self.shared);
            }
        }
        let ended = match &self.tls {
            None => server.serve_router(listener, router, until).await,
            Some(tls) => {
                let tls = Arc::clone(tls);
                let handshake = move |stream| {
                    let tls = Arc::clone(&tls);
                    async move { tls.accept(stream).await }
                };
                server.serve_router_with(listener, handshake, router, until).await
            }
        };
        if ended.cut > 0 {
            tracing::warn!(connections = ended.cut, "some members did not part in time");
        }
        self.close().await;
    }

    /// What goes on beside the members, and never returns: stores how far messages have come and users have read, once a second; removes messages
    /// from the history as they come to be too many or too old, once a minute; sends away who may not stay, within two
    /// seconds; and reads changed certificates. [`serve`](Self::serve) does it by itself. Cancel-safe.
    pub async fn tend(&self) {
        tokio::join!(self.retain(), self.keep_marks(), self.guard(), self.renew());
    }

    /// What a crash takes of them, members say again when they come back.
    async fn keep_marks(&self) {
        let mut pace = tokio::time::interval(MARKS_PERIOD);
        loop {
            pace.tick().await;
            self.save_marks().await;
            self.save_positions(POSITIONS_TOGETHER).await;
        }
    }

    /// How far users have read: so many of them at most.
    async fn save_positions(&self, most: usize) {
        let positions = self.shared.rooms().unsaved_positions(most);
        if positions.is_empty() {
            return;
        }
        match self.shared.history.keep_positions(positions.clone()).await {
            Ok(()) => self.shared.rooms().positions_saved(positions),
            Err(error) => tracing::error!(%error, "how far users have read can't be stored"),
        }
    }

    async fn save_marks(&self) {
        let unsaved = self.shared.rooms().unsaved();
        if unsaved.is_empty() {
            return;
        }
        match self.shared.history.keep_marks(unsaved.clone()).await {
            Ok(()) => self.shared.rooms().saved(&unsaved),
            Err(error) => tracing::error!(%error, "how far messages have come can't be stored"),
        }
    }

    /// Certificates change before they expire.
    async fn renew(&self) {
        let Some(tls) = &self.tls else { return std::future::pending().await };
        let mut pace = tokio::time::interval(LOOK);
        loop {
            pace.tick().await;
            let tls = Arc::clone(tls);
            let _ = tokio::task::spawn_blocking(move || tls.renew()).await;
        }
    }

    async fn guard(&self) {
        let Some(access) = &self.shared.access else { return std::future::pending().await };
        let mut pace = tokio::time::interval(LOOK);
        loop {
            pace.tick().await;
            access.renew().await;
            for (id, pass, why) in access.unwelcome().await {
                tracing::info!(connection = id, room = pass.room(), %why, "sent away");
                self.shared.rooms().expel(pass.room(), id, why.close_code(), why.reason());
            }
            for (id, pass) in access.expired() {
                tracing::debug!(connection = id, room = pass.room(), "its token has expired");
                self.shared.rooms().expel(pass.room(), id, CloseCode::TRY_AGAIN_LATER, EXPIRED);
            }
            for (id, pass, seconds) in access.due() {
                self.shared.rooms().ask_for_token(pass.room(), id, seconds);
            }
        }
    }

    async fn retain(&self) {
        let Shared { config, history, metrics, .. } = &*self.shared;
        let mut pace = tokio::time::interval(RETENTION_PERIOD);
        loop {
            if config.keep.is_everything() {
                return std::future::pending().await;
            }
            pace.tick().await;
            match history.retain(&config.keep).await {
                Ok(0) => {}
                Ok(removed) => {
                    metrics.removed.inc_by(removed);
                    tracing::info!(messages = removed, "old messages removed");
                }
                Err(error) => tracing::error!(%error, "old messages can't be removed"),
            }
        }
    }

    /// Sends the members away with 1012 (they come back), and commits what they have sent. Given up, it may be called again.
    pub async fn close(&self) {
        let all = u32::try_from(self.shared.config.max_connections).unwrap_or(u32::MAX);
        let Shared { places, .. } = &*self.shared;
        self.shared.rooms().close();
        if tokio::time::timeout(PARTING, places.acquire_many(all)).await.is_err() {
            tracing::warn!("some members did not part in time");
        }
        places.close();
        self.save_marks().await;
        self.save_positions(usize::MAX).await;
        let shared = Arc::clone(&self.shared);
        // It waits for the disk.
        let _ = tokio::task::spawn_blocking(move || shared.history.close()).await;
    }
}

/// Hands on what the history says of posts.
fn tell(rooms: &Mutex<Rooms>, metrics: &Metrics, what: Told) {
    match what {
        Told::Committed { posts, took } => {
            metrics.committed(posts.len(), took);
            let mut by_room: BTreeMap<String, Vec<Outcome>> = BTreeMap::new();
            for (Post { room, message, origin, .. }, place) in posts {
                match place {
                    Place::New(_) => metrics.stored.inc(),
                    Place::Known(_) => metrics.repeated.inc(),
                    Place::Taken => metrics.taken.inc(),
                };
                by_room.entry(room).or_default().push(Outcome::new(origin, message, place));
            }
            for (room, outcomes) in by_room {
                // Each line is encoded by now: the rooms are held no longer than it takes to tell.
                Run::cut(&outcomes).for_each(|run| lock(rooms).on_committed(&room, &run));
            }
        }
        Told::Failed(post) => {
            metrics.failed.inc();
            lock(rooms).on_failed(&post.room, post.origin);
        }
    }
}

fn lock<T>(rooms: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing in there panics half-way; if something did, serving the others is better than ending all.
    rooms.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use tokio::time::timeout;
    use tokio_tungstenite::connect_async;
    use tokio_tungstenite::tungstenite::Message;

    use super::{ChatServer, PARTING, ServerConfig};

    #[tokio::test]
    async fn who_comes_in_when_the_history_is_closed_already_is_sent_away_with_1012() {
        let chat = ChatServer::open(ServerConfig::default()).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/ws?userId=late&after=", listener.local_addr().unwrap());
        let serving = tokio::spawn(axum::serve(listener, chat.router()).into_future());
        chat.shared.history.close();
        let (mut late, _) = timeout(6 * PARTING, connect_async(url)).await.unwrap().unwrap();
        match timeout(6 * PARTING, late.next()).await {
            Ok(Some(Ok(Message::Close(Some(frame))))) => assert_eq!(u16::from(frame.code), 1012),
            other => panic!("{other:?}"),
        }
        serving.abort();
    }
}
