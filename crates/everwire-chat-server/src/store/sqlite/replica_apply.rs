//! What posts would become, and what becomes of records: the rule that all nodes go by.

use std::collections::HashMap;
use std::time::Instant;

use rusqlite::{Connection, OptionalExtension, params};

use super::database::{Database, write};
use super::rows::{end, last};
use crate::clock::{ClockReading, unix_ms};
use crate::domain::Appended;
use crate::store::error::StoreError;
use crate::store::messages::Append;
use crate::store::replica::{LogRecord, Plan, RecordOutcome, RoomPosts, Run};

/// A plan without its posts.
pub(super) struct Draft {
    after: u64,
    first: u64,
    stored: i64,
    outcomes: Vec<Appended>,
}

impl Draft {
    pub(super) fn plan(self, RoomPosts { room, posts, .. }: RoomPosts) -> Plan {
        let Self { after, first, stored, outcomes } = self;
        Plan { room, after, first, stored, appends: posts.into_iter().zip(outcomes).collect() }
    }
}

impl Database {
    pub(super) fn plan(&self, RoomPosts { room, subject, posts }: &RoomPosts) -> rusqlite::Result<Draft> {
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
        let after = sequence_of(connection, room, subject)?;
        Ok(Draft { after, first, stored: unix_ms().max(room_end.stored), outcomes })
    }

    pub(super) fn apply(&mut self, records: &[LogRecord], is_gap_fine: bool) -> Result<Vec<RecordOutcome>, StoreError> {
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

    fn apply_all(&mut self, records: &[LogRecord], is_gap_fine: bool) -> rusqlite::Result<Vec<RecordOutcome>> {
        let own = self.clock.now(Instant::now());
        let wall = unix_ms();
        let is_save_due = self.clock.is_save_due(Instant::now());
        let transaction = write(&mut self.connection)?;
        if is_save_due {
            super::rows::save_clock(&transaction, ClockReading { own, wall })?;
        }
        let mut outcomes = Vec::with_capacity(records.len());
        for LogRecord { shard, sequence, subject, run } in records {
            let applied: Option<u64> = transaction
                .prepare_cached("SELECT applied FROM cluster_shards WHERE shard = ?1")?
                .query_row([shard], |row| row.get(0))
                .optional()?;
            if applied.is_some_and(|applied| *sequence <= applied) {
                outcomes.push(RecordOutcome::Known);
                continue;
            }
            let outcome = match run {
                Ok(run) => apply(&transaction, *sequence, subject, run, is_gap_fine, |run| {
                    own.saturating_sub(wall.saturating_sub(run.stored).max(0))
                })?,
                Err(_) => {
                    transaction
                        .prepare_cached("INSERT OR REPLACE INTO cluster_unreadable VALUES (?1, ?2)")?
                        .execute(params![subject, sequence])?;
                    RecordOutcome::Unreadable
                }
            };
            outcomes.push(outcome);
            if outcome == RecordOutcome::Gap {
                break;
            }
            let id = run.as_ref().map_or("", |run| run.id.as_str());
            transaction
                .prepare_cached("INSERT OR REPLACE INTO cluster_shards VALUES (?1, ?2, ?3)")?
                .execute(params![shard, sequence, id])?;
        }
        transaction.commit()?;
        Ok(outcomes)
    }
}

/// What becomes of a run that stands here in its room's subject; `aged`: where the clock of retention stood when it was made.
fn apply(
    to: &Connection,
    sequence: u64,
    subject: &str,
    run: &Run,
    is_gap_fine: bool,
    aged: impl FnOnce(&Run) -> i64,
) -> rusqlite::Result<RecordOutcome> {
    let before = sequence_of(to, &run.room, subject)?;
    let room_end = end(to, &run.room)?;
    let is_next = run.after == before && run.first == room_end + 1;
    let skips = run.after > before && run.first > room_end;
    if skips && !is_gap_fine {
        return Ok(RecordOutcome::Gap);
    }
    let outcome = if is_next || skips { RecordOutcome::Applied } else { RecordOutcome::Void };
    if skips {
        // What was between was removed for its age before this node saw it: what is older goes, too.
        for table in ["DELETE FROM messages WHERE room = ?1", "DELETE FROM cluster_runs WHERE room = ?1"] {
            to.execute(table, [&run.room])?;
        }
    }
    if outcome == RecordOutcome::Applied {
        insert(to, sequence, run, aged(run))?;
    }
    to.prepare_cached("INSERT OR REPLACE INTO cluster_rooms VALUES (?1, ?2)")?.execute(params![run.room, sequence])?;
    Ok(outcome)
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

/// The sequence of a room's last record, whether or not it can be read; 0: there is none.
fn sequence_of(connection: &Connection, room: &str, subject: &str) -> rusqlite::Result<u64> {
    let mut select = connection.prepare_cached(
        "SELECT max(coalesce((SELECT sequence FROM cluster_rooms WHERE room = ?1), 0),
                    coalesce((SELECT sequence FROM cluster_unreadable WHERE subject = ?2), 0))",
    )?;
    select.query_row([room, subject], |row| row.get(0))
}
