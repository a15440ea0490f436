//! The posts of each room that wait, and the run of each that is on its way.

use std::collections::{HashMap, HashSet, VecDeque};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::store::cluster::names;
use crate::store::messages::Append;
use crate::store::replica::RoomPosts;

/// Posts in one run, and bytes of their texts, at most.
const RUN_POSTS: usize = 64;
const RUN_BYTES: usize = 32 << 10;

/// Runs on their way at once.
const RUNS: usize = 1024;

/// All rooms that have posts.
#[derive(Debug, Default)]
pub(super) struct Queues {
    rooms: HashMap<String, RoomQueue>,
    /// Rooms that may have something to plan.
    ready: HashSet<String>,
    /// Posts that were taken and not told of.
    pub(super) waiting: usize,
    sent: usize,
}

#[derive(Debug, Default)]
struct RoomQueue {
    posts: VecDeque<Append>,
    state: RoomState,
    /// The sequence of the latest record of the room that was told of since it has posts.
    last_record: u64,
    /// Guards, each of which is held until `told` reaches its number.
    waiting: Vec<(u64, mpsc::Sender<()>)>,
    taken: u64,
    told: u64,
}

#[derive(Debug, Default)]
enum RoomState {
    #[default]
    Idle,
    /// Some of its posts are being planned.
    Planning,
    Sent(SentRun),
}

/// A run on its way.
#[derive(Debug)]
pub(super) struct SentRun {
    pub(super) id: String,
    pub(super) subject: String,
    pub(super) stream: String,
    pub(super) payload: Bytes,
    pub(super) after: u64,
    /// Posts that are told with it.
    pub(super) posts: usize,
    pub(super) attempts: u32,
    pub(super) until: Instant,
}

impl Queues {
    pub(super) fn push(&mut self, post: Append) {
        let room = self.rooms.entry(post.room.clone()).or_default();
        room.taken = room.taken.saturating_add(1);
        if matches!(room.state, RoomState::Idle) {
            self.ready.insert(post.room.clone());
        }
        room.posts.push_back(post);
        self.waiting = self.waiting.saturating_add(1);
    }

    /// The guard is kept until all posts of the room that were taken before, or of all rooms, have been told.
    pub(super) fn settle(&mut self, room: Option<String>, guard: &mpsc::Sender<()>) {
        let wait = |room: &mut RoomQueue| {
            if room.told < room.taken {
                room.waiting.push((room.taken, guard.clone()));
            }
        };
        match room {
            Some(room) => self.rooms.get_mut(&room).into_iter().for_each(wait),
            None => self.rooms.values_mut().for_each(wait),
        }
    }

