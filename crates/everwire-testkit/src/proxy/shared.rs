//! What the handle, the accepting task and the connections share.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::events::{EndedBy, Event, EventKind, Log};
use super::stats::{OpenConnection, Stats};
use crate::faults::{Connection, Direction, Ending, FaultPlan, Link, LinkFaults, RuleId};

/// See [`Builder`](super::Builder).
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) upstream: String,
    pub(super) room: usize,
    pub(super) max_connections: usize,
    pub(super) dial_timeout: Duration,
    pub(super) log: usize,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) log: Arc<Log>,
    /// Wakes the accepting task.
    pub(super) wake: Notify,
    state: Mutex<State>,
    start: Instant,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) plan: FaultPlan,
    pub(super) black_hole: bool,
    pub(super) refuse: bool,
    pub(super) stop: bool,
    pub(super) stats: Stats,
    /// By number, which is also the order of age.
    pub(super) entries: BTreeMap<u64, Arc<Entry>>,
}

/// An open connection, as seen from outside its task.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) number: u64,
    pub(super) client: SocketAddr,
    /// Wakes its task.
    pub(super) wake: Notify,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) link: Link,
    pub(super) passed: [u64; 2],
    pub(super) ended_by: Option<EndedBy>,
    /// How a connection without a server is to end.
    pub(super) ending: Ending,
}

impl Shared {
    pub(super) fn new(settings: Settings, plan: FaultPlan) -> Arc<Self> {
        let state = State {
            plan,
            black_hole: false,
            refuse: false,
            stop: false,
            stats: Stats::default(),
            entries: BTreeMap::new(),
        };
        let log = Log::new(settings.log);
        Arc::new(Self { settings, log, wake: Notify::new(), state: Mutex::new(state), start: Instant::now() })
    }

    /// Since the proxy started.
    pub(super) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// When that is on the clock; `None` for never.
    pub(super) fn instant(&self, at: Duration) -> Option<Instant> {
        self.start.checked_add(at)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tell(&self, kind: EventKind) {
        self.log.add(Event { at: self.now(), kind });
    }

    /// A rule has begun to act.
    pub(super) fn tell_fault(&self, connection: u64, rule: RuleId) {
        *self.lock().stats.faults.entry(rule.fault).or_default() += 1;
        self.tell(EventKind::Fault { connection, rule });
    }

    /// A client has connected: its number for life, and what the plan says. `None` if too many are open.
    pub(super) fn connect(&self) -> (u64, Option<Connection>) {
        let now = self.now();
        let mut state = self.lock();
        state.stats.connections += 1;
        let number = state.stats.connections;
        if state.entries.len() >= self.settings.max_connections {
            state.stats.refused += 1;
            return (number, None);
        }
        (number, Some(state.plan.connect(now)))
    }

    /// From now on the connection can be reached from outside its task.
    pub(super) fn enter(&self, number: u64, client: SocketAddr, faults: LinkFaults) -> Arc<Entry> {
        let mut state = self.lock();
        let mut link = Link::new(faults).with_room(self.settings.room);
        link.pause(state.black_hole);
        if state.stop {
            link.cut(self.now(), Ending::Close);
        }
        let inner = Mutex::new(Inner { link, passed: [0; 2], ended_by: None, ending: Ending::Close });
        let entry = Arc::new(Entry { number, client, wake: Notify::new(), inner });
        state.entries.insert(number, Arc::clone(&entry));
        entry
    }

    /// The connection is over.
    pub(super) fn leave(&self, entry: &Entry) {
        let (passed, by) = {
            let inner = entry.lock();
            (inner.passed, inner.ended_by.unwrap_or(EndedBy::Control))
        };
        let mut state = self.lock();
        state.entries.remove(&entry.number);
        let [to_server, to_client] = passed;
        state.stats.to_server += to_server;
        state.stats.to_client += to_client;
        drop(state);
        self.tell(EventKind::Closed { connection: entry.number, by, to_server, to_client });
    }

    pub(super) fn stats(&self) -> Stats {
        let state = self.lock();
        let mut stats = state.stats.clone();
        stats.open = state.entries.len();
        for entry in state.entries.values() {
            let [to_server, to_client] = entry.lock().passed;
            stats.to_server += to_server;
            stats.to_client += to_client;
        }
        stats
    }

    pub(super) fn open(&self) -> Vec<OpenConnection> {
        let state = self.lock();
        let open = state.entries.values().map(|entry| {
            let [to_server, to_client] = entry.lock().passed;
            OpenConnection { connection: entry.number, client: entry.client, to_server, to_client }
        });
        open.collect()
    }
}

impl Entry {
    /// To be taken after the shared state's lock, if both are.
    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn cut(&self, now: Duration, ending: Ending, by: EndedBy) {
        let mut inner = self.lock();
        inner.link.cut(now, ending);
        inner.ended_by.get_or_insert(by);
        drop(inner);
        self.wake.notify_one();
    }
}

impl Inner {
    pub(super) fn passed(&mut self, direction: Direction, bytes: usize) {
        self.passed[direction as usize] += bytes as u64;
    }
}

/// Never, for `None`.
pub(super) async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
