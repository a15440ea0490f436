use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::runtime::{self, Handle};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::access::{self, AccessLink};
use super::accounts::ClusterAccounts;
use super::broker::{Broker, StreamState};
use super::error::ClusterError;
use super::fault::ClusterFault;
use super::log::{Event, Log, LogParts, Patience, WAITING};
use super::names::{self, SHARDS};
use super::presence::{Presence, tell_end};
use super::read_positions;
use super::retention;
use super::settings::ClusterSettings;
use super::status::ClusterStatus;
use super::tail::Tail;
use super::watchdog::{self, Watchdog};
use crate::domain::{ReadPosition, Rooms, StoredReceipts};
use crate::store::commits::Commits;
use crate::store::error::{StoreError, StoreOpenError};
use crate::store::messages::{
    Append, BoxFuture, MessageStore, Page, PageRequest, ReadQuery, ReadState, Retention, StoreOptions,
};
use crate::store::replica::Flights;
use crate::store::sqlite::{FolderIs, ReplicaOpened, SqliteAccounts, SqliteStore};
use crate::sync::lock;

/// How long a page waits for posts of its room that are on their way.
const PAGE_PATIENCE: Duration = Duration::from_secs(1);

/// How long a client waits that has seen more than this node; then it is sent away to come back. How often it is looked.
const LEVEL_PATIENCE: Duration = Duration::from_secs(8);
const LEVEL_PACE: Duration = Duration::from_millis(10);

/// After how long nobody has what a client says that it has seen, and how often that is asked.
const LEVEL_CERTAIN: Duration = Duration::from_secs(5);
const LEVEL_AGAIN: Duration = Duration::from_millis(250);

/// How long the end waits for the outcome of what is on its way.
const PARTING: Duration = Duration::from_secs(5);

/// The messages of a cluster, on one of its nodes: what was committed is in SQLite here, and what is posted goes through the log.
#[derive(Debug)]
pub(crate) struct ClusterStore {
    applied: Arc<SqliteStore>,
    posts: Mutex<Option<mpsc::Sender<Append>>>,
    events: mpsc::UnboundedSender<Event>,
    status: Arc<ClusterStatus>,
    epoch: String,
    folder: PathBuf,
    link: AccessLink,
    /// Of this run of this node.
    node: String,
    thread: Mutex<Option<Driver>>,
}

/// The thread that the connection and all tasks run on.
#[derive(Debug)]
struct Driver {
    thread: JoinHandle<()>,
    stop: oneshot::Sender<()>,
}

/// What tests have otherwise.
#[derive(Clone, Debug, Default)]
pub(super) struct Trial {
    /// The post of this id can't be stored.
    pub(super) refused: Option<String>,
    pub(super) patience: Patience,
}

/// What the thread has made.
struct Opened {
    store: Arc<SqliteStore>,
    commits: Commits,
    events: mpsc::UnboundedSender<Event>,
    posts: mpsc::Sender<Append>,
    epoch: String,
    link: AccessLink,
}

impl ClusterStore {
    /// Joins the cluster, and starts to apply what it has committed. Blocks until the servers have answered. `largest`: bytes that one
    /// post may have.
    ///
    /// # Errors
    /// If this node can't be one of the cluster's.
    pub(crate) fn open(
        folder: &Path,
        settings: &ClusterSettings,
        options: StoreOptions,
        largest: usize,
    ) -> Result<(Self, Commits), ClusterError> {
        Self::open_trial(folder, settings, options, largest, Trial::default())
    }

