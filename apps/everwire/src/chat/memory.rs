//! The last messages of a room in a file, so that they are there at the next start, with or without a network.

use std::io;

use everwire_chat::{ChatClient, Memory};

use super::folder::Folder;

/// What was kept; a file that can't be read is as good as none.
pub(super) fn read(folder: &Folder, room: &str) -> Option<Memory> {
    let json = std::fs::read_to_string(folder.memory(room)).ok()?;
    Memory::from_json(&json)
}

/// Keeps what a client knows now, in place of what was kept before.
pub(super) fn write(folder: &Folder, room: &str, chat: &ChatClient) -> io::Result<()> {
    let Some(memory) = chat.memory() else { return Ok(()) };
    // Whole or not at all, whatever ends the program.
    let file = folder.memory(room);
    let unfinished = file.with_extension("json.new");
    std::fs::write(&unfinished, memory.to_json())?;
    std::fs::rename(unfinished, file)
}
