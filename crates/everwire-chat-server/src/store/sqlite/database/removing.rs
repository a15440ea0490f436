//! Retention: removing what is out of its bounds, and giving back the space.

use std::time::Instant;

use rusqlite::{Connection, params};

use super::{Database, write};
use crate::clock::{ClockReading, millis, unix_ms};
use crate::store::error::StoreError;
use crate::store::messages::Retention;
use crate::store::sqlite::rows::{end, rooms, save_clock, surplus};

/// Rooms that are looked at, and messages that are removed, in one step: posts wait for it.
const STEP_ROOMS: usize = 100;
const STEP_MESSAGES: u64 = 1000;

/// Pages of the file that are given back in one step: posts wait for it.
const STEP_PAGES: u64 = 500;

/// How far removing has come in one step.
#[derive(Debug)]
pub(in crate::store::sqlite) struct RemovedStep {
    pub(in crate::store::sqlite) messages: u64,
    /// The room to go on with.
    pub(in crate::store::sqlite) next: Option<String>,
}

impl Database {
    /// One step of removing what is out of these bounds, beginning with the room `from`.
    pub(in crate::store::sqlite) fn remove(
        &mut self,
        retention: &Retention,
        from: &str,
    ) -> Result<RemovedStep, StoreError> {
        let own = self.clock.now(Instant::now());
        let before = retention.time.map(|kept_for| own.saturating_sub(millis(kept_for)));
        let is_save_due = self.clock.is_save_due(Instant::now());
        let transaction = write(&mut self.connection)?;
        if is_save_due {
            save_clock(&transaction, ClockReading { own, wall: unix_ms() })?;
        }
        let mut rooms = rooms(&transaction, from, STEP_ROOMS + 1)?;
        let mut next = if rooms.len() > STEP_ROOMS { rooms.pop() } else { None };
        let mut left = STEP_MESSAGES;
        for room in rooms {
            let (last, count) = surplus(&transaction, retention.messages, before, &room, left)?;
            if count == 0 {
                continue;
            }
            let end = end(&transaction, &room)?;
            transaction.prepare_cached("UPDATE rooms SET last = ?2 WHERE room = ?1")?.execute(params![room, end])?;
            transaction
                .prepare_cached("DELETE FROM messages WHERE room = ?1 AND position <= ?2")?
                .execute(params![room, last])?;
            left -= count;
            if left == 0 {
                next = Some(room);
                break;
            }
        }
        transaction.commit()?;
        self.log_holds_removed |= left < STEP_MESSAGES;
        Ok(RemovedStep { messages: STEP_MESSAGES - left, next })
    }

    /// One step of giving back the space of what was removed; whether there is more to do.
    pub(in crate::store::sqlite) fn shrink(&mut self) -> Result<bool, StoreError> {
        if !self.log_holds_removed {
            return Ok(false);
        }
        let free = |connection: &Connection| -> rusqlite::Result<u64> {
            connection.pragma_query_value(None, "freelist_count", |row| row.get(0))
        };
        let before = free(&self.connection)?;
        if before > 0 {
            let mut vacuum = self.connection.prepare(&format!("PRAGMA incremental_vacuum({STEP_PAGES})"))?;
            let mut rows = vacuum.query([])?;
            while rows.next()?.is_some() {}
        }
        let left = free(&self.connection)?;
        if left > 0 && left < before {
            return Ok(true);
        }
        // While another connection uses the log, it can't be truncated: the next call tries again.
        let is_busy: bool = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        self.log_holds_removed = is_busy;
        Ok(false)
    }
}
