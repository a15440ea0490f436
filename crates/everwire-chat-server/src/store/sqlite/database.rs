//! The messages in SQLite, and how its file is opened.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use everwire_chat_core::TextMessage;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior, ffi, params};

use super::backup::{check, leave_log_alone, take_log_in};
use super::folder::{FILE, Folder, Last, has_log, is_log_foreign};
use super::rows::{
    End, PAGE, end, is_anything_before, is_there, last, new_epoch, page, page_before, rooms, save_clock, saved_clock,
    surplus,
};
use super::schema::{NEW, SINCE_3, SINCE_4, SINCE_5, SINCE_6, VERSION, migrate_v1};
use crate::clock::{Clock, ClockReading, millis, unix_ms};
use crate::domain::{Appended, Furthest, StoredReceipts};
use crate::store::error::{StoreError, StoreOpenError};
use crate::store::messages::{Append, Page, PageRequest, Retention, StoreOptions};

/// Rooms that are looked at, and messages that are removed, in one step: posts wait for it.
const STEP_ROOMS: usize = 100;
const STEP_MESSAGES: u64 = 1000;

/// Pages of the file that are given back in one step: posts wait for it.
const STEP_PAGES: u64 = 500;

/// Bytes of the log beyond which it is shortened once it has been brought into the file.
const LONGEST_LOG: i64 = 16 << 20;

/// Rooms whose ends are remembered: beyond them it begins anew.
const MOST_ENDS: usize = 10_000;

