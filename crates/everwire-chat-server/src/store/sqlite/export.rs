use std::io::Write;
use std::path::Path;

use everwire_chat_core::wire::TextMessage;
use serde::Serialize;

use super::reader::Reader;
use super::rows::StoredMessage;
use crate::store::error::ExportError;

/// One line of an export.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    room: &'a str,
    offset: Option<u64>,
    id: &'a str,
    user_id: &'a str,
    user_name: &'a str,
    text: &'a str,
    /// By the sender's clock.
    timestamp: i64,
    /// By the server's.
    stored_at: i64,
}

/// Writes the history in this folder as JSON lines, room by room and in order: of one `room`, or of all. How many
/// messages.
///
/// A server may be using the history meanwhile; what it stores behind the place that was read last is not seen. Each line
/// is an object of `room`, `offset`, `id`, `userId`, `userName`, `text`, `timestamp` (the sender's clock) and `storedAt`
/// (the server's), times in milliseconds since the Unix epoch. Blocks.
///
/// # Errors
/// If there is no history, no message was ever stored in that room, the history can't be read, or the output can't be
/// written; lines before that are whole. A room whose messages are too old and were removed is exported as none.
///
/// ```no_run
/// let count = everwire_chat_server::export("everwire-data", Some("lobby"), std::io::stdout().lock())?;
/// eprintln!("{count} messages");
/// # Ok::<(), everwire_chat_server::ExportError>(())
/// ```
pub fn export(folder: impl AsRef<Path>, room: Option<&str>, mut to: impl Write) -> Result<u64, ExportError> {
    let reader = Reader::open(folder.as_ref())?;
    let mut count = 0;
    if let Some(room) = room {
        if reader.rooms(room)?.first().is_none_or(|first| first != room) {
            let mut some_rooms = reader.rooms("")?;
            some_rooms.truncate(ExportError::MOST_NAMED);
            return Err(ExportError::UnknownRoom { room: room.to_owned(), some_rooms });
        }
        count = one(&reader, room, &mut to)?;
    } else {
        let mut from = String::new();
        loop {
            let rooms = reader.rooms(&from)?;
            for room in &rooms {
                count += one(&reader, room, &mut to)?;
            }
            // The next name in order is this one with the smallest character behind it.
            let Some(last) = rooms.last() else { break };
            from = format!("{last}\0");
        }
    }
    to.flush()?;
    Ok(count)
}

fn one(reader: &Reader, room: &str, to: &mut impl Write) -> Result<u64, ExportError> {
    let (mut count, mut after) = (0, 0);
    loop {
        let page = reader.page(room, after)?;
        let Some(last) = page.last().and_then(|stored_message| stored_message.message.offset) else { return Ok(count) };
        for stored_message in &page {
            write(room, stored_message, to)?;
            count += 1;
        }
        after = last;
    }
}

fn write(room: &str, stored_message: &StoredMessage, to: &mut impl Write) -> Result<(), ExportError> {
    let TextMessage { id, user_id, user_name, text, timestamp, offset, .. } = &stored_message.message;
    let line = Line {
        room,
        offset: *offset,
        id,
        user_id,
        user_name,
        text,
        timestamp: *timestamp,
        stored_at: stored_message.stored,
    };
    let mut json = serde_json::to_vec(&line).map_err(std::io::Error::from)?;
    json.push(b'\n');
    Ok(to.write_all(&json)?)
}
