//! What is asked of the tables, and what they answer, within any transaction.

use everwire_chat_core::TextMessage;
use everwire_chat_core::wire::WireStatus;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::folder::Last;
use crate::clock::ClockReading;

/// A stored message, for those who take it elsewhere.
#[derive(Debug)]
pub(crate) struct StoredMessage {
    pub(crate) message: TextMessage,
    /// By the server's clock: milliseconds since the Unix epoch.
    pub(crate) stored: i64,
}

/// Messages in a page.
pub(super) const PAGE: u64 = 500;

/// Bytes of text in a page, beyond which it ends: it is held once per member that catches up.
const PAGE_BYTES: usize = 128 << 10;

/// Gives the history a new epoch: for clients it is another history, and they load it again.
pub(super) fn new_epoch(connection: &Connection) -> rusqlite::Result<()> {
    let epoch = uuid::Uuid::now_v7().to_string();
    connection.execute("UPDATE meta SET value = ?1 WHERE key = 'epoch'", [epoch]).map(|_| ())
}

/// Whether a message that was stored is still part of the history: itself, or removed from the beginning of its room.
pub(super) fn is_there(connection: &Connection, last: &Last) -> rusqlite::Result<bool> {
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

pub(super) fn rooms(connection: &Connection, from: &str, limit: usize) -> rusqlite::Result<Vec<String>> {
    let mut select = connection.prepare_cached("SELECT room FROM rooms WHERE room >= ?1 ORDER BY room LIMIT ?2")?;
    select.query_map(params![from, limit], |row| row.get(0))?.collect()
}

pub(super) fn page(
    connection: &Connection,
    room: &str,
    after: u64,
    limit: u64,
) -> rusqlite::Result<Vec<StoredMessage>> {
    let mut select = connection.prepare_cached(
        "SELECT id, user_id, user_name, text, timestamp, position, stored FROM messages
         WHERE room = ?1 AND position > ?2 ORDER BY position LIMIT ?3",
    )?;
    // A position that a client made up may be beyond what SQLite can hold.
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut messages = Vec::new();
    let mut bytes = 0;
    for read in select.query_map(params![room, after, limit], stored_message)? {
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
pub(super) fn page_before(
    connection: &Connection,
    room: &str,
    before: u64,
    limit: u64,
) -> rusqlite::Result<Vec<StoredMessage>> {
    let mut select = connection.prepare_cached(
        "SELECT id, user_id, user_name, text, timestamp, position, stored FROM messages
         WHERE room = ?1 AND position < ?2 ORDER BY position DESC LIMIT ?3",
    )?;
    let before = i64::try_from(before).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut bytes = 0;
    let mut messages = Vec::new();
    for read in select.query_map(params![room, before, limit], stored_message)? {
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

pub(super) fn is_anything_before(connection: &Connection, room: &str, offset: u64) -> rusqlite::Result<bool> {
    let mut select =
        connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM messages WHERE room = ?1 AND position < ?2)")?;
    select.query_row(params![room, i64::try_from(offset).unwrap_or(i64::MAX)], |row| row.get(0))
}

/// The last position that is to be removed from a room, of `limit` at most, and how many that are.
pub(super) fn surplus(
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

pub(super) fn end(connection: &Connection, room: &str) -> rusqlite::Result<u64> {
    connection
        .prepare_cached(
            "SELECT max(coalesce((SELECT max(position) FROM messages WHERE room = ?1), 0),
                        coalesce((SELECT last FROM rooms WHERE room = ?1), 0))",
        )?
        .query_row([room], |row| row.get(0))
}

/// Where a room ends, and when its last message was stored.
pub(super) fn last(connection: &Connection, room: &str) -> rusqlite::Result<End> {
    let stored = connection
        .prepare_cached("SELECT stored FROM messages WHERE room = ?1 ORDER BY position DESC LIMIT 1")?
        .query_row([room], |row| row.get(0))
        .optional()?;
    Ok(End { position: end(connection, room)?, stored: stored.unwrap_or(i64::MIN) })
}

/// Where the clock stood when it was saved; in a history of an earlier version, when its last message was stored.
pub(super) fn saved_clock(connection: &Connection) -> rusqlite::Result<Option<ClockReading>> {
    let saved: Option<String> =
        connection.query_row("SELECT value FROM meta WHERE key = 'clock'", [], |row| row.get(0)).optional()?;
    if let Some(reading) = saved.as_deref().and_then(ClockReading::parse) {
        return Ok(Some(reading));
    }
    let newest: Option<i64> = connection.query_row("SELECT max(stored) FROM messages", [], |row| row.get(0))?;
    Ok(newest.map(|newest| ClockReading { own: newest, wall: newest }))
}

pub(super) fn save_clock(connection: &Connection, reading: ClockReading) -> rusqlite::Result<()> {
    let save = "INSERT OR REPLACE INTO meta VALUES ('clock', ?1)";
    connection.prepare_cached(save)?.execute([reading.to_string()]).map(|_| ())
}

fn stored_message(row: &Row<'_>) -> rusqlite::Result<StoredMessage> {
    let message = TextMessage {
        id: row.get(0)?,
        user_id: row.get(1)?,
        user_name: row.get(2)?,
        text: row.get(3)?,
        timestamp: row.get(4)?,
        status: WireStatus::Sent,
        offset: Some(row.get(5)?),
    };
    Ok(StoredMessage { message, stored: row.get(6)? })
}

/// The last message of a room.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) position: u64,
    /// By the wall clock; never before those of earlier ones.
    pub(super) stored: i64,
}

/// Whether the history is a part of a cluster's.
pub(super) fn is_of_cluster(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT EXISTS (SELECT 1 FROM meta WHERE key = 'cluster')", [], |row| row.get(0))
}
