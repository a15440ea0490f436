//! The last messages of a room in a file, so that they are there at the next start, with or without a network.

use std::io;

use everwire_chat::{ChatClient, Memory};

use super::folder::Folder;

/// The messages that were kept; `None` if there are none, or the file can't be read.
pub(super) fn read(folder: &Folder, room: &str) -> Option<Memory> {
    let json = std::fs::read_to_string(folder.memory(room)).ok()?;
    Memory::from_json(&json)
}

/// Replaces the kept messages by those that a client has now.
pub(super) fn write(folder: &Folder, room: &str, chat: &ChatClient) -> io::Result<()> {
    let Some(memory) = chat.memory() else { return Ok(()) };
    // The file is replaced as a whole or not at all, whenever the program ends.
    let file = folder.memory(room);
    let unfinished = file.with_extension("json.new");
    std::fs::write(&unfinished, memory.to_json())?;
    std::fs::rename(unfinished, file)
}
