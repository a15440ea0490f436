//! The messages in SQLite.
//!
//! - [`opening`]: how its file is opened, checked and brought up to date
//! - [`removing`]: retention, and giving back the space

mod opening;
mod removing;

use std::collections::HashMap;
#[cfg(test)]
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use everwire_chat_core::TextMessage;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

#[cfg(test)]
use super::folder::FILE;
use super::folder::{Folder, Last};
use super::rows::{End, PAGE, end, is_anything_before, is_of_cluster, last, page, page_before, save_clock};
use crate::clock::{Clock, ClockReading, unix_ms};
use crate::domain::{Appended, Furthest, StoredReceipts};
use crate::store::error::StoreError;
use crate::store::messages::{Append, Page, PageRequest};

pub(super) use opening::open_shared;
pub(super) use removing::RemovedStep;

/// The largest number of rooms whose ends are remembered: before another one is added, all are forgotten.
const MOST_ENDS: usize = 10_000;

#[derive(Debug)]
pub(super) struct Database {
    pub(super) connection: Connection,
    epoch: String,
    /// Where rooms that were written to end, of [`MOST_ENDS`] at most; the others are looked up.
    ends: HashMap<String, End>,
    pub(super) clock: Clock,
    /// Read positions that were written since they were last counted.
    pub(super) positions_written: usize,
    /// Something was removed, and may still be read in the log.
    log_holds_removed: bool,
    /// Held, unless the history is in memory.
    folder: Option<Folder>,
    /// Why nothing can be stored before the next start.
    is_over: Option<Over>,
}

#[derive(Clone, Copy, Debug)]
enum Over {
    Damaged,
    Moved,
}

impl Database {
    pub(super) fn epoch(&self) -> &str {
        &self.epoch
    }

    /// Whether the history is a part of a cluster's.
    pub(super) fn is_of_cluster(&self) -> Result<bool, StoreError> {
        Ok(is_of_cluster(&self.connection)?)
    }

    /// The history is a part of a cluster's.
    #[cfg(feature = "cluster")]
    pub(super) fn set_epoch(&mut self, epoch: &str) {
        epoch.clone_into(&mut self.epoch);
    }

    /// How long each attempt to write waits for another program that holds the database.
    pub(super) fn wait_for_others(&self, patience: Duration) -> Result<(), StoreError> {
        Ok(self.connection.busy_timeout(patience)?)
    }

    /// Where the history's clock stands, for the next start.
    pub(super) fn save_clock(&self) -> Result<(), StoreError> {
        let reading = ClockReading { own: self.clock.now(Instant::now()), wall: unix_ms() };
        Ok(save_clock(&self.connection, reading)?)
    }

    /// Stores all of `appends`, or none: what became of each.
    pub(super) fn store(&mut self, appends: &[Append]) -> Result<Vec<Appended>, StoreError> {
        self.go_on()?;
        let stored = self.store_all(appends).map_err(StoreError::from).and_then(|stored| {
            // Into files that nobody will find again, it is not stored.
            self.look_for_files()?;
            Ok(stored)
        });
        match &stored {
            Ok(appended) => self.remember_last(appends, appended),
            Err(error) => {
                // Some positions were given out in a transaction that is gone.
                self.ends.clear();
                self.note(error);
            }
        }
        stored
    }

    /// What is known to be in vain is not tried.
    pub(super) fn go_on(&self) -> Result<(), StoreError> {
        match self.is_over {
            None => Ok(()),
            Some(Over::Damaged) => Err(StoreError::Damaged),
            Some(Over::Moved) => Err(StoreError::Moved),
        }
    }

    pub(super) fn look_for_files(&self) -> Result<(), StoreError> {
        if self.folder.as_ref().is_none_or(Folder::is_in_place) { Ok(()) } else { Err(StoreError::Moved) }
    }

    /// Remembers what no later attempt can mend.
    pub(super) fn note(&mut self, error: &StoreError) {
        if error.is_damage() {
            self.is_over = Some(Over::Damaged);
        } else if matches!(error, StoreError::Moved) {
            self.is_over = Some(Over::Moved);
        }
    }

    fn remember_last(&mut self, appends: &[Append], appended: &[Appended]) {
        let new = appends.iter().zip(appended).rev().find_map(|(append, appended)| match appended {
            Appended::New(position) => {
                Some(Last { room: append.room.clone(), position: *position, id: append.message.id.clone() })
            }
            Appended::Duplicate(_) | Appended::IdTaken => None,
        });
        if let (Some(folder), Some(new)) = (&mut self.folder, new) {
            folder.remember_last(Some(new));
        }
    }

