//! The messages in SQLite, and how its file is opened.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use everwire_chat::TextMessage;
use everwire_chat::wire::WireStatus;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::backup::{check, leave_log_alone, take_log_in};
use super::clock::{Clock, Reading, millis};
use super::folder::{FILE, Folder, Last, Mark, has_log, is_log_foreign};
use super::layout::{NEW, SINCE_3, SINCE_4, SINCE_5, VERSION, from_1};
use super::{Bounds, Exported, Opening, Page, Place, Post, Removed, Start};
use crate::error::OpenError;
use crate::rooms::{KeptMarks, Top};
use crate::server::now;

/// Messages in a page.
const PAGE: u64 = 500;

/// Bytes of text in a page, beyond which it ends: it is held once per member that catches up.
const PAGE_BYTES: usize = 128 << 10;

/// Rooms that are looked at, and messages that are removed, in one step: posts wait for it.
const STEP_ROOMS: usize = 100;
const STEP_MESSAGES: u64 = 1000;

/// Pages of the file that are given back in one step: posts wait for it.
const STEP_PAGES: u64 = 500;

/// Bytes of the log beyond which it is shortened once it has been brought into the file.
const LONGEST_LOG: i64 = 16 << 20;

/// Rooms whose ends are remembered: beyond them it begins anew.
const MOST_ENDS: usize = 10_000;

/// What SQLite says.
#[derive(Debug)]
#[non_exhaustive]
pub enum HistoryError {
    /// The database can't do it.
    Database(rusqlite::Error),
    /// The history has been closed.
    Closed,
    /// Pages of the database make no sense.
    Damaged,
    /// Its files were moved away or exchanged while they were open: what is stored would be lost with the next start.
    Moved,
}

#[derive(Debug)]
pub(super) struct Database {
    pub(super) connection: Connection,
    epoch: String,
    /// Where rooms that were written to end, of [`MOST_ENDS`] at most; the others are looked up.
    ends: HashMap<String, End>,
    clock: Clock,
    /// Something was removed, and may still be read in the log.
    log_holds_removed: bool,
    /// Held, unless the history is in memory.
    folder: Option<Folder>,
    /// Why nothing can be stored before the next start.
    is_over: Option<Over>,
}

/// The last message of a room.
#[derive(Clone, Copy, Debug)]
struct End {
    position: u64,
    /// By the wall clock; never before those of earlier ones.
    stored: i64,
}

#[derive(Clone, Copy, Debug)]
enum Over {
    Damaged,
    Moved,
}

