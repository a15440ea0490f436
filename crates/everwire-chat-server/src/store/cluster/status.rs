//! How a node stands with its cluster, shared by all its tasks.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::fault::ClusterFault;
use super::names::SHARDS;
use crate::store::messages::StoreNumber;
use crate::sync::lock;

/// Without a word from the streams for so long, a node is not ready.
const SILENCE: Duration = Duration::from_secs(10);

/// Without being sure of what was told of who may come in for so long, nobody is let in.
const STALE: Duration = Duration::from_secs(5);

/// Behind the streams' ends for so long, a node is not ready.
const BEHIND: Duration = Duration::from_secs(10);

/// Why this node appends nothing until an operator has acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusing {
    /// A stream ends before what was applied, or holds something else there.
    WentBack,
    /// A stream is of another epoch.
    OtherEpoch,
    /// A stream is not there.
    Missing,
}

/// How a node stands with its cluster.
#[derive(Debug)]
pub(crate) struct ClusterStatus {
    applied: [AtomicU64; SHARDS],
    ends: [AtomicU64; SHARDS],
    pub(super) conflicts: AtomicU64,
    pub(super) unknown_outcomes: AtomicU64,
    pub(super) void_records: AtomicU64,
    pub(super) restarts: AtomicU64,
    epoch_changes: AtomicU64,
    refusing: Mutex<Option<Refusing>>,
    is_refusing: AtomicBool,
    /// When all streams last answered, and when all of them were last applied to their ends.
    heard: Mutex<Times>,
    /// What was applied of who may come in, and where its stream ends.
    access: AtomicU64,
    access_end: AtomicU64,
    /// Posts wait until it is known who may stay.
    holds_posts: AtomicBool,
}

#[derive(Debug)]
struct Times {
    heard: Instant,
    level: Option<Instant>,
    /// When all that was told of who may come in was last known to be applied.
    access: Option<Instant>,
    /// The same when it was last looked who may stay.
    looked: Option<Instant>,
}

impl ClusterStatus {
    pub(super) fn new() -> Self {
        let heard = Mutex::new(Times { heard: Instant::now(), level: None, access: None, looked: None });
        Self {
            applied: Default::default(),
            ends: Default::default(),
            conflicts: AtomicU64::default(),
            unknown_outcomes: AtomicU64::default(),
            void_records: AtomicU64::default(),
            restarts: AtomicU64::default(),
            epoch_changes: AtomicU64::default(),
            refusing: Mutex::default(),
            is_refusing: AtomicBool::default(),
            heard,
            access: AtomicU64::default(),
            access_end: AtomicU64::default(),
            holds_posts: AtomicBool::default(),
        }
    }

    pub(super) fn applied(&self, shard: usize) -> u64 {
        self.applied.get(shard).map_or(0, |applied| applied.load(Ordering::Relaxed))
    }

    pub(super) fn set_applied(&self, shard: usize, sequence: u64) {
        if let Some(applied) = self.applied.get(shard) {
            applied.store(sequence, Ordering::Relaxed);
        }
    }

    pub(super) fn set_end(&self, shard: usize, sequence: u64) {
        if let Some(end) = self.ends.get(shard) {
            end.store(sequence, Ordering::Relaxed);
        }
    }

    /// Where a shard's stream ended when it was last asked.
    pub(super) fn end(&self, shard: usize) -> u64 {
        self.ends.get(shard).map_or(0, |end| end.load(Ordering::Relaxed))
    }

    /// All streams have answered, and this node had applied them up to their ends when they did.
    pub(super) fn heard(&self, is_level: bool) {
        let mut times = lock(&self.heard);
        times.heard = Instant::now();
        if is_level {
            times.level = Some(times.heard);
        }
    }

    pub(super) fn access_applied(&self) -> u64 {
        self.access.load(Ordering::Relaxed)
    }

    pub(super) fn set_access_applied(&self, sequence: u64) {
        self.access.fetch_max(sequence, Ordering::Relaxed);
    }

    pub(super) fn set_access_end(&self, sequence: u64) {
        self.access_end.store(sequence, Ordering::Relaxed);
    }

