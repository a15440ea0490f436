//! A history that is made of a cluster's log: what this node has applied of it, in the same file and transaction as the messages.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::oneshot;

use super::database::{Database, write};
use super::rows::{end, last};
use crate::clock::{ClockReading, unix_ms};
use crate::domain::Appended;
use crate::store::commits::{Commit, CommitSender};
use crate::store::error::StoreError;
use crate::store::messages::{Append, Producer};
use crate::store::replica::{Flights, Identity, LogRecord, Plan, Planned, Post, RecordOutcome, Run};

/// `cluster_shards`: the last record of each stream that was applied. `cluster_rooms`: each room's last record, void ones among them.
/// `cluster_runs`: which record a post stands in, by its first offset.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS cluster_shards (shard INTEGER PRIMARY KEY, applied INTEGER NOT NULL, run TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS cluster_rooms (room TEXT PRIMARY KEY, sequence INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS cluster_runs (
        room TEXT NOT NULL, first INTEGER NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (room, first)
    ) WITHOUT ROWID;
";

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
        runs: Vec<(String, Vec<Append>)>,
        answer: oneshot::Sender<Planned>,
    },
    Apply {
        records: Vec<LogRecord>,
        is_gap_fine: bool,
        flights: Arc<Flights>,
        answer: oneshot::Sender<Result<Vec<RecordOutcome>, StoreError>>,
    },
    Tell(Vec<Commit>),
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

/// By stream.
pub(super) type Positions = BTreeMap<usize, ShardPosition>;

