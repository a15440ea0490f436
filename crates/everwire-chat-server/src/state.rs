use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use crate::access::{Access, RateLimiter, RoomDirectory};
use crate::budget::{MailboxBudget, PageBudget};
use crate::clock::unix_ms;
use crate::config::ServerConfig;
use crate::domain::{ConnectionId, NewNotice, Rooms};
use crate::drain::Drain;
use crate::id::new_id;
use crate::metrics::Metrics;
use crate::store::{Commits, MessageStore};
use crate::sync::lock;

/// What all connections and requests share.
#[derive(Debug)]
pub(crate) struct AppState {
    pub(crate) config: ServerConfig,
    pub(crate) store: Arc<dyn MessageStore>,
    /// Until they are dispatched.
    commits: Mutex<Option<Commits>>,
    pub(crate) metrics: Arc<Metrics>,
    /// `None`: every user is a guest.
    pub(crate) access: Option<Arc<Access>>,
    /// How much each user may make the server do.
    posts: Option<Mutex<RateLimiter<String>>>,
    pub(crate) directory: RoomDirectory,
    rooms: Arc<Mutex<Rooms>>,
    pub(crate) drain: Drain,
    /// All members have been sent away.
    ending: watch::Sender<bool>,
    /// Where it listens, if the accept loop is ours.
    pub(crate) listening: OnceLock<SocketAddr>,
    connections: AtomicU64,
    slots: Arc<Semaphore>,
    pub(crate) pages: Arc<PageBudget>,
    pub(crate) mailboxes: Arc<MailboxBudget>,
}

/// What the state is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) config: ServerConfig,
    pub(crate) store: Arc<dyn MessageStore>,
    pub(crate) commits: Commits,
    pub(crate) access: Option<Access>,
    pub(crate) directory: RoomDirectory,
    pub(crate) rooms: Arc<Mutex<Rooms>>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) pages: Arc<PageBudget>,
    pub(crate) mailboxes: Arc<MailboxBudget>,
}

impl AppState {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { config, store, commits, access, directory, rooms, metrics, pages, mailboxes } = parts;
        let posts = config.posts.map(|rate| Mutex::new(RateLimiter::new(rate)));
        let slots = Arc::new(Semaphore::new(config.max_connections.min(Semaphore::MAX_PERMITS)));
        Self {
            config,
            store,
            commits: Mutex::new(Some(commits)),
            metrics,
            access: access.map(Arc::new),
            posts,
            directory,
            rooms,
            drain: Drain::default(),
            ending: watch::Sender::new(false),
            listening: OnceLock::new(),
            connections: AtomicU64::new(1),
            slots,
            pages,
            mailboxes,
        }
    }

    pub(crate) fn rooms(&self) -> MutexGuard<'_, Rooms> {
        lock(&self.rooms)
    }

    /// The rooms, for a task that outlives a borrow.
    pub(crate) fn rooms_of_all(&self) -> Arc<Mutex<Rooms>> {
        Arc::clone(&self.rooms)
    }

    /// The store's commits, once.
    pub(crate) fn take_commits(&self) -> Option<Commits> {
        lock(&self.commits).take()
    }

    pub(crate) fn next_connection(&self) -> ConnectionId {
        self.connections.fetch_add(1, Ordering::Relaxed)
    }

    /// A slot for one more member, unless the server is full or stopping.
    pub(crate) fn slot(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.slots).try_acquire_owned().ok()
    }

    /// Sends all members away, those who are about to come in too: the server ends.
    pub(crate) fn end(&self) {
        self.rooms().close();
        self.ending.send_replace(true);
    }

    /// Resolves once the server ends. Cancel-safe.
    pub(crate) async fn ending(&self) {
        let mut ending = self.ending.subscribe();
        // The sender lives as long as `self`, so this ends only with the condition.
        let _ = ending.wait_for(|ends| *ends).await;
    }

    /// Waits until all members have gone. Cancel-safe.
    pub(crate) async fn all_gone(&self) {
        let all = u32::try_from(self.config.max_connections).unwrap_or(u32::MAX);
        let _ = self.slots.acquire_many(all).await;
    }

    /// Lets nobody in any more.
    pub(crate) fn close_slots(&self) {
        self.slots.close();
    }

    /// How many members there are.
    pub(crate) fn members(&self) -> usize {
        self.config.max_connections.saturating_sub(self.slots.available_permits())
    }

    /// Counts what a user makes the server do, in messages: how long the user has to wait before the next. `None`: too much waits
    /// already, this is not to be done.
    pub(crate) fn spend(&self, who: &str, cost: f64) -> Option<Duration> {
        let Some(posts) = &self.posts else { return Some(Duration::ZERO) };
        lock(posts).owe(who.to_owned(), cost, Instant::now())
    }

    /// Milliseconds since the Unix epoch.
    pub(crate) fn now(&self) -> i64 {
        unix_ms()
    }

    /// An id and a time for the notice that a user has joined or left.
    pub(crate) fn new_notice(&self) -> NewNotice {
        NewNotice { id: new_id(), timestamp: unix_ms() }
    }
}