impl Database {
    pub(super) fn open(folder: Option<&Path>) -> Result<Self, OpenError> {
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
            let clock = Clock::resume(None, now(), None, Instant::now());
            let ends = HashMap::new();
            Ok(Some(Self { connection, epoch, ends, clock, log_holds_removed: false, folder, is_over: None }))
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

    pub(super) fn epoch(&self) -> &str {
        &self.epoch
    }

    /// What a server does before its first post: its clock goes on, and it says who may come in.
    pub(super) fn begin(&mut self, opening: &Opening) -> Result<(), HistoryError> {
        self.clock = Clock::resume(saved_clock(&self.connection)?, now(), opening.kept_for, Instant::now());
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

    /// Where the history's clock stands, for the next start.
    pub(super) fn save_clock(&self) -> Result<(), HistoryError> {
        let reading = Reading { own: self.clock.now(Instant::now()), wall: now() };
        Ok(save_clock(&self.connection, reading)?)
    }

    /// Stores all of `posts`, or none: where each one stands.
    pub(super) fn store(&mut self, posts: &[Post]) -> Result<Vec<Place>, HistoryError> {
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
    pub(super) fn note(&mut self, error: &HistoryError) {
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
    pub(super) fn page(&self, room: &str, from: Start) -> Result<Page, HistoryError> {
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
    pub(super) fn remove(&mut self, bounds: &Bounds, from: &str) -> Result<Removed, HistoryError> {
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
    pub(super) fn shrink(&mut self) -> Result<bool, HistoryError> {
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
    pub(super) fn marks(&self, room: &str) -> Result<KeptMarks, HistoryError> {
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
    pub(super) fn keep_marks(&mut self, marks: &HashMap<String, KeptMarks>) -> Result<(), HistoryError> {
        let transaction = write(&mut self.connection)?;
        for (room, KeptMarks { delivered, read }) in marks {
            transaction.prepare_cached("INSERT OR REPLACE INTO marks VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?.execute(
                params![room, delivered.offset, delivered.user, delivered.others, read.offset, read.user, read.others],
            )?;
        }
        Ok(transaction.commit()?)
    }

    /// Stores something of this size, and looks whether it is where the next start looks for it.
    pub(super) fn check(&mut self, bytes: usize) -> Result<(), HistoryError> {
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
    pub(super) fn check_files(&mut self) -> Result<(), HistoryError> {
        self.go_on()?;
        let checked = self.look_for_files();
        if let Err(error) = &checked {
            self.note(error);
        }
        checked
    }
}

/// Another history for clients: they load what there is anew.
pub(super) fn new_epoch(connection: &Connection) -> rusqlite::Result<()> {
    let epoch = uuid::Uuid::now_v7().to_string();
    connection.execute("UPDATE meta SET value = ?1 WHERE key = 'epoch'", [epoch]).map(|_| ())
}

/// Whether a message that was stored is still part of the history: itself, or removed from the beginning of its room.
fn is_there(connection: &Connection, last: &Last) -> rusqlite::Result<bool> {
    let Last { room, position, id } = last;
    let found: Option<String> = connection
        .query_row("SELECT id FROM messages WHERE room = ?1 AND position = ?2", params![room, position], |row| {
            row.get(0)
        })
        .optional()?;
    match found {
        Some(found) => Ok(found == *id),
        None => Ok(end(connection, room)? >= *position),
    }
}

/// A transaction that is going to write. It waits its turn now: SQLite refuses a write at once if others, such as
/// `everwire user` or a sign-in, have written since it first read.
pub(crate) fn write(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

/// A history that is only read, while a server may be using it.
#[derive(Debug)]
pub(crate) struct Reader(Connection);

impl Reader {
    pub(crate) fn open(folder: &Path) -> Result<Self, OpenError> {
        let file = folder.join(FILE);
        if !file.exists() {
            return Err(OpenError::NotThere { folder: folder.to_owned() });
        }
        if has_log(&file) && is_log_foreign(&file, &Mark::of(folder)) {
            return Err(OpenError::ForeignLog { file });
        }
        // Not read-only for SQLite, which has to write beside the file in order to read what was committed last.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = open_to_read(&file, flags).or_else(|error| {
            // A folder that can't be written, such as a backup's: where there is no log, nothing changes the file.
            let unchanging = if has_log(&file) { None } else { unchanging(&file) };
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
            unchanging.ok_or(error).and_then(|address| open_to_read(&address, flags))
        });
        match opened {
            Ok((connection, VERSION)) => Ok(Self(connection)),
            Ok((_, version)) if version > VERSION => Err(OpenError::TooNew { file }),
            Ok(_) => Err(OpenError::TooOld { file }),
            Err(source) => Err(OpenError::File { file, source: source.into() }),
        }
    }

    /// Some rooms that were ever written to, in order, from this name on.
    pub(crate) fn rooms(&self, from: &str) -> Result<Vec<String>, HistoryError> {
        Ok(rooms(&self.0, from, STEP_ROOMS)?)
    }

    /// A page of what follows this offset.
    pub(crate) fn page(&self, room: &str, after: u64) -> Result<Vec<Exported>, HistoryError> {
        Ok(page(&self.0, room, after, PAGE)?)
    }
}

/// Whether a folder has a history.
pub(crate) fn exists(folder: &Path) -> bool {
    folder.join(FILE).exists()
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

/// The connection, and the version of the layout.
fn open_to_read(file: &Path, flags: OpenFlags) -> rusqlite::Result<(Connection, i64)> {
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.pragma_update(None, "query_only", true)?;
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok((connection, version))
}

/// The address of a file that nobody writes (SQLite's URI filenames), if it has one and is not to be written.
fn unchanging(file: &Path) -> Option<PathBuf> {
    let is_to_be_read_only = std::fs::File::options().append(true).open(file).is_err();
    let path = std::path::absolute(file).ok()?;
    let name = path.to_str()?.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    is_to_be_read_only.then(|| PathBuf::from(format!("file:{name}?immutable=1")))
}

/// Makes the tables, or makes older ones into this version's; the version that was there.
fn bring_up_to_date(transaction: &Transaction<'_>) -> rusqlite::Result<i64> {
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match version {
        0 => {
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
    transaction.execute_batch(SINCE_5)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    Ok(version)
}

fn rooms(connection: &Connection, from: &str, limit: usize) -> rusqlite::Result<Vec<String>> {
    let mut select = connection.prepare_cached("SELECT room FROM rooms WHERE room >= ?1 ORDER BY room LIMIT ?2")?;
    select.query_map(params![from, limit], |row| row.get(0))?.collect()
}

fn page(connection: &Connection, room: &str, after: u64, limit: u64) -> rusqlite::Result<Vec<Exported>> {
    let mut select = connection.prepare_cached(
        "SELECT id, user_id, user_name, text, timestamp, position, stored FROM messages
         WHERE room = ?1 AND position > ?2 ORDER BY position LIMIT ?3",
    )?;
    // A position that a client made up may be beyond what SQLite can hold.
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut messages = Vec::new();
    let mut bytes = 0;
    for read in select.query_map(params![room, after, limit], exported)? {
        let read = read?;
        bytes += read.message.text.len();
        messages.push(read);
        if bytes > PAGE_BYTES {
            break;
        }
    }
    Ok(messages)
}

/// Oldest first, as [`page`], but with the bounds counted from the end.
fn page_before(connection: &Connection, room: &str, before: u64, limit: u64) -> rusqlite::Result<Vec<Exported>> {
    let mut select = connection.prepare_cached(
        "SELECT id, user_id, user_name, text, timestamp, position, stored FROM messages
         WHERE room = ?1 AND position < ?2 ORDER BY position DESC LIMIT ?3",
    )?;
    let before = i64::try_from(before).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut bytes = 0;
    let mut messages = Vec::new();
    for read in select.query_map(params![room, before, limit], exported)? {
        let read = read?;
        bytes += read.message.text.len();
        messages.push(read);
        if bytes > PAGE_BYTES {
            break;
        }
    }
    messages.reverse();
    Ok(messages)
}

fn is_anything_before(connection: &Connection, room: &str, offset: u64) -> rusqlite::Result<bool> {
    let mut select =
        connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM messages WHERE room = ?1 AND position < ?2)")?;
    select.query_row(params![room, i64::try_from(offset).unwrap_or(i64::MAX)], |row| row.get(0))
}

/// The last position that is to be removed from a room, of `limit` at most, and how many that are.
fn surplus(
    connection: &Connection,
    most: Option<u64>,
    before: Option<i64>,
    room: &str,
    limit: u64,
) -> rusqlite::Result<(u64, u64)> {
    let beyond = match most {
        Some(most) => end(connection, room)?.saturating_sub(most),
        None => 0,
    };
    let before = before.unwrap_or(i64::MIN);
    let mut select = connection.prepare_cached(
        "SELECT position, coalesce(aged, stored) FROM messages WHERE room = ?1 ORDER BY position LIMIT ?2",
    )?;
    let mut oldest = select.query(params![room, limit])?;
    let (mut last, mut count) = (0, 0);
    while let Some(row) = oldest.next()? {
        let (position, aged): (u64, i64) = (row.get(0)?, row.get(1)?);
        if position > beyond && aged >= before {
            break;
        }
        (last, count) = (position, count + 1);
    }
    Ok((last, count))
}

fn end(connection: &Connection, room: &str) -> rusqlite::Result<u64> {
    connection
        .prepare_cached(
            "SELECT max(coalesce((SELECT max(position) FROM messages WHERE room = ?1), 0),
                        coalesce((SELECT last FROM rooms WHERE room = ?1), 0))",
        )?
        .query_row([room], |row| row.get(0))
}

/// Where a room ends, and when its last message was stored.
fn last(connection: &Connection, room: &str) -> rusqlite::Result<End> {
    let stored = connection
        .prepare_cached("SELECT stored FROM messages WHERE room = ?1 ORDER BY position DESC LIMIT 1")?
        .query_row([room], |row| row.get(0))
        .optional()?;
    Ok(End { position: end(connection, room)?, stored: stored.unwrap_or(i64::MIN) })
}

/// Where the clock stood when it was saved; in a history of an earlier version, when its last message was stored.
fn saved_clock(connection: &Connection) -> rusqlite::Result<Option<Reading>> {
    let saved: Option<String> =
        connection.query_row("SELECT value FROM meta WHERE key = 'clock'", [], |row| row.get(0)).optional()?;
    let reading = saved
        .as_deref()
        .and_then(|saved| saved.split_once(' '))
        .and_then(|(own, wall)| Some(Reading { own: own.parse().ok()?, wall: wall.parse().ok()? }));
    if reading.is_some() {
        return Ok(reading);
    }
    let newest: Option<i64> = connection.query_row("SELECT max(stored) FROM messages", [], |row| row.get(0))?;
    Ok(newest.map(|newest| Reading { own: newest, wall: newest }))
}

fn save_clock(connection: &Connection, Reading { own, wall }: Reading) -> rusqlite::Result<()> {
    let save = "INSERT OR REPLACE INTO meta VALUES ('clock', ?1)";
    connection.prepare_cached(save)?.execute([format!("{own} {wall}")]).map(|_| ())
}

/// What this connection removes can't be read in the file any more.
fn overwrite_removed(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "secure_delete", "ON")
}

fn exported(row: &Row<'_>) -> rusqlite::Result<Exported> {
    let message = TextMessage {
        id: row.get(0)?,
        user_id: row.get(1)?,
        user_name: row.get(2)?,
        text: row.get(3)?,
        timestamp: row.get(4)?,
        status: WireStatus::Sent,
        offset: Some(row.get(5)?),
    };
    Ok(Exported { message, stored: row.get(6)? })
}

impl HistoryError {
    /// Whether the database's pages make no sense.
    pub(super) fn is_damage(&self) -> bool {
        match self {
            Self::Database(error) => {
                matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
            }
            Self::Damaged => true,
            Self::Closed | Self::Moved => false,
        }
    }
}

impl From<rusqlite::Error> for HistoryError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => error.fmt(f),
            Self::Closed => f.write_str("the history is closed"),
            Self::Damaged => f.write_str("the history is damaged: stop the server and restore a backup"),
            Self::Moved => {
                f.write_str("the history's files were moved or exchanged while the server runs: start it again")
            }
        }
    }
}

impl std::error::Error for HistoryError {}

/// Does something to a history from outside.
#[cfg(test)]
pub(super) fn tamper(folder: &Path, sql: &str) -> PathBuf {
    let file = folder.join(FILE);
    Connection::open(&file).and_then(|connection| connection.execute_batch(sql)).unwrap();
    file
}
