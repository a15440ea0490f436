//! The last messages of a room in a file, so that they are there at the next start, with or without a network.

use std::io;
use std::path::Path;

use everwire_chat::{ChatClient, Memory};

/// What was kept; a file that can't be read is as good as none.
pub(super) fn read(folder: &Path, room: &str) -> Option<Memory> {
    let json = std::fs::read_to_string(super::room_file(folder, room, "json")).ok()?;
    Memory::from_json(&json)
}

/// Keeps what a client knows now, in place of what was kept before.
pub(super) fn write(folder: &Path, room: &str, chat: &ChatClient) -> io::Result<()> {
    let Some(memory) = chat.memory() else { return Ok(()) };
    // Whole or not at all, whatever ends the program.
    let unfinished = super::room_file(folder, room, "json.new");
    std::fs::write(&unfinished, memory.to_json())?;
    std::fs::rename(unfinished, super::room_file(folder, room, "json"))
}
