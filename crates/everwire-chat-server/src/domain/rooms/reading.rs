//! How far users have read, on whatever device.

use everwire_chat_core::wire::{Event, ReadMark};

use super::Rooms;
use crate::domain::read_positions::ReadPosition;
use crate::domain::sink::Delivery;
use crate::domain::subscriber::{ConnectionId, Subscriber};

/// No connection of this server.
pub(super) const ELSEWHERE: ConnectionId = 0;

impl Rooms {
    /// How far a user is known to have read a room, without what is stored.
    pub(crate) fn read_position(&self, room: &str, user: &str) -> Option<u64> {
        let of_room = self.rooms.get(room).and_then(|room| room.read.get(user).copied());
        of_room.max(self.unsaved_reading.get(room, user))
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

    /// A user has read a room up to there, as another node knows; of no use for those who are not here.
    #[cfg(feature = "cluster")]
    pub(crate) fn read_elsewhere(&mut self, ReadPosition { room, user, offset }: &ReadPosition) {
        if self.connections_here(room, user) > 0 {
            self.read_to(room, ELSEWHERE, user, *offset);
        }
    }

    /// A client of a user says how far it has shown the room: the user's other clients are told if that is news.
    pub(super) fn read_to(&mut self, room: &str, origin: ConnectionId, user: &str, offset: u64) {
        let others = self.connections_here(room, user).saturating_sub(usize::from(origin != ELSEWHERE));
        let Some(entry) = self.rooms.get_mut(room) else { return };
        match entry.read.get_mut(user) {
            Some(known) if offset <= *known => return,
            Some(known) => *known = offset,
            None if offset == 0 => return,
            None => drop(entry.read.insert(user.to_owned(), offset)),
        }
        self.unsaved_reading.put(room, user, offset);
        // Each member of a large room reads each line: it is not looked through for each of them.
        if others == 0 {
            return;
        }
        let frame = Delivery::of(&Event::ReadPosition(ReadMark { offset }));
        let is_other = |(id, other): &(&ConnectionId, &Subscriber)| {
            **id != origin && other.mode.extended && other.user.as_ref().is_some_and(|known| known.user_id == user)
        };
        for (_, other) in entry.subscribers.iter().filter(is_other) {
            other.sink.deliver(frame.clone());
            self.deliveries += 1;
        }
    }

    /// A user's connections with this server.
    fn connections_here(&self, room: &str, user: &str) -> usize {
        let all = self.rooms.get(room).map_or(0, |room| room.presence.connections(user));
        all.saturating_sub(self.elsewhere.as_ref().map_or(0, |elsewhere| elsewhere.nodes_of(room, user)))
    }

    /// Positions to be stored, `most` of them.
    pub(crate) fn unsaved_positions(&self, most: usize) -> Vec<ReadPosition> {
        self.unsaved_reading.some(most)
    }

    /// These are stored; what has risen since is not.
    pub(crate) fn positions_saved(&mut self, saved: Vec<ReadPosition>) {
        self.unsaved_reading.remove(saved);
    }
}