    /// Where the stream of who may come in ended when it was last asked.
    pub(super) fn access_end(&self) -> u64 {
        self.access_end.load(Ordering::Relaxed)
    }

    /// All that was told of who may come in is applied.
    pub(super) fn access_is_level(&self) {
        lock(&self.heard).access = Some(Instant::now());
    }

    /// Whether this node knows who may come in.
    pub(super) fn knows_access(&self) -> bool {
        lock(&self.heard).access.is_some_and(|at| at.elapsed() <= STALE)
    }

    /// As of when that is known.
    pub(super) fn access_known_as_of(&self) -> Option<Instant> {
        lock(&self.heard).access
    }

    /// Those who are in were looked at by what was known at that time.
    pub(super) fn looked(&self, as_of: Instant) {
        let mut times = lock(&self.heard);
        times.looked = times.looked.max(Some(as_of));
    }

    pub(super) fn hold_posts(&self) {
        self.holds_posts.store(true, Ordering::Relaxed);
    }

    /// Whether posts may be stored: not while a sender may have been banned since it was looked.
    pub(super) fn may_plan(&self) -> bool {
        !self.holds_posts.load(Ordering::Relaxed)
            || lock(&self.heard).looked.is_some_and(|as_of| as_of.elapsed() <= STALE)
    }

    /// Nothing is appended any more.
    pub(super) fn refuse(&self, why: Refusing) {
        let mut refusing = lock(&self.refusing);
        if *refusing != Some(why) {
            *refusing = Some(why);
            self.is_refusing.store(true, Ordering::Relaxed);
            self.epoch_changes.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The reason why nothing is appended is gone.
    pub(super) fn trust(&self) {
        *lock(&self.refusing) = None;
        self.is_refusing.store(false, Ordering::Relaxed);
    }

    pub(super) fn refusing(&self) -> Option<Refusing> {
        *lock(&self.refusing)
    }

    pub(super) fn is_refusing(&self) -> bool {
        self.is_refusing.load(Ordering::Relaxed)
    }

    /// What keeps this node from serving, if anything does.
    pub(crate) fn fault(&self) -> Option<ClusterFault> {
        match *lock(&self.refusing) {
            Some(Refusing::WentBack) => return Some(ClusterFault::WentBack),
            Some(Refusing::OtherEpoch) => return Some(ClusterFault::OtherEpoch),
            Some(Refusing::Missing) => return Some(ClusterFault::Missing),
            None => {}
        }
        let times = lock(&self.heard);
        if times.heard.elapsed() > SILENCE {
            return Some(ClusterFault::Silent);
        }
        match times.level {
            Some(level) if level.elapsed() <= BEHIND.saturating_add(times.heard.elapsed()) => None,
            _ => Some(ClusterFault::Behind),
        }
    }

    pub(crate) fn numbers(&self) -> Vec<StoreNumber> {
        let lag = self
            .ends
            .iter()
            .zip(&self.applied)
            .map(|(end, applied)| end.load(Ordering::Relaxed).saturating_sub(applied.load(Ordering::Relaxed)));
        let lag = lag.fold(0, u64::saturating_add);
        let is_ready = u64::from(self.fault().is_none());
        let gauge = |name, help, value| StoreNumber { name, help, value, is_gauge: true };
        let counter = |name, help, counter: &AtomicU64| StoreNumber {
            name,
            help,
            value: counter.load(Ordering::Relaxed),
            is_gauge: false,
        };
        vec![
            gauge("cluster_ready", "Whether this node keeps up with its cluster and may append: 1 or 0", is_ready),
            gauge("cluster_lag_records", "Records of the cluster's streams that this node has not applied yet", lag),
            counter(
                "cluster_conflicts",
                "Appends that another node's overtook, and that were made anew",
                &self.conflicts,
            ),
            counter("cluster_unknown_outcomes", "Appends whose outcome was not told in time", &self.unknown_outcomes),
            counter(
                "cluster_epoch_changes",
                "Times that a stream was not the one that this node knew",
                &self.epoch_changes,
            ),
            counter("cluster_void_records", "Records that count as not there", &self.void_records),
            counter("cluster_reader_restarts", "Times that the reading of a stream began anew", &self.restarts),
        ]
    }
}
