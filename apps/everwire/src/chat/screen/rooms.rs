//! The rooms that were joined, each with its client, and the news of all of them in one stream.

use everwire_chat::{ChatClient, ChatEvent, Entry};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::exit::Failure;

/// News that have not been taken yet; who has more waits, and misses events beyond what a client keeps.
const NEWS: usize = 256;

/// Makes the client of a room.
pub(super) type Join = Box<dyn Fn(&str) -> Result<ChatClient, Failure>>;

pub(super) struct Rooms {
    join: Join,
    joined: Vec<Joined>,
    next: u64,
    news: (mpsc::Sender<News>, mpsc::Receiver<News>),
}

struct Joined {
    key: u64,
    chat: ChatClient,
    listener: JoinHandle<()>,
}

struct News {
    key: u64,
    event: ChatEvent,
}

impl Rooms {
    pub(super) fn new(join: Join) -> Self {
        Self { join, joined: Vec::new(), next: 0, news: mpsc::channel(NEWS) }
    }

    /// Joins a room; it is the last then. With the messages that there are already.
    pub(super) fn join(&mut self, room: &str) -> Result<(&ChatClient, Vec<Entry>), Failure> {
        let chat = (self.join)(room)?;
        let (entries, mut updates) = chat.follow_timeline();
        let (key, news) = (self.next, self.news.0.clone());
        self.next += 1;
        let listener = tokio::spawn(async move {
            while let Some(event) = updates.next().await {
                if news.send(News { key, event }).await.is_err() {
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

    /// Takes a room out, for leaving it.
    pub(super) fn part(&mut self, room: usize) -> ChatClient {
        let Joined { chat, listener, .. } = self.joined.remove(room);
        listener.abort();
        chat
    }

    /// What happened next, and in which room. Cancel-safe.
    pub(super) async fn next(&mut self) -> (usize, ChatEvent) {
        loop {
            // The sender is kept, so that there is always more to wait for.
            let Some(News { key, event }) = self.news.1.recv().await else { return std::future::pending().await };
            if let Some(room) = self.joined.iter().position(|joined| joined.key == key) {
                return (room, event);
            }
        }
    }

    /// News that are there already.
    pub(super) fn try_next(&mut self) -> Option<(usize, ChatEvent)> {
        while let Ok(News { key, event }) = self.news.1.try_recv() {
            if let Some(room) = self.joined.iter().position(|joined| joined.key == key) {
                return Some((room, event));
            }
        }
        None
    }
}
