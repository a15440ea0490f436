//! A history that is made of a cluster's log: what this node has applied of it, in the same file and transaction as the messages.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::oneshot;

use super::database::{Database, write};
use crate::domain::Appended;
use crate::store::commits::{Commit, CommitSender};
use crate::store::error::StoreError;
use crate::store::messages::{Append, Producer};
use crate::store::replica::{Flights, Identity, LogRecord, Planned, Post, RecordOutcome, RoomPosts, Run};

/// `cluster_shards`: the last record of each stream that was applied. `cluster_rooms`: each room's last record, void ones among them.
/// `cluster_runs`: which record a post stands in, by its first offset. `cluster_unreadable`: each subject's last record that can't be
/// read.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS cluster_shards (shard INTEGER PRIMARY KEY, applied INTEGER NOT NULL, run TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS cluster_rooms (room TEXT PRIMARY KEY, sequence INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS cluster_runs (
        room TEXT NOT NULL, first INTEGER NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (room, first)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS cluster_unreadable (subject TEXT PRIMARY KEY, sequence INTEGER NOT NULL) WITHOUT ROWID;
";

/// Where the position in the stream of who may come in stands among those of the shards.
pub(super) const ACCESS_SHARD: usize = 1000;

/// Connections of other nodes, as the rooms know them: nobody's here.
const ELSEWHERE: u64 = 0;

/// Rooms of which old records are removed in one go.
const MOST_SURPLUS: usize = 1000;

/// Whose history a data folder holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FolderIs {
    Ours,
    /// Of another cluster.
    Foreign,
    /// Of a server that was alone.
    OfOneNode,
    /// Ours, from before the cluster began a new epoch.
    OfEpoch,
}

/// The last record of a stream that was applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ShardPosition {
    pub(crate) applied: u64,
    pub(crate) run: String,
}

/// What a node asks the history's thread for, in order with all else.
#[derive(Debug)]
pub(crate) enum ReplicaWork {
    Plan {
        runs: Vec<RoomPosts>,
        answer: oneshot::Sender<Planned>,
    },
    Apply {
        records: Vec<LogRecord>,
        is_gap_fine: bool,
        flights: Arc<Flights>,
        answer: oneshot::Sender<Result<Vec<RecordOutcome>, StoreError>>,
    },
    Tell(Vec<Commit>),
    Positions {
        answer: oneshot::Sender<Result<Positions, StoreError>>,
    },
    Surplus {
        answer: oneshot::Sender<Result<Vec<(String, u64)>, StoreError>>,
    },
    Forget(Vec<(String, u64)>),
}

/// Makes a data folder this cluster's, if it is nobody's.
pub(super) fn prepare(database: &mut Database, identity: &Identity) -> Result<(FolderIs, Positions), StoreError> {
    let found = claim(&mut database.connection, identity)?;
    if found != FolderIs::Ours {
        return Ok((found, Positions::new()));
    }
    database.set_epoch(&identity.epoch);
    Ok((found, positions(&database.connection)?))
}

fn claim(connection: &mut Connection, identity: &Identity) -> Result<FolderIs, StoreError> {
    let transaction = write(connection)?;
    transaction.execute_batch(TABLES)?;
    let meta = |key: &str| -> rusqlite::Result<Option<String>> {
        transaction.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0)).optional()
    };
    let found = match meta("cluster")? {
        Some(cluster) if cluster != identity.cluster => FolderIs::Foreign,
        Some(_) => match meta("epoch")? {
            Some(epoch) if epoch != identity.epoch => FolderIs::OfEpoch,
            _ => FolderIs::Ours,
        },
        None => {
            let is_used: bool = transaction.query_row(
                "SELECT EXISTS (SELECT 1 FROM rooms) OR EXISTS (SELECT 1 FROM accounts) OR EXISTS (SELECT 1 FROM bans)",
                [],
                |row| row.get(0),
            )?;
            if is_used { FolderIs::OfOneNode } else { FolderIs::Ours }
        }
    };
    if found == FolderIs::Ours {
        for (key, value) in [("cluster", &identity.cluster), ("epoch", &identity.epoch)] {
            transaction.execute("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", [key, value.as_str()])?;
        }
        transaction.commit()?;
    }
    Ok(found)
}

