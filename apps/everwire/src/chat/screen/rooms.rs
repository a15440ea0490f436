//! The rooms that were joined, each with its client, and the events of all of them in one stream.

use everwire_chat::{ChatClient, ChatEvent, Entry};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::exit::Failure;

/// The most events in the stream; beyond it, events wait in their clients, which drop those that they can't keep.
const QUEUED_EVENTS: usize = 256;

/// Makes the client of a room.
pub(super) type Join = Box<dyn Fn(&str) -> Result<ChatClient, Failure>>;

pub(super) struct Rooms {
    join: Join,
    joined: Vec<Joined>,
    next: u64,
    events: (mpsc::Sender<RoomEvent>, mpsc::Receiver<RoomEvent>),
}

struct Joined {
    key: u64,
    chat: ChatClient,
    listener: JoinHandle<()>,
}

struct RoomEvent {
    key: u64,
    event: ChatEvent,
}

impl Rooms {
    pub(super) fn new(join: Join) -> Self {
        Self { join, joined: Vec::new(), next: 0, events: mpsc::channel(QUEUED_EVENTS) }
    }

    /// Joins a room, which becomes the last one; returns its present messages too.
    pub(super) fn join(&mut self, room: &str) -> Result<(&ChatClient, Vec<Entry>), Failure> {
        let chat = (self.join)(room)?;
        let (entries, mut updates) = chat.follow_timeline();
        let (key, events) = (self.next, self.events.0.clone());
        self.next += 1;
        let listener = tokio::spawn(async move {
            while let Some(event) = updates.next().await {
                if events.send(RoomEvent { key, event }).await.is_err() {
                    break;
                }
            }
        });
        let at = self.joined.len();
        self.joined.push(Joined { key, chat, listener });
        Ok((&self.joined[at].chat, entries))
    }

    pub(super) fn chat(&self, room: usize) -> &ChatClient {
        &self.joined[room].chat
    }

    pub(super) fn count(&self) -> usize {
        self.joined.len()
    }

    /// Removes a room, so that it can be left.
    pub(super) fn part(&mut self, room: usize) -> ChatClient {
        let Joined { chat, listener, .. } = self.joined.remove(room);
        listener.abort();
        chat
    }

    /// The next event, and its room. Cancel-safe.
    pub(super) async fn next(&mut self) -> (usize, ChatEvent) {
        loop {
            // The stream never ends, because a sender is kept here.
            let Some(RoomEvent { key, event }) = self.events.1.recv().await else {
                return std::future::pending().await;
            };
            if let Some(room) = self.joined.iter().position(|joined| joined.key == key) {
                return (room, event);
            }
        }
    }

    /// The next event, if there is one already.
    pub(super) fn try_next(&mut self) -> Option<(usize, ChatEvent)> {
        while let Ok(RoomEvent { key, event }) = self.events.1.try_recv() {
            if let Some(room) = self.joined.iter().position(|joined| joined.key == key) {
                return Some((room, event));
            }
        }
        None
    }
}
