//! How far users have read, on whatever device.

use std::collections::HashMap;

use everwire_chat_core::wire::{Event, ReadMark};
use everwire_server::Prepared;

use super::{ConnectionId, Item, Rooms, text};

/// How far a user has read a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeptPosition {
    pub(crate) room: String,
    pub(crate) user: String,
    pub(crate) offset: u64,
}

/// Positions that are not stored yet.
#[derive(Debug, Default)]
pub(super) struct Unsaved(HashMap<(String, String), u64>);

/// Positions that may wait to be stored. What comes on top is not remembered: its user may find some messages unread again.
const MOST_UNSAVED: usize = 100_000;

impl Rooms {
    /// How far a user is known to have read a room, without what is stored.
    pub(crate) fn read_position(&self, room: &str, user: &str) -> Option<u64> {
        let of_room = self.rooms.get(room).and_then(|room| room.read.get(user).copied());
        of_room.max(self.unsaved_reading.0.get(&(room.to_owned(), user.to_owned())).copied())
    }

    /// A user's client comes into a room that ends at `end`; how far the user has read. Who comes for the first time has missed
    /// nothing.
    pub(crate) fn resume_reading(&mut self, room: &str, user: &str, stored: Option<u64>, end: u64) -> u64 {
        let known = self.read_position(room, user).max(stored);
        let offset = known.unwrap_or(end);
        if known.is_none() {
            self.unsaved_reading.put(room, user, offset);
        }
        if let Some(room) = self.rooms.get_mut(room) {
            room.read.insert(user.to_owned(), offset);
        }
        offset
    }

    /// A client of a user says how far it has shown the room: the user's other clients are told if that is news.
    pub(super) fn read_to(&mut self, room: &str, origin: ConnectionId, user: &str, offset: u64) {
        let Some(entry) = self.rooms.get_mut(room) else { return };
        match entry.read.get_mut(user) {
            Some(known) if offset <= *known => return,
            Some(known) => *known = offset,
            None if offset == 0 => return,
            None => drop(entry.read.insert(user.to_owned(), offset)),
        }
        self.unsaved_reading.put(room, user, offset);
        // Each member of a large room reads each line: it is not looked through for each of them.
        if entry.presence.connections(user) < 2 {
            return;
        }
        let frame = Prepared::new(text(&Event::ReadPosition(ReadMark { offset })));
        let is_other = |(id, member): &(&ConnectionId, &super::Member)| {
            **id != origin && member.manner.extended && member.user.as_ref().is_some_and(|known| known.user_id == user)
        };
        for (_, member) in entry.members.iter().filter(is_other) {
            member.mailbox.put(Item::Frame(frame.clone()));
            self.deliveries += 1;
        }
    }

    /// Positions to be stored, `most` of them.
    pub(crate) fn unsaved_positions(&self, most: usize) -> Vec<KeptPosition> {
        let kept = |((room, user), offset): (&(String, String), &u64)| KeptPosition {
            room: room.clone(),
            user: user.clone(),
            offset: *offset,
        };
        self.unsaved_reading.0.iter().take(most).map(kept).collect()
    }

    /// These are stored; what has risen since is not.
    pub(crate) fn positions_saved(&mut self, saved: Vec<KeptPosition>) {
        for KeptPosition { room, user, offset } in saved {
            let key = (room, user);
            if self.unsaved_reading.0.get(&key) == Some(&offset) {
                self.unsaved_reading.0.remove(&key);
            }
        }
    }
}

impl Unsaved {
    fn put(&mut self, room: &str, user: &str, offset: u64) {
        let key = (room.to_owned(), user.to_owned());
        if self.0.len() < MOST_UNSAVED || self.0.contains_key(&key) {
            self.0.insert(key, offset);
        }
    }
}