/// By shard.
pub(crate) type Positions = BTreeMap<usize, ShardPosition>;

fn positions(connection: &Connection) -> Result<Positions, StoreError> {
    let mut select = connection.prepare("SELECT shard, applied, run FROM cluster_shards WHERE shard <> ?1")?;
    let rows = select
        .query_map([ACCESS_SHARD], |row| Ok((row.get(0)?, ShardPosition { applied: row.get(1)?, run: row.get(2)? })))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The part of the history's thread that a node of a cluster needs.
pub(super) fn work(database: &mut Database, commits: &CommitSender, work: ReplicaWork) {
    match work {
        ReplicaWork::Plan { runs, answer } => {
            let plans: Result<Vec<_>, _> = runs.iter().map(|run| database.plan(run)).collect();
            let planned = match plans {
                Ok(plans) => Planned::Plans(plans.into_iter().zip(runs).map(|(draft, run)| draft.plan(run)).collect()),
                Err(error) => Planned::Failed(error.into(), runs),
            };
            let _ = answer.send(planned);
        }
        ReplicaWork::Apply { records, is_gap_fine, flights, answer } => {
            let applied = database.apply(&records, is_gap_fine);
            if let Ok(outcomes) = &applied {
                for (record, outcome) in records.into_iter().zip(outcomes) {
                    if let (Ok(run), RecordOutcome::Applied) = (record.run, outcome) {
                        commits.send(committed(run, &flights));
                    }
                }
            }
            let _ = answer.send(applied);
        }
        ReplicaWork::Positions { answer } => drop(answer.send(positions(&database.connection))),
        ReplicaWork::Surplus { answer } => drop(answer.send(database.surplus_records().map_err(StoreError::from))),
        ReplicaWork::Forget(records) => {
            if let Err(error) = database.forget_records(&records) {
                tracing::warn!(%error, "which records were removed can't be stored");
            }
        }
        ReplicaWork::Tell(told) => told.into_iter().for_each(|commit| commits.send(commit)),
    }
}

/// Our own run, or one of another node.
fn committed(run: Run, flights: &Flights) -> Commit {
    if let Some(flight) = flights.take(&run.id) {
        let took = flight.took();
        return Commit::Stored { appends: flight.appends, took };
    }
    let producer = Producer::new(ELSEWHERE);
    let append = |(offset, post): (u64, &Post)| {
        let append = Append { room: run.room.clone(), message: post.message(offset), producer: producer.clone() };
        (append, Appended::New(offset))
    };
    Commit::Replicated { appends: (run.first..).zip(&run.posts).map(append).collect() }
}

impl Database {
    /// Rooms of which records hold nothing but what was removed here, and the sequence of the first record that is kept: the one that holds
    /// the oldest message, or the last one.
    fn surplus_records(&self) -> rusqlite::Result<Vec<(String, u64)>> {
        let mut select = self.connection.prepare_cached(
            "SELECT room, keep FROM (
                 SELECT room,
                        (SELECT max(sequence) FROM cluster_runs WHERE cluster_runs.room = rooms.room AND first <= coalesce(
                            (SELECT min(position) FROM messages WHERE messages.room = rooms.room), 9223372036854775807)) AS keep,
                        (SELECT min(sequence) FROM cluster_runs WHERE cluster_runs.room = rooms.room) AS oldest
                 FROM rooms WHERE last > 0)
             WHERE keep > oldest LIMIT ?1",
        )?;
        select.query_map([MOST_SURPLUS], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    }

    fn forget_records(&mut self, kept_from: &[(String, u64)]) -> rusqlite::Result<()> {
        let transaction = write(&mut self.connection)?;
        for (room, sequence) in kept_from {
            transaction
                .prepare_cached("DELETE FROM cluster_runs WHERE room = ?1 AND sequence < ?2")?
                .execute(params![room, sequence])?;
        }
        transaction.commit()
    }
}
