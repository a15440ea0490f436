//! The messages in SQLite, and how its file is opened.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use everwire_chat_core::TextMessage;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior, ffi, params};

use super::error::HistoryError;
use super::rows::{
    End, PAGE, end, is_anything_before, is_there, last, new_epoch, page, page_before, rooms, save_clock, saved_clock,
    surplus,
};
use crate::clock::{Clock, Reading, millis};
use crate::error::OpenError;
use crate::history::backup::{check, leave_log_alone, take_log_in};
use crate::history::folder::{FILE, Folder, Last, has_log, is_log_foreign};
use crate::history::layout::{NEW, SINCE_3, SINCE_4, SINCE_5, SINCE_6, VERSION, from_1};
use crate::history::{Bounds, Opening, Page, Place, Post, Removed, Start};
use crate::rooms::{KeptMarks, Top};
use crate::server::now;

/// Rooms that are looked at, and messages that are removed, in one step: posts wait for it.
const STEP_ROOMS: usize = 100;
const STEP_MESSAGES: u64 = 1000;

/// Pages of the file that are given back in one step: posts wait for it.
const STEP_PAGES: u64 = 500;

/// Bytes of the log beyond which it is shortened once it has been brought into the file.
const LONGEST_LOG: i64 = 16 << 20;

/// Rooms whose ends are remembered: beyond them it begins anew.
const MOST_ENDS: usize = 10_000;

#[derive(Debug)]
pub(in crate::history) struct Database {
    pub(in crate::history) connection: Connection,
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
    pub(in crate::history) fn open(folder: Option<&Path>) -> Result<Self, OpenError> {
        let Some(folder) = folder else {
            let file = PathBuf::from(":memory:");
            return Self::prepare(Connection::open_in_memory(), None, false, file);
        };
        let folder = Folder::hold(folder)?;
        let file = folder.database();
        let has_log = has_log(&file);
        if has_log && is_log_foreign(&file, folder.mark()) {
            return Err(OpenError::ForeignLog { file });
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
    ) -> Result<Self, OpenError> {
        let mut version = 0;
        let prepared = opened.map_err(HistoryError::from).and_then(|mut connection| {
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
            let (clock, _) = Clock::resume(None, now(), None, Instant::now());
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
            Ok(None) => Err(OpenError::TooNew { file }),
            Err(HistoryError::Database(error)) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
                Err(OpenError::File { file, source: error.into() })
            }
            Err(error) if error.is_damage() => Err(OpenError::Damaged { file }),
            // Some other program writes to it.
            Err(HistoryError::Database(error)) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                Err(OpenError::InUse { file })
            }
            Err(source) => Err(OpenError::File { file, source }),
        }
    }

    /// The next start knows these files; and what was stored last, if it is there.
    fn remember_start(&mut self) {
        let Some(folder) = &mut self.folder else { return };
        folder.remember_files();
        let last = folder.mark().last.clone();
        folder.remember_last(last.filter(|last| is_there(&self.connection, last).unwrap_or(false)));
    }

    pub(in crate::history) fn epoch(&self) -> &str {
        &self.epoch
    }