/// How far removing has come in one step.
#[derive(Debug)]
pub(super) struct RemovedStep {
    pub(super) messages: u64,
    /// The room to go on with.
    pub(super) next: Option<String>,
}

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
    pub(super) fn open(folder: Option<&Path>) -> Result<Self, StoreOpenError> {
        let Some(folder) = folder else {
            let file = PathBuf::from(":memory:");
            return Self::prepare(Connection::open_in_memory(), None, false, file);
        };
        let folder = Folder::hold(folder)?;
        let file = folder.database();
        let has_log = has_log(&file);
        if has_log && is_log_foreign(&file, folder.mark()) {
            return Err(StoreOpenError::ForeignLog { file });
        }
        folder.make_database()?;
        folder.warn_of_readers();
        Self::prepare(Connection::open(&file), Some(folder), has_log, file)
    }

    /// `is_suspect`: it was not closed in order.
    fn prepare(
        opened: rusqlite::Result<Connection>,
        folder: Option<Folder>,
        is_suspect: bool,
        file: PathBuf,
    ) -> Result<Self, StoreOpenError> {
        let mut version = 0;
        let prepared = opened.map_err(StoreError::from).and_then(|mut connection| {
            connection.busy_timeout(Duration::from_secs(1))?;
            if is_suspect {
                // A log that does not belong to the file is not brought into it by being looked at.
                leave_log_alone(&connection)?;
                check(&connection)?;
                take_log_in(&connection)?;
            }
            // What is removed gives its space back, and can't be read any more. The former has to be said before there is a
            // table.
            connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
            overwrite_removed(&connection)?;
            // Committed means on the disk.
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            sync_fully(&connection)?;
            connection.pragma_update(None, "journal_size_limit", LONGEST_LOG)?;
            let transaction = write(&mut connection)?;
            version = bring_up_to_date(&transaction)?;
            if version > VERSION {
                return Ok(None);
            }
            if let Some(last) = folder.as_ref().and_then(|folder| folder.mark().last.as_ref())
                && !is_there(&transaction, last)?
            {
                tracing::warn!(
                    "the history is older than what this server has stored: it was restored from a copy; clients load it anew"
                );
                new_epoch(&transaction)?;
            }
            let epoch = transaction.query_row("SELECT value FROM meta WHERE key = 'epoch'", [], |row| row.get(0))?;
            transaction.commit()?;
            let (clock, _) = Clock::resume(None, unix_ms(), None, Instant::now());
            let ends = HashMap::new();
            Ok(Some(Self {
                connection,
                epoch,
                ends,
                clock,
                // The first time they are counted at once.
                positions_written: usize::MAX,
                log_holds_removed: false,
                folder,
                is_over: None,
            }))
        });
        match prepared {
            Ok(Some(mut database)) => {
                if (1..VERSION).contains(&version) {
                    tracing::info!(file = %file.display(), version, "a history of an earlier version was brought up to date");
                }
                database.remember_start();
                Ok(database)
            }
            Ok(None) => Err(StoreOpenError::TooNew { file }),
            Err(StoreError::Database(error)) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
                Err(StoreOpenError::File { file, source: error.into() })
            }
            Err(error) if error.is_damage() => Err(StoreOpenError::Damaged { file }),
            // Some other program writes to it.
            Err(StoreError::Database(error)) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                Err(StoreOpenError::InUse { file })
            }
            Err(source) => Err(StoreOpenError::File { file, source }),
        }
    }

    /// The next start knows these files; and what was stored last, if it is there.
    fn remember_start(&mut self) {
        let Some(folder) = &mut self.folder else { return };
        folder.remember_files();
        let last = folder.mark().last.clone();
        folder.remember_last(last.filter(|last| is_there(&self.connection, last).unwrap_or(false)));
    }

    pub(super) fn epoch(&self) -> &str {
        &self.epoch
    }

    /// The history is a part of a cluster's.
    #[cfg(feature = "cluster")]
    pub(super) fn set_epoch(&mut self, epoch: &str) {
        epoch.clone_into(&mut self.epoch);
    }

    /// What a server does before its first post: its clock goes on, and it says who may come in.
    pub(super) fn begin(&mut self, options: &StoreOptions) -> Result<(), StoreError> {
        let (clock, left_out) =
            Clock::resume(saved_clock(&self.connection)?, unix_ms(), options.kept_for, Instant::now());
        if let Some(days) = left_out {
            tracing::warn!(
                days,
                "the clock is far ahead of when this server ran last: that time is not counted as messages' age, and they are \
                 kept as much longer"
            );
        }
        self.clock = clock;
        if options.is_replica {
            self.connection.pragma_update(None, "synchronous", "NORMAL")?;
        }
        // A disk that is full keeps nobody from reading.
        let said = self.save_clock().and_then(|()| self.save_auth(options.auth));
        if let Err(error) = said {
            tracing::warn!(%error, "the history can be read, but nothing can be stored now");
        }
        let vacuums: i64 = self.connection.pragma_query_value(None, "auto_vacuum", |row| row.get(0))?;
        if vacuums == 0 && self.folder.is_some() {
            // Once: an earlier version has made it.
            if let Err(error) = self.connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; VACUUM") {
                tracing::warn!(%error, "the history's file will not shrink: it can't be written anew");
            }
        }
        Ok(())
    }

    fn save_auth(&self, auth: Option<&str>) -> Result<(), StoreError> {
        if let Some(auth) = auth {
            self.connection.execute("INSERT OR REPLACE INTO meta VALUES ('auth', ?1)", [auth])?;
        }
        Ok(())
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

    /// One step of removing what is out of these bounds, beginning with the room `from`.
    pub(super) fn remove(&mut self, retention: &Retention, from: &str) -> Result<RemovedStep, StoreError> {
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
    pub(super) fn shrink(&mut self) -> Result<bool, StoreError> {
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
        // While somebody reads, the log stays: the next time.
        let is_busy: bool = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        self.log_holds_removed = is_busy;
        Ok(false)
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

/// A connection of its own to the same file, for what is no message; made or brought up to date unless a server, which has
/// done that, uses it. Without a folder: a file of its own in memory.
pub(super) fn open_shared(folder: Option<&Path>) -> Result<Connection, StoreOpenError> {
    let Some(folder) = folder else {
        return Database::open(None).map(|database| database.connection);
    };
    let file = folder.join(FILE);
    match Database::open(Some(folder)) {
        Ok(_) | Err(StoreOpenError::InUse { .. }) => {}
        Err(error) => return Err(error),
    }
    let opened = Connection::open(&file).and_then(|connection| {
        connection.busy_timeout(Duration::from_secs(5))?;
        overwrite_removed(&connection)?;
        sync_fully(&connection)?;
        let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        Ok((connection, version))
    });
    match opened {
        Ok((connection, VERSION)) => Ok(connection),
        Ok((_, version)) if version > VERSION => Err(StoreOpenError::TooNew { file }),
        Ok(_) => Err(StoreOpenError::TooOld { file }),
        Err(source) => Err(StoreOpenError::File { file, source: source.into() }),
    }
}

/// Makes the tables, or makes older ones into this version's; the version that was there.
fn bring_up_to_date(transaction: &Transaction<'_>) -> rusqlite::Result<i64> {
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match version {
        0 => {
            refuse_foreign(transaction)?;
            transaction.execute_batch(NEW)?;
            let epoch = uuid::Uuid::now_v7().to_string();
            transaction.execute("INSERT INTO meta VALUES ('epoch', ?1)", [epoch])?;
        }
        1 => transaction.execute_batch(&migrate_v1(unix_ms()))?,
        2..VERSION => {}
        _ => return Ok(version),
    }
    if version < 3 {
        transaction.execute_batch(SINCE_3)?;
    }
    if version < 4 {
        transaction.execute_batch(SINCE_4)?;
    }
    if version < 5 {
        transaction.execute_batch(SINCE_5)?;
    }
    transaction.execute_batch(SINCE_6)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    Ok(version)
}

/// A database with tables and no version is another program's.
fn refuse_foreign(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let is_foreign: bool =
        transaction.query_row("SELECT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))?;
    if is_foreign {
        let words = "its tables are another program's".to_owned();
        return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_NOTADB), Some(words)));
    }
    Ok(())
}

/// On Apple's systems a plain sync leaves data in the drive's cache. Others do not know the difference.
fn sync_fully(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)
}

/// What this connection removes can't be read in the file any more.
fn overwrite_removed(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "secure_delete", "ON")
}

/// Does something to a history from outside.
#[cfg(test)]
pub(super) fn tamper(folder: &Path, sql: &str) -> PathBuf {
    let file = folder.join(FILE);
    Connection::open(&file).and_then(|connection| connection.execute_batch(sql)).unwrap();
    file
}