    /// The same, for tests.
    pub(super) fn open_trial(
        folder: &Path,
        settings: &ClusterSettings,
        options: StoreOptions,
        largest: usize,
        trial: Trial,
    ) -> Result<(Self, Commits), ClusterError> {
        let status = Arc::new(ClusterStatus::new());
        let (opened, wait) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let (of_store, folder) = (folder.to_owned(), folder.to_owned());
        let (settings, of_thread) = (settings.clone(), Arc::clone(&status));
        let spawned = std::thread::Builder::new().name("everwire-cluster".into()).spawn(move || {
            let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => {
                    let _ = opened.send(Err(ClusterError::Unreachable { cause: error.to_string() }));
                    return;
                }
            };
            runtime.block_on(async {
                match open(&folder, &settings, options, largest, of_thread, trial).await {
                    Ok(all) => {
                        if opened.send(Ok(all)).is_ok() {
                            let _ = stopped.await;
                        }
                    }
                    Err(error) => drop(opened.send(Err(error))),
                }
            });
        });
        let thread = spawned.map_err(|error| ClusterError::Unreachable { cause: error.to_string() })?;
        let closed = |_| ClusterError::Unreachable { cause: "the cluster's thread has ended".to_owned() };
        let Opened { store, commits, events, posts, epoch, link } = wait.recv().map_err(closed)??;
        let store = Self {
            applied: store,
            posts: Mutex::new(Some(posts)),
            events,
            status,
            epoch,
            folder: of_store,
            link,
            node: crate::id::new_id(),
            thread: Mutex::new(Some(Driver { thread, stop })),
        };
        Ok((store, commits))
    }

    /// A handle of who may come in.
    ///
    /// # Errors
    /// If the data folder can't be used.
    pub(crate) fn accounts(&self) -> Result<ClusterAccounts, StoreOpenError> {
        ClusterAccounts::open(&self.folder, self.link.clone())
    }

    /// From now on posts are stored only while it is known who may stay: each check has to be reported by
    /// [`looked`](crate::store::AccountStore::looked).
    pub(crate) fn hold_posts_of_strangers(&self) {
        self.status.hold_posts();
    }

    /// Tells other nodes about the members of these rooms, and these rooms about members on other nodes. `grace`: how long
    /// a user who has left another node still counts as here.
    pub(crate) fn share(&self, rooms: Arc<Mutex<Rooms>>, grace: Duration) {
        let (broker, node, store) = (&self.link.broker, &self.node, &self.applied);
        let (newcomers, heard) = mpsc::unbounded_channel();
        let (runtime, of_readers) = (&self.link.runtime, Arc::clone(&rooms));
        runtime.spawn(read_positions::answer(broker.clone(), node.clone(), Arc::clone(store)));
        runtime.spawn(read_positions::ask(broker.clone(), Arc::clone(store), of_readers, heard));
        let presence = Presence::new(broker.clone(), node.clone(), Arc::clone(store), rooms, grace, newcomers);
        runtime.spawn(presence.run());
    }

    /// How this node stands.
    pub(crate) fn status(&self) -> Arc<ClusterStatus> {
        Arc::clone(&self.status)
    }

    /// The page behind `seen`, once this node has applied so much. A server that has just become the stream's leader may not know its end
    /// yet: that is asked again. A position that nobody has is answered in the end.
    async fn page_once_level(&self, room: &str, seen: u64) -> Result<Page, StoreError> {
        let (shard, _) = names::place(room);
        let name = names::history(shard);
        let began = Instant::now();
        loop {
            let left = LEVEL_PATIENCE.saturating_sub(began.elapsed());
            let Ok(Ok(StreamState::There { last, .. })) = timeout(left, self.link.broker.state(&name)).await else {
                return Err(StoreError::Cluster(ClusterFault::Silent));
            };
            let applies = async {
                while self.status.applied(shard) < last {
                    tokio::time::sleep(LEVEL_PACE).await;
                }
            };
            let left = LEVEL_PATIENCE.saturating_sub(began.elapsed());
            timeout(left, applies).await.map_err(|_| StoreError::Cluster(ClusterFault::Behind))?;
            let page = self.applied.page(room, PageRequest::After(seen)).await?;
            if page.end >= seen || began.elapsed() >= LEVEL_CERTAIN {
                return Ok(page);
            }
            tokio::time::sleep(LEVEL_AGAIN).await;
        }
    }

    /// Waits until all posts of a room, or of all, that came before have been told; at most as long as the log takes to give them up.
    async fn settle(&self, room: Option<&str>) {
        let (guard, mut gone) = mpsc::channel(1);
        if self.events.send(Event::Settle { room: room.map(str::to_owned), guard }).is_ok() {
            let _ = gone.recv().await;
        }
    }
}