    fn store_all(&mut self, appends: &[Append]) -> rusqlite::Result<Vec<Appended>> {
        let Self { connection, ends, clock, .. } = self;
        let transaction = write(connection)?;
        let (wall, aged) = (unix_ms(), clock.now(Instant::now()));
        if clock.is_save_due(Instant::now()) {
            save_clock(&transaction, ClockReading { own: aged, wall })?;
        }
        let mut stored = Vec::with_capacity(appends.len());
        for Append { room, message, .. } in appends {
            let known = transaction
                .prepare_cached("SELECT position, user_id FROM messages WHERE room = ?1 AND id = ?2")?
                .query_row(params![room, message.id], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))
                .optional()?;
            if let Some((position, user_id)) = known {
                stored.push(if user_id == message.user_id { Appended::Duplicate(position) } else { Appended::IdTaken });
                continue;
            }
            let end = match ends.get(room) {
                Some(end) => *end,
                None => last(&transaction, room)?,
            };
            // However the clock is set, a room's times go on.
            let (position, stored_at) = (end.position + 1, wall.max(end.stored));
            if end.position == 0 {
                transaction.prepare_cached("INSERT OR IGNORE INTO rooms VALUES (?1, 0)")?.execute([room])?;
            }
            transaction.prepare_cached("INSERT INTO messages VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?.execute(
                params![
                    room,
                    position,
                    message.id,
                    message.user_id,
                    message.user_name,
                    message.text,
                    message.timestamp,
                    stored_at,
                    aged,
                ],
            )?;
            if ends.len() >= MOST_ENDS && !ends.contains_key(room) {
                ends.clear();
            }
            ends.insert(room.clone(), End { position, stored: stored_at });
            stored.push(Appended::New(position));
        }
        transaction.commit()?;
        Ok(stored)
    }

    /// A page from this place on.
    pub(super) fn page(&self, room: &str, from: PageRequest) -> Result<Page, StoreError> {
        let end = end(&self.connection, room)?;
        let stored = match from {
            PageRequest::After(offset) => page(&self.connection, room, offset, PAGE)?,
            PageRequest::Latest(count) => page(&self.connection, room, end.saturating_sub(count), count)?,
            PageRequest::Before(offset, count) => page_before(&self.connection, room, offset, count.min(PAGE))?,
        };
        let messages: Vec<TextMessage> = stored.into_iter().map(|stored| stored.message).collect();
        let first = messages.first().and_then(|message| message.offset);
        let more = match from {
            PageRequest::Before(offset, _) => is_anything_before(&self.connection, room, first.unwrap_or(offset))?,
            PageRequest::After(_) | PageRequest::Latest(_) => false,
        };
        Ok(Page { messages, end, more })
    }

    /// How far a room's messages had come when that was last stored.
    pub(super) fn receipts(&self, room: &str) -> Result<StoredReceipts, StoreError> {
        let receipts = self
            .connection
            .prepare_cached(
                "SELECT delivered_to, delivered, delivered_to_others, read_by, read, read_by_others
                 FROM marks WHERE room = ?1",
            )?
            .query_row([room], |row| {
                let top = |at: usize| -> rusqlite::Result<Furthest> {
                    Ok(Furthest { user: row.get(at)?, offset: row.get(at + 1)?, others: row.get(at + 2)? })
                };
                Ok(StoredReceipts { delivered: top(0)?, read: top(3)? })
            });
        Ok(receipts.optional()?.unwrap_or_default())
    }

    /// Stores how far the messages of rooms have come.
    pub(super) fn save_receipts(&mut self, receipts: &HashMap<String, StoredReceipts>) -> Result<(), StoreError> {
        let transaction = write(&mut self.connection)?;
        for (room, StoredReceipts { delivered, read }) in receipts {
            transaction.prepare_cached("INSERT OR REPLACE INTO marks VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?.execute(
                params![room, delivered.offset, delivered.user, delivered.others, read.offset, read.user, read.others],
            )?;
        }
        Ok(transaction.commit()?)
    }

    /// Stores something of this size, and looks whether it is where the next start looks for it.
    pub(super) fn check(&mut self, bytes: usize) -> Result<(), StoreError> {
        self.go_on()?;
        let probe = "INSERT OR REPLACE INTO meta VALUES ('probe', ?1)";
        // Another each time: what is the same is not written.
        let text = "0".repeat(bytes) + &unix_ms().to_string();
        let written = self.connection.execute(probe, [text]).map_err(StoreError::from);
        let checked = written.and_then(|_| self.look_for_files());
        if let Err(error) = &checked {
            self.note(error);
        }
        checked
    }

    /// Whether what was stored is where the next start looks for it.
    pub(super) fn check_files(&mut self) -> Result<(), StoreError> {
        self.go_on()?;
        let checked = self.look_for_files();
        if let Err(error) = &checked {
            self.note(error);
        }
        checked
    }
}

/// A transaction that is going to write. It waits its turn now: SQLite refuses a write at once if others, such as
/// `everwire user` or a sign-in, have written since it first read.
pub(super) fn write(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

/// Does something to a history from outside.
#[cfg(test)]
pub(super) fn tamper(folder: &Path, sql: &str) -> PathBuf {
    let file = folder.join(FILE);
    Connection::open(&file).and_then(|connection| connection.execute_batch(sql)).unwrap();
    file
}