    /// What a server does before its first post: its clock goes on, and it says who may come in.
    pub(in crate::history) fn begin(&mut self, opening: &Opening) -> Result<(), HistoryError> {
        let (clock, left_out) = Clock::resume(saved_clock(&self.connection)?, now(), opening.kept_for, Instant::now());
        if let Some(days) = left_out {
            tracing::warn!(
                days,
                "the clock is far ahead of when this server ran last: that time is not counted as messages' age, and they are \
                 kept as much longer"
            );
        }
        self.clock = clock;
        // A disk that is full keeps nobody from reading.
        let said = self.save_clock().and_then(|()| self.save_auth(opening.auth));
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

    fn save_auth(&self, auth: Option<&str>) -> Result<(), HistoryError> {
        if let Some(auth) = auth {
            self.connection.execute("INSERT OR REPLACE INTO meta VALUES ('auth', ?1)", [auth])?;
        }
        Ok(())
    }

    /// How long each attempt to write waits for another program that holds the database.
    pub(in crate::history) fn wait_for_others(&self, patience: Duration) -> Result<(), HistoryError> {
        Ok(self.connection.busy_timeout(patience)?)
    }

    /// Where the history's clock stands, for the next start.
    pub(in crate::history) fn save_clock(&self) -> Result<(), HistoryError> {
        let reading = Reading { own: self.clock.now(Instant::now()), wall: now() };
        Ok(save_clock(&self.connection, reading)?)
    }

    /// Stores all of `posts`, or none: where each one stands.
    pub(in crate::history) fn store(&mut self, posts: &[Post]) -> Result<Vec<Place>, HistoryError> {
        self.go_on()?;
        let stored = self.store_all(posts).map_err(HistoryError::from).and_then(|stored| {
            // Into files that nobody will find again, it is not stored.
            self.look_for_files()?;
            Ok(stored)
        });
        match &stored {
            Ok(places) => self.remember_last(posts, places),
            Err(error) => {
                // Some positions were given out in a transaction that is gone.
                self.ends.clear();
                self.note(error);
            }
        }
        stored
    }

    /// What is known to be in vain is not tried.
    fn go_on(&self) -> Result<(), HistoryError> {
        match self.is_over {
            None => Ok(()),
            Some(Over::Damaged) => Err(HistoryError::Damaged),
            Some(Over::Moved) => Err(HistoryError::Moved),
        }
    }

    fn look_for_files(&self) -> Result<(), HistoryError> {
        if self.folder.as_ref().is_none_or(Folder::is_in_place) { Ok(()) } else { Err(HistoryError::Moved) }
    }

    /// Remembers what no later attempt can mend.
    pub(in crate::history) fn note(&mut self, error: &HistoryError) {
        if error.is_damage() {
            self.is_over = Some(Over::Damaged);
        } else if matches!(error, HistoryError::Moved) {
            self.is_over = Some(Over::Moved);
        }
    }

    fn remember_last(&mut self, posts: &[Post], places: &[Place]) {
        let new = posts.iter().zip(places).rev().find_map(|(post, place)| match place {
            Place::New(position) => {
                Some(Last { room: post.room.clone(), position: *position, id: post.message.id.clone() })
            }
            Place::Known(_) | Place::Taken => None,
        });
        if let (Some(folder), Some(new)) = (&mut self.folder, new) {
            folder.remember_last(Some(new));
        }
    }

    fn store_all(&mut self, posts: &[Post]) -> rusqlite::Result<Vec<Place>> {
        let Self { connection, ends, clock, .. } = self;
        let transaction = write(connection)?;
        let (wall, aged) = (now(), clock.now(Instant::now()));
        if clock.is_save_due(Instant::now()) {
            save_clock(&transaction, Reading { own: aged, wall })?;
        }
        let mut stored = Vec::with_capacity(posts.len());
        for Post { room, message, .. } in posts {
            let known = transaction
                .prepare_cached("SELECT position, user_id FROM messages WHERE room = ?1 AND id = ?2")?
                .query_row(params![room, message.id], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))
                .optional()?;
            if let Some((position, user_id)) = known {
                stored.push(if user_id == message.user_id { Place::Known(position) } else { Place::Taken });
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
            stored.push(Place::New(position));
        }
        transaction.commit()?;
        Ok(stored)
    }

    /// A page from this place on.
    pub(in crate::history) fn page(&self, room: &str, from: Start) -> Result<Page, HistoryError> {
        let end = end(&self.connection, room)?;
        let exported = match from {
            Start::After(offset) => page(&self.connection, room, offset, PAGE)?,
            Start::Latest(count) => page(&self.connection, room, end.saturating_sub(count), count)?,
            Start::Before(offset, count) => page_before(&self.connection, room, offset, count.min(PAGE))?,
        };
        let messages: Vec<TextMessage> = exported.into_iter().map(|exported| exported.message).collect();
        let first = messages.first().and_then(|message| message.offset);
        let more = match from {
            Start::Before(offset, _) => is_anything_before(&self.connection, room, first.unwrap_or(offset))?,
            Start::After(_) | Start::Latest(_) => false,
        };
        Ok(Page { messages, end, more })
    }

    /// One step of removing what is out of these bounds, beginning with the room `from`.
    pub(in crate::history) fn remove(&mut self, bounds: &Bounds, from: &str) -> Result<Removed, HistoryError> {
        let own = self.clock.now(Instant::now());
        let before = bounds.kept_for.map(|kept_for| own.saturating_sub(millis(kept_for)));
        let is_save_due = self.clock.is_save_due(Instant::now());
        let transaction = write(&mut self.connection)?;
        if is_save_due {
            save_clock(&transaction, Reading { own, wall: now() })?;
        }
        let mut rooms = rooms(&transaction, from, STEP_ROOMS + 1)?;
        let mut next = if rooms.len() > STEP_ROOMS { rooms.pop() } else { None };
        let mut left = STEP_MESSAGES;
        for room in rooms {
            let (last, count) = surplus(&transaction, bounds.most, before, &room, left)?;
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
        Ok(Removed { messages: STEP_MESSAGES - left, next })
    }

    /// One step of giving back the space of what was removed; whether there is more to do.
    pub(in crate::history) fn shrink(&mut self) -> Result<bool, HistoryError> {
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
    pub(in crate::history) fn marks(&self, room: &str) -> Result<KeptMarks, HistoryError> {
        let marks = self
            .connection
            .prepare_cached(
                "SELECT delivered_to, delivered, delivered_to_others, read_by, read, read_by_others
                 FROM marks WHERE room = ?1",
            )?
            .query_row([room], |row| {
                let top = |at: usize| -> rusqlite::Result<Top> {
                    Ok(Top { user: row.get(at)?, offset: row.get(at + 1)?, others: row.get(at + 2)? })
                };
                Ok(KeptMarks { delivered: top(0)?, read: top(3)? })
            });
        Ok(marks.optional()?.unwrap_or_default())
    }

    /// Stores how far the messages of rooms have come.
    pub(in crate::history) fn keep_marks(&mut self, marks: &HashMap<String, KeptMarks>) -> Result<(), HistoryError> {
        let transaction = write(&mut self.connection)?;
        for (room, KeptMarks { delivered, read }) in marks {
            transaction.prepare_cached("INSERT OR REPLACE INTO marks VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?.execute(
                params![room, delivered.offset, delivered.user, delivered.others, read.offset, read.user, read.others],
            )?;
        }
        Ok(transaction.commit()?)
    }

    /// Stores something of this size, and looks whether it is where the next start looks for it.
    pub(in crate::history) fn check(&mut self, bytes: usize) -> Result<(), HistoryError> {
        self.go_on()?;
        let probe = "INSERT OR REPLACE INTO meta VALUES ('probe', ?1)";
        // Another each time: what is the same is not written.
        let text = "0".repeat(bytes) + &now().to_string();
        let written = self.connection.execute(probe, [text]).map_err(HistoryError::from);
        let checked = written.and_then(|_| self.look_for_files());
        if let Err(error) = &checked {
            self.note(error);
        }
        checked
    }

    /// Whether what was stored is where the next start looks for it.
    pub(in crate::history) fn check_files(&mut self) -> Result<(), HistoryError> {
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
pub(crate) fn write(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

/// A connection of its own to the same file, for what is no message; made or brought up to date unless a server, which has
/// done that, uses it. Without a folder: a file of its own in memory.
pub(crate) fn beside(folder: Option<&Path>) -> Result<Connection, OpenError> {
    let Some(folder) = folder else {
        return Database::open(None).map(|database| database.connection);
    };
    let file = folder.join(FILE);
    match Database::open(Some(folder)) {
        Ok(_) | Err(OpenError::InUse { .. }) => {}
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
        Ok((_, version)) if version > VERSION => Err(OpenError::TooNew { file }),
        Ok(_) => Err(OpenError::TooOld { file }),
        Err(source) => Err(OpenError::File { file, source: source.into() }),
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
        1 => transaction.execute_batch(&from_1(now()))?,
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
pub(in crate::history) fn tamper(folder: &Path, sql: &str) -> PathBuf {
    let file = folder.join(FILE);
    Connection::open(&file).and_then(|connection| connection.execute_batch(sql)).unwrap();
    file
}
