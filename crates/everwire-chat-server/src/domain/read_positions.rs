//! How far users have read, on whatever device, where it is not stored yet.

use std::collections::HashMap;

/// How far a user has read a room.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "cluster", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct ReadPosition {
    pub(crate) room: String,
    pub(crate) user: String,
    pub(crate) offset: u64,
}

/// Positions that are not stored yet.
#[derive(Debug, Default)]
pub(super) struct Unsaved(HashMap<(String, String), u64>);

/// Positions that may wait to be stored. What comes on top is not remembered: its user may find some messages unread again.
const MOST_UNSAVED: usize = 100_000;

impl Unsaved {
    pub(super) fn get(&self, room: &str, user: &str) -> Option<u64> {
        self.0.get(&(room.to_owned(), user.to_owned())).copied()
    }

    /// `most` of them.
    pub(super) fn some(&self, most: usize) -> Vec<ReadPosition> {
        let position = |((room, user), offset): (&(String, String), &u64)| ReadPosition {
            room: room.clone(),
            user: user.clone(),
            offset: *offset,
        };
        self.0.iter().take(most).map(position).collect()
    }

    /// These are stored; what has risen since is not.
    pub(super) fn remove(&mut self, saved: Vec<ReadPosition>) {
        for ReadPosition { room, user, offset } in saved {
            let key = (room, user);
            if self.0.get(&key) == Some(&offset) {
                self.0.remove(&key);
            }
        }
    }

    pub(super) fn put(&mut self, room: &str, user: &str, offset: u64) {
        let key = (room.to_owned(), user.to_owned());
        if self.0.len() < MOST_UNSAVED || self.0.contains_key(&key) {
            self.0.insert(key, offset);
        }
    }
}