async fn open(
    folder: &Path,
    settings: &ClusterSettings,
    options: StoreOptions,
    largest: usize,
    status: Arc<ClusterStatus>,
    trial: Trial,
) -> Result<Opened, ClusterError> {
    let broker = Broker::open(settings, largest).await?;
    let opened = SqliteStore::open_replica(folder, &options, &broker.identity).map_err(ClusterError::Folder)?;
    let (store, commits, positions) = match opened {
        ReplicaOpened::Open { store, commits, positions } => (store, commits, positions),
        ReplicaOpened::Not(FolderIs::OfOneNode) => {
            return Err(ClusterError::FolderOfOneNode { folder: folder.to_owned() });
        }
        ReplicaOpened::Not(FolderIs::OfEpoch) => return Err(ClusterError::OlderEpoch { folder: folder.to_owned() }),
        ReplicaOpened::Not(FolderIs::Foreign | FolderIs::Ours) => {
            return Err(ClusterError::ForeignFolder { folder: folder.to_owned() });
        }
    };
    for (shard, position) in positions {
        status.set_applied(shard, position.applied);
        if watchdog::holds(&broker, shard, &position).await == Ok(Some(false)) {
            watchdog::refuse_older(&status, shard, position.applied);
        }
    }
    let store = Arc::new(store);
    let link = AccessLink { broker: broker.clone(), status: Arc::clone(&status), runtime: Handle::current() };
    let mut accounts = SqliteAccounts::open(Some(folder)).map_err(ClusterError::Folder)?;
    access::catch_up(&link, &mut accounts).await.map_err(ClusterError::Access)?;
    tokio::spawn(access::follow(link.clone(), accounts));
    let flights = Arc::new(Flights::default());
    let (events, received) = mpsc::unbounded_channel();
    let (posts, taken) = mpsc::channel(WAITING);
    let epoch = broker.identity.epoch.clone();
    let tail = Tail {
        broker: broker.clone(),
        store: Arc::clone(&store),
        flights: Arc::clone(&flights),
        status: Arc::clone(&status),
        events: events.clone(),
    };
    for shard in 0..SHARDS {
        tokio::spawn(tail.clone().run(shard));
    }
    let mut watchdog = Watchdog::new(broker.clone(), Arc::clone(&store), Arc::clone(&status));
    // A node that was level when it went away is ready at once.
    watchdog.look().await;
    watchdog.look_at_access().await;
    tokio::spawn(watchdog.run());
    let Trial { refused, patience } = trial;
    let parts =
        LogParts { broker, store: Arc::clone(&store), flights, status, events: events.clone(), patience, refused };
    tokio::spawn(Log::new(parts).run(taken, received));
    Ok(Opened { store, commits, events, posts, epoch, link })
}

impl MessageStore for ClusterStore {
    fn epoch(&self) -> &str {
        &self.epoch
    }

    fn append(&self, append: Append) -> BoxFuture<'_, bool> {
        Box::pin(async move {
            let Some(posts) = lock(&self.posts).clone() else { return false };
            posts.send(append).await.is_ok()
        })
    }

    fn flush(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            self.settle(None).await;
            self.applied.flush().await
        })
    }

    fn page<'a>(&'a self, room: &'a str, request: PageRequest) -> BoxFuture<'a, Result<Page, StoreError>> {
        Box::pin(async move {
            // While the log has no leader, pages are read all the same.
            let _ = timeout(PAGE_PATIENCE, self.settle(Some(room))).await;
            let page = self.applied.page(room, request).await?;
            match request {
                // Who comes from another node may have seen what this one has not applied yet.
                PageRequest::After(seen) if seen > page.end => self.page_once_level(room, seen).await,
                PageRequest::After(_) | PageRequest::Latest(_) | PageRequest::Before(..) => Ok(page),
            }
        })
    }

    fn receipts<'a>(&'a self, room: &'a str) -> BoxFuture<'a, Result<StoredReceipts, StoreError>> {
        self.applied.receipts(room)
    }

    fn save_receipts(&self, receipts: HashMap<String, StoredReceipts>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.applied.save_receipts(receipts)
    }

    fn read_state(&self, query: ReadQuery) -> BoxFuture<'_, Result<ReadState, StoreError>> {
        self.applied.read_state(query)
    }

    fn save_read_positions(&self, positions: Vec<ReadPosition>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.applied.save_read_positions(positions)
    }

    fn check(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            self.applied.check().await?;
            self.status.fault().map_or(Ok(()), |fault| Err(StoreError::Cluster(fault)))
        })
    }

    fn retain(&self, retention: Retention) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(async move {
            let _ = timeout(PAGE_PATIENCE, self.settle(None)).await;
            let removed = self.applied.retain(retention).await?;
            retention::purge(&self.link.broker, &self.applied, &self.node).await;
            Ok(removed)
        })
    }

    fn close(&self) {
        lock(&self.posts).take();
        let Some(Driver { thread, stop }) = lock(&self.thread).take() else { return };
        let (done, given_up) = std::sync::mpsc::channel::<()>();
        let (guard, mut gone) = mpsc::channel::<()>(1);
        let (broker, node) = (self.link.broker.clone(), self.node.clone());
        let settled = self.events.send(Event::Settle { room: None, guard });
        // On a separate thread: the caller may be on a runtime, where `block_on` would panic.
        let (events, parting) = (self.events.clone(), PARTING);
        let waits = std::thread::spawn(move || {
            let Ok(runtime) = runtime::Builder::new_current_thread().enable_time().build() else { return };
            runtime.block_on(async {
                if settled.is_ok() {
                    let _ = timeout(parting, gone.recv()).await;
                }
                let (answer, closed) = oneshot::channel();
                if events.send(Event::Close(answer)).is_ok() {
                    let _ = timeout(parting, closed).await;
                }
                let _ = timeout(PAGE_PATIENCE, tell_end(&broker, node)).await;
            });
            drop(done);
        });
        let _ = given_up.recv();
        let _ = waits.join();
        let _ = stop.send(());
        if thread.join().is_err() {
            tracing::error!("the cluster's thread has panicked");
        }
        self.applied.close();
    }
}
