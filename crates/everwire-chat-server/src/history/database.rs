//! The only file that names SQLite.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use everwire_chat::TextMessage;
use everwire_chat::wire::WireStatus;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, params};

use super::{Page, Post, Start};
use crate::error::OpenError;

/// The history's file in its folder.
const FILE: &str = "history.sqlite";

/// The layout of this version.
const VERSION: i64 = 1;

/// Messages in a page.
const PAGE: u64 = 500;

/// Bytes of text in a page, beyond which it ends: it is held once per member that catches up.
const PAGE_BYTES: usize = 128 << 10;

const LAYOUT: &str = "
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE messages (
        room TEXT NOT NULL,
        position INTEGER NOT NULL,
        id TEXT NOT NULL,
        user_id TEXT NOT NULL,
        user_name TEXT NOT NULL,
        text TEXT NOT NULL,
        timestamp INTEGER NOT NULL,
        PRIMARY KEY (room, position)
    ) WITHOUT ROWID;
    CREATE UNIQUE INDEX messages_by_id ON messages (room, id);
";

/// What SQLite says.
#[derive(Debug)]
#[non_exhaustive]
pub enum HistoryError {
    /// The database can't do it.
    Database(rusqlite::Error),
    /// The history has been closed.
    Closed,
}

/// What a message's id says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// It is new, and stands here.
    New(u64),
    /// It is a repeat, and stands here.
    Known(u64),
    /// The id is another user's.
    Taken,
}

#[derive(Debug)]
pub(super) struct Database {
    connection: Connection,
    epoch: String,
    /// The last position of each room that was written to.
    ends: HashMap<String, u64>,
}

impl Database {
    pub(super) fn open(folder: Option<&Path>) -> Result<Self, OpenError> {
        let Some(folder) = folder else {
            let opened = Connection::open_in_memory().and_then(Self::prepare);
            let file = PathBuf::from(":memory:");
            return opened
                .map_err(|source| OpenError::File { file, source: source.into() })?
                .ok_or(OpenError::TooNew { file: PathBuf::from(":memory:") });
        };
        std::fs::create_dir_all(folder).map_err(|source| OpenError::Folder { folder: folder.to_owned(), source })?;
        let file = folder.join(FILE);
        match Connection::open(&file).and_then(Self::prepare) {
            Ok(Some(database)) => Ok(database),
            Ok(None) => Err(OpenError::TooNew { file }),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Err(OpenError::InUse { file }),
            Err(source) => Err(OpenError::File { file, source: source.into() }),
        }
    }

    /// `None` if a later version made it.
    fn prepare(mut connection: Connection) -> rusqlite::Result<Option<Self>> {
        connection.busy_timeout(Duration::from_secs(1))?;
        // One process at a time; committed means on the disk.
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;

        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version > VERSION {
            return Ok(None);
        }
        if version == 0 {
            transaction.execute_batch(LAYOUT)?;
            let epoch = uuid::Uuid::now_v7().to_string();
            transaction.execute("INSERT INTO meta VALUES ('epoch', ?1)", [epoch])?;
            transaction.pragma_update(None, "user_version", VERSION)?;
        }
        let epoch = transaction.query_row("SELECT value FROM meta WHERE key = 'epoch'", [], |row| row.get(0))?;
        transaction.commit()?;
        Ok(Some(Self { connection, epoch, ends: HashMap::new() }))
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
        let Self { connection, ends, epoch: _ } = self;
        let transaction = connection.transaction()?;
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
            transaction.prepare_cached("INSERT INTO messages VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?.execute(
                params![
                    room,
                    last + 1,
                    message.id,
                    message.user_id,
                    message.user_name,
                    message.text,
                    message.timestamp
                ],
            )?;
            ends.insert(room.clone(), last + 1);
            stored.push(Place::New(last + 1));
        }
        transaction.commit()?;
        Ok(stored)
    }

    /// A page from this place on.
    pub(super) fn page(&self, room: &str, from: Start) -> Result<Page, HistoryError> {
        let end = end(&self.connection, room)?;
        let (after, limit) = match from {
            Start::After(offset) => (offset, PAGE),
            Start::Latest(count) => (end.saturating_sub(count), count),
        };
        let mut select = self.connection.prepare_cached(
            "SELECT id, user_id, user_name, text, timestamp, position FROM messages
             WHERE room = ?1 AND position > ?2 ORDER BY position LIMIT ?3",
        )?;
        // A position that a client made up may be beyond what SQLite can hold.
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut messages: Vec<TextMessage> = Vec::new();
        let mut bytes = 0;
        for read in select.query_map(params![room, after, limit], message)? {
            let read = read?;
            bytes += read.text.len();
            messages.push(read);
            if bytes > PAGE_BYTES {
                break;
            }
        }
        Ok(Page { messages, end })
    }
}

fn end(connection: &Connection, room: &str) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT coalesce(max(position), 0) FROM messages WHERE room = ?1")?
        .query_row([room], |row| row.get(0))
}

fn message(row: &Row<'_>) -> rusqlite::Result<TextMessage> {
    Ok(TextMessage {
        id: row.get(0)?,
        user_id: row.get(1)?,
        user_name: row.get(2)?,
        text: row.get(3)?,
        timestamp: row.get(4)?,
        status: WireStatus::Sent,
        offset: Some(row.get(5)?),
    })
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
