//! Whether this node keeps up with its cluster's streams, and whether these are still the ones that it knows.

use std::sync::Arc;
use std::time::Duration;

use super::broker::{Broker, StreamState};
use super::names::{self, SHARDS};
use super::status::{ClusterStatus, Refusing};
use crate::store::replica::Run;
use crate::store::sqlite::{ShardPosition, SqliteStore};

/// How often it looks.
const PERIOD: Duration = Duration::from_secs(1);

/// The number of looks, with no good one in between, that have to find that a stream has gone back: a server that has just
/// become its leader, or no longer is its leader and does not know that yet, may say so for some seconds.
const LOOKS: u32 = 8;

/// What it has seen so far.
#[derive(Debug)]
pub(super) struct Watchdog {
    broker: Broker,
    store: Arc<SqliteStore>,
    status: Arc<ClusterStatus>,
    /// The furthest end of each stream at the looks so far.
    ends: Option<[u64; SHARDS]>,
    access_end: Option<u64>,
    is_silent: bool,
    went_back: u32,
}

impl Watchdog {
    pub(super) fn new(broker: Broker, store: Arc<SqliteStore>, status: Arc<ClusterStatus>) -> Self {
        Self { broker, store, status, ends: None, access_end: None, is_silent: false, went_back: 0 }
    }

    /// Never returns.
    pub(super) async fn run(mut self) {
        let mut pace = tokio::time::interval(PERIOD);
        pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            pace.tick().await;
            self.look().await;
            self.look_at_access().await;
        }
    }

    /// Whether this node knows who may come in.
    pub(super) async fn look_at_access(&mut self) {
        if let Ok(StreamState::There { last, .. }) = self.broker.state(names::ACCESS).await {
            self.status.set_access_end(last);
            let before = self.access_end.unwrap_or(last);
            self.access_end = Some(before.max(last));
            if self.status.access_applied() >= before {
                self.status.access_is_level();
            }
        }
    }

    /// One look.
    pub(super) async fn look(&mut self) {
        match look(&self.broker, &self.status).await {
            Ok(ends) => {
                // Where they ended a moment ago: what has come since is on its way.
                let before = self.ends.unwrap_or(ends);
                let mut furthest = before;
                furthest.iter_mut().zip(ends).for_each(|(known, end)| *known = end.max(*known));
                self.ends = Some(furthest);
                let is_level = (0..SHARDS).zip(before).all(|(shard, end)| self.status.applied(shard) >= end);
                self.status.heard(is_level);
                self.went_back = 0;
                self.trust_again().await;
                if std::mem::take(&mut self.is_silent) {
                    tracing::info!("the cluster's streams answer again");
                }
            }
            Err(Look::Silent(why)) => {
                if !std::mem::replace(&mut self.is_silent, true) {
                    tracing::warn!(why, "the cluster's streams don't answer");
                }
            }
            Err(Look::WentBack { stream, last, applied }) => {
                self.went_back = self.went_back.saturating_add(1);
                if self.went_back >= LOOKS && !self.status.is_refusing() {
                    tracing::error!(
                        stream,
                        last,
                        applied,
                        "the stream holds less than this node has applied: acknowledged posts were lost, or an older backup was \
                         restored; nothing is stored until it holds it again"
                    );
                    self.status.refuse(Refusing::WentBack);
                }
            }
            Err(Look::Refuse(why, stream)) => {
                if !self.status.is_refusing() {
                    tracing::error!(
                        stream,
                        ?why,
                        "the stream is not the one that this node knows; nothing is stored any more"
                    );
                }
                self.status.refuse(why);
            }
        }
    }
}

impl Watchdog {
    /// The streams reach as far as what this node has applied. If they hold the same there, they have not gone back: a server had answered
    /// that did not know better.
    async fn trust_again(&self) {
        if self.status.refusing() != Some(Refusing::WentBack) {
            return;
        }
        let Ok(positions) = self.store.positions().await else { return };
        for (shard, position) in positions {
            if holds(&self.broker, shard, &position).await != Ok(Some(true)) {
                return;
            }
        }
        tracing::info!("the streams hold what this node has applied; posts are stored again");
        self.status.trust();
    }
}

/// Whether a stream holds what a node has applied last of it. `None`: it holds nothing there, or the server that was asked does not yet.
///
/// # Errors
/// In words: it can't be asked.
pub(super) async fn holds(broker: &Broker, shard: usize, position: &ShardPosition) -> Result<Option<bool>, String> {
    let Some(payload) = broker.record(&names::history(shard), position.applied).await? else { return Ok(None) };
    // One that can't be read has no id.
    let id = serde_json::from_slice::<Run>(&payload).map(|run| run.id).unwrap_or_default();
    Ok(Some(position.run.is_empty() || id == position.run))
}

/// A stream holds something else than a node has applied.
pub(super) fn refuse_older(status: &ClusterStatus, shard: usize, applied: u64) {
    tracing::error!(
        stream = names::history(shard),
        sequence = applied,
        "the stream holds something else than this node has applied: an older backup was restored; nothing is stored any more"
    );
    status.refuse(Refusing::WentBack);
}

enum Look {
    Silent(String),
    WentBack { stream: String, last: u64, applied: u64 },
    Refuse(Refusing, String),
}

async fn look(broker: &Broker, status: &ClusterStatus) -> Result<[u64; SHARDS], Look> {
    let mut ends = [0; SHARDS];
    for (shard, end) in ends.iter_mut().enumerate() {
        let name = names::history(shard);
        // What had been applied before the question is in an answer that is true.
        let applied = status.applied(shard);
        match broker.state(&name).await.map_err(Look::Silent)? {
            StreamState::Missing => return Err(Look::Refuse(Refusing::Missing, name)),
            StreamState::There { epoch, .. } if epoch != broker.identity.epoch => {
                return Err(Look::Refuse(Refusing::OtherEpoch, name));
            }
            StreamState::There { last, .. } if last < applied => {
                return Err(Look::WentBack { stream: name, last, applied });
            }
            StreamState::There { last, .. } => {
                status.set_end(shard, last);
                *end = last;
            }
        }
    }
    Ok(ends)
}