fn positions(connection: &Connection) -> Result<Positions, StoreError> {
    let mut select = connection.prepare("SELECT shard, applied, run FROM cluster_shards")?;
    let rows =
        select.query_map([], |row| Ok((row.get(0)?, ShardPosition { applied: row.get(1)?, run: row.get(2)? })))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The part of the history's thread that a node of a cluster needs.
pub(super) fn work(database: &mut Database, commits: &CommitSender, work: ReplicaWork) {
    match work {
        ReplicaWork::Plan { runs, answer } => {
            let plans: Result<Vec<_>, _> = runs.iter().map(|(room, posts)| database.plan(room, posts)).collect();
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
                    if *outcome == RecordOutcome::Applied {
                        commits.send(committed(record, &flights));
                    }
                }
            }
            let _ = answer.send(applied);
        }
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
fn committed(record: LogRecord, flights: &Flights) -> Commit {
    let run = record.run;
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

/// A plan without its posts.
struct Draft {
    after: u64,
    first: u64,
    stored: i64,
    outcomes: Vec<Appended>,
}

impl Draft {
    fn plan(self, (room, posts): (String, Vec<Append>)) -> Plan {
        let Self { after, first, stored, outcomes } = self;
        Plan { room, after, first, stored, appends: posts.into_iter().zip(outcomes).collect() }
    }
}

impl Database {
    fn plan(&self, room: &str, posts: &[Append]) -> rusqlite::Result<Draft> {
        let connection = &self.connection;
        let room_end = last(connection, room)?;
        let first = room_end.position + 1;
        let mut next = first;
        let mut planned: HashMap<&str, (u64, String)> = HashMap::new();
        let mut outcomes = Vec::with_capacity(posts.len());
        for Append { message, .. } in posts {
            let known = match planned.get(message.id.as_str()) {
                Some(known) => Some(known.clone()),
                None => connection
                    .prepare_cached("SELECT position, user_id FROM messages WHERE room = ?1 AND id = ?2")?
                    .query_row(params![room, message.id], |row| Ok((row.get(0)?, row.get(1)?)))
                    .optional()?,
            };
            outcomes.push(match known {
                Some((position, user)) if user == message.user_id => Appended::Duplicate(position),
                Some(_) => Appended::IdTaken,
                None => {
                    planned.insert(&message.id, (next, message.user_id.clone()));
                    next += 1;
                    Appended::New(next - 1)
                }
            });
        }
        let after = sequence_of(connection, room)?;
        Ok(Draft { after, first, stored: unix_ms().max(room_end.stored), outcomes })
    }

    fn apply(&mut self, records: &[LogRecord], is_gap_fine: bool) -> Result<Vec<RecordOutcome>, StoreError> {
        self.go_on()?;
        let applied = self.apply_all(records, is_gap_fine).map_err(StoreError::from).and_then(|outcomes| {
            self.look_for_files()?;
            Ok(outcomes)
        });
        if let Err(error) = &applied {
            self.note(error);
        }
        applied
    }

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

    fn apply_all(&mut self, records: &[LogRecord], is_gap_fine: bool) -> rusqlite::Result<Vec<RecordOutcome>> {
        let own = self.clock.now(Instant::now());
        let wall = unix_ms();
        let is_save_due = self.clock.is_save_due(Instant::now());
        let transaction = write(&mut self.connection)?;
        if is_save_due {
            super::rows::save_clock(&transaction, ClockReading { own, wall })?;
        }
        let mut outcomes = Vec::with_capacity(records.len());
        for LogRecord { shard, sequence, run } in records {
            let applied: Option<u64> = transaction
                .prepare_cached("SELECT applied FROM cluster_shards WHERE shard = ?1")?
                .query_row([shard], |row| row.get(0))
                .optional()?;
            if applied.is_some_and(|applied| *sequence <= applied) {
                outcomes.push(RecordOutcome::Known);
                continue;
            }
            let before = sequence_of(&transaction, &run.room)?;
            let room_end = end(&transaction, &run.room)?;
            let is_next = run.after == before && run.first == room_end + 1;
            let skips = run.after > before && run.first > room_end;
            let outcome = if is_next {
                RecordOutcome::Applied
            } else if skips && !is_gap_fine {
                outcomes.push(RecordOutcome::Gap);
                break;
            } else if skips {
                // What was between was removed for its age before this node saw it: what is older goes, too.
                for table in ["DELETE FROM messages WHERE room = ?1", "DELETE FROM cluster_runs WHERE room = ?1"] {
                    transaction.execute(table, [&run.room])?;
                }
                RecordOutcome::Applied
            } else {
                RecordOutcome::Void
            };
            if outcome == RecordOutcome::Applied {
                insert(&transaction, *sequence, run, own.saturating_sub(wall.saturating_sub(run.stored).max(0)))?;
            }
            transaction
                .prepare_cached("INSERT OR REPLACE INTO cluster_rooms VALUES (?1, ?2)")?
                .execute(params![run.room, sequence])?;
            transaction
                .prepare_cached("INSERT OR REPLACE INTO cluster_shards VALUES (?1, ?2, ?3)")?
                .execute(params![shard, sequence, run.id])?;
            outcomes.push(outcome);
        }
        transaction.commit()?;
        Ok(outcomes)
    }
}

fn insert(to: &Connection, sequence: u64, run: &Run, aged: i64) -> rusqlite::Result<()> {
    to.prepare_cached("INSERT OR IGNORE INTO rooms VALUES (?1, 0)")?.execute([&run.room])?;
    to.prepare_cached("INSERT OR REPLACE INTO cluster_runs VALUES (?1, ?2, ?3)")?
        .execute(params![run.room, run.first, sequence])?;
    // An id that this node still holds had been removed where the run was made.
    let mut insert =
        to.prepare_cached("INSERT OR REPLACE INTO messages VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?;
    for (offset, post) in (run.first..).zip(&run.posts) {
        let message = post.message(offset);
        insert.execute(params![
            run.room,
            offset,
            message.id,
            message.user_id,
            message.user_name,
            message.text,
            message.timestamp,
            run.stored,
            aged,
        ])?;
    }
    Ok(())
}

/// The sequence of a room's last record; 0: there is none.
fn sequence_of(connection: &Connection, room: &str) -> rusqlite::Result<u64> {
    let mut select = connection.prepare_cached("SELECT sequence FROM cluster_rooms WHERE room = ?1")?;
    Ok(select.query_row([room], |row| row.get(0)).optional()?.unwrap_or(0))
}
