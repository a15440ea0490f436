//! The messages in SQLite, and how its file is opened.

use std::collections::HashMap;
use std::fmt;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use everwire_chat::TextMessage;
use everwire_chat::wire::WireStatus;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::layout::{NEW, SINCE_3, VERSION, from_1};
use super::{Bounds, Exported, Page, Place, Post, Removed, Start};
use crate::error::OpenError;
use crate::rooms::{KeptMarks, Top};
use crate::server::now;

/// The history's file in its folder.
const FILE: &str = "history.sqlite";

/// Locked by the server that uses the folder. Readers need not care.
const LOCK: &str = "history.lock";

/// Messages in a page.
const PAGE: u64 = 500;

/// Bytes of text in a page, beyond which it ends: it is held once per member that catches up.
const PAGE_BYTES: usize = 128 << 10;

/// Rooms that are looked at, and messages that are removed, in one step: posts wait for it.
const STEP_ROOMS: usize = 100;
const STEP_MESSAGES: u64 = 1000;

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
}

#[derive(Debug)]
pub(super) struct Database {
    pub(super) connection: Connection,
    epoch: String,
    /// The last position of rooms that were written to, of [`MOST_ENDS`] at most; the others are looked up.
    ends: HashMap<String, u64>,
    /// Holds the folder, unless the history is in memory.
    _lock: Option<File>,
}

impl Database {
    pub(super) fn open(folder: Option<&Path>) -> Result<Self, OpenError> {
        let Some(folder) = folder else {
            let file = PathBuf::from(":memory:");
            return Self::prepare(Connection::open_in_memory(), None, file);
        };
        std::fs::create_dir_all(folder).map_err(|source| OpenError::Folder { folder: folder.to_owned(), source })?;
        let lock = lock(folder)?;
        let file = folder.join(FILE);
        Self::prepare(Connection::open(&file), Some(lock), file)
    }

    fn prepare(opened: rusqlite::Result<Connection>, lock: Option<File>, file: PathBuf) -> Result<Self, OpenError> {
        let mut version = 0;
        let prepared = opened.and_then(|mut connection| {
            connection.busy_timeout(Duration::from_secs(1))?;
            // Committed means on the disk.
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            let transaction = write(&mut connection)?;
            version = bring_up_to_date(&transaction)?;
            if version > VERSION {
                return Ok(None);
            }
            let epoch = transaction.query_row("SELECT value FROM meta WHERE key = 'epoch'", [], |row| row.get(0))?;
            transaction.commit()?;
            Ok(Some(Self { connection, epoch, ends: HashMap::new(), _lock: lock }))
        });
        match prepared {
            Ok(Some(database)) => {
                if (1..VERSION).contains(&version) {
                    tracing::info!(file = %file.display(), version, "a history of an earlier version was brought up to date");
                }
                Ok(database)
            }
            Ok(None) => Err(OpenError::TooNew { file }),
            // Some other program writes to it.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Err(OpenError::InUse { file }),
            Err(source) => Err(OpenError::File { file, source: source.into() }),
        }
    }

    pub(super) fn epoch(&self) -> &str {
        &self.epoch
    }

    /// Stores all of `posts`, or none: where each one stands.
    pub(super) fn store(&mut self, posts: &[Post]) -> Result<Vec<Place>, HistoryError> {
        let stored = self.store_all(posts);
        if stored.is_err() {
            // Some positions were given out in a transaction that is gone.
            self.ends.clear();
        }
        Ok(stored?)
    }

    fn store_all(&mut self, posts: &[Post]) -> rusqlite::Result<Vec<Place>> {
        let Self { connection, ends, .. } = self;
        let transaction = write(connection)?;
        let stored_at = now();
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
            let last = match ends.get(room) {
                Some(last) => *last,
                None => end(&transaction, room)?,
            };
            if last == 0 {
                transaction.prepare_cached("INSERT OR IGNORE INTO rooms VALUES (?1, 0)")?.execute([room])?;
            }
            transaction.prepare_cached("INSERT INTO messages VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?.execute(
                params![
                    room,
                    last + 1,
                    message.id,
                    message.user_id,
                    message.user_name,
                    message.text,
                    message.timestamp,
                    stored_at,
                ],
            )?;
            if ends.len() >= MOST_ENDS && !ends.contains_key(room) {
                ends.clear();
            }
            ends.insert(room.clone(), last + 1);
            stored.push(Place::New(last + 1));
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
        let transaction = write(&mut self.connection)?;
        let mut rooms = rooms(&transaction, from, STEP_ROOMS + 1)?;
        let mut next = if rooms.len() > STEP_ROOMS { rooms.pop() } else { None };
        let mut left = STEP_MESSAGES;
        for room in rooms {
            let (last, count) = surplus(&transaction, bounds, &room, left)?;
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
        Ok(Removed { messages: STEP_MESSAGES - left, next })
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

    /// Writes something that changes nothing.
    pub(super) fn check(&self) -> Result<(), HistoryError> {
        self.connection.execute("UPDATE meta SET value = value WHERE key = 'epoch'", [])?;
        Ok(())
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
        // Not read-only for SQLite, which has to write beside the file in order to read what was committed last.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(&file, flags).and_then(|connection| {
            connection.busy_timeout(Duration::from_secs(10))?;
            connection.pragma_update(None, "query_only", true)?;
            let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
            Ok((connection, version))
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

/// Takes the folder for this process, until the file is dropped.
fn lock(folder: &Path) -> Result<File, OpenError> {
    let file = folder.join(LOCK);
    let opened = File::options().create(true).truncate(false).write(true).open(&file);
    let lock = opened.map_err(|source| OpenError::Folder { folder: folder.to_owned(), source })?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { file: folder.join(FILE) }),
        Err(TryLockError::Error(source)) => Err(OpenError::Folder { folder: folder.to_owned(), source }),
    }
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
        2 => {}
        _ => return Ok(version),
    }
    transaction.execute_batch(SINCE_3)?;
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
fn surplus(connection: &Connection, bounds: &Bounds, room: &str, limit: u64) -> rusqlite::Result<(u64, u64)> {
    let beyond = match bounds.most {
        Some(most) => end(connection, room)?.saturating_sub(most),
        None => 0,
    };
    let before = bounds.before.unwrap_or(i64::MIN);
    let mut select = connection
        .prepare_cached("SELECT position, stored FROM messages WHERE room = ?1 ORDER BY position LIMIT ?2")?;
    let mut oldest = select.query(params![room, limit])?;
    let (mut last, mut count) = (0, 0);
    while let Some(row) = oldest.next()? {
        let (position, stored): (u64, i64) = (row.get(0)?, row.get(1)?);
        if position > beyond && stored >= before {
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