    /// Whether posts could be planned now.
    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty() && self.sent < RUNS
    }

    /// Rooms whose posts wait to be planned.
    pub(super) fn ready(&self) -> Vec<String> {
        self.ready.iter().cloned().collect()
    }

    /// The posts to be planned next, of all rooms that have none under way.
    pub(super) fn take_ready(&mut self) -> Vec<RoomPosts> {
        let mut runs = Vec::new();
        let rooms: Vec<String> = self.ready.iter().take(RUNS.saturating_sub(self.sent)).cloned().collect();
        for name in rooms {
            self.ready.remove(&name);
            let Some(room) = self.rooms.get_mut(&name) else { continue };
            let mut bytes = 0_usize;
            let mut posts = Vec::new();
            while let Some(post) = room.posts.front() {
                bytes = bytes.saturating_add(post.message.text.len());
                if posts.len() == RUN_POSTS || (bytes > RUN_BYTES && !posts.is_empty()) {
                    break;
                }
                posts.extend(room.posts.pop_front());
            }
            room.state = RoomState::Planning;
            let (_, subject) = names::place(&name);
            runs.push(RoomPosts { room: name, subject, posts });
        }
        runs
    }

    /// A run of the room is on its way.
    pub(super) fn set_sent(&mut self, name: &str, sent: SentRun) {
        if let Some(room) = self.rooms.get_mut(name) {
            room.state = RoomState::Sent(sent);
            self.sent = self.sent.saturating_add(1);
        }
    }

    /// The run of the room that is on its way, if one is.
    pub(super) fn sent(&self, room: &str) -> Option<&SentRun> {
        match &self.rooms.get(room)?.state {
            RoomState::Sent(sent) => Some(sent),
            RoomState::Idle | RoomState::Planning => None,
        }
    }

    /// The run of this id, if it is still on its way in its room.
    pub(super) fn sent_run(&mut self, room: &str, run: &str) -> Option<&mut SentRun> {
        match &mut self.rooms.get_mut(room)?.state {
            RoomState::Sent(sent) if sent.id == run => Some(sent),
            RoomState::Sent(_) | RoomState::Idle | RoomState::Planning => None,
        }
    }

    /// The room of this subject, if it has posts. Looks through all that have.
    pub(super) fn room_of(&self, subject: &str) -> Option<String> {
        self.rooms.keys().find(|name| names::place(name).1 == subject).cloned()
    }

    /// A record of the room stands at this sequence.
    pub(super) fn note_record(&mut self, name: &str, sequence: u64) {
        if let Some(room) = self.rooms.get_mut(name) {
            room.last_record = room.last_record.max(sequence);
        }
    }

    /// Whether a record of the room stands behind the one that a run of it is to follow.
    pub(super) fn is_outrun(&self, name: &str, after: u64) -> bool {
        self.rooms.get(name).is_some_and(|room| room.last_record > after)
    }

    /// The room's run is not on its way any more.
    pub(super) fn set_idle(&mut self, name: &str) {
        if let Some(room) = self.rooms.get_mut(name)
            && matches!(std::mem::take(&mut room.state), RoomState::Sent(_))
        {
            self.sent = self.sent.saturating_sub(1);
        }
    }

    /// Puts posts back, to be planned again before all others.
    pub(super) fn put_back(&mut self, name: &str, posts: Vec<Append>) {
        let Some(room) = self.rooms.get_mut(name) else { return };
        room.state = RoomState::Idle;
        posts.into_iter().rev().for_each(|post| room.posts.push_front(post));
        if !room.posts.is_empty() {
            self.ready.insert(name.to_owned());
        }
    }

    /// All posts of a room that wait.
    pub(super) fn take_waiting(&mut self, name: &str) -> Vec<Append> {
        self.ready.remove(name);
        self.rooms.get_mut(name).map(|room| std::mem::take(&mut room.posts).into()).unwrap_or_default()
    }

    pub(super) fn all_rooms(&self) -> Vec<String> {
        self.rooms.keys().cloned().collect()
    }

    /// `count` posts of a room have been told.
    pub(super) fn told(&mut self, name: &str, count: usize) {
        self.waiting = self.waiting.saturating_sub(count);
        let Some(room) = self.rooms.get_mut(name) else { return };
        room.told = room.told.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        let told = room.told;
        room.waiting.retain(|(until, _)| *until > told);
        if matches!(room.state, RoomState::Sent(_)) {
            return;
        }
        room.state = RoomState::Idle;
        if !room.posts.is_empty() {
            self.ready.insert(name.to_owned());
        } else if room.told == room.taken {
            self.rooms.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::post;

    #[test]
    fn a_run_is_outrun_by_a_record_that_it_was_not_planned_behind_whenever_that_is_told() {
        let mut queues = Queues::default();
        queues.note_record("a", 9);
        queues.push(post("a", "1"));
        assert!(!queues.is_outrun("a", 3), "what was there before the posts is known to who plans them");

        assert_eq!(queues.take_ready().len(), 1);
        queues.note_record("a", 12);
        assert!(queues.is_outrun("a", 11), "told while the posts were being planned");
        assert!(!queues.is_outrun("a", 12), "planned behind it");

        queues.note_record("a", 10);
        assert!(queues.is_outrun("a", 11), "told late");
        assert_eq!(queues.room_of(&names::place("a").1).as_deref(), Some("a"), "found before its run is sent");
    }
}
