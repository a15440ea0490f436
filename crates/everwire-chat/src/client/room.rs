//! What the client knows of its room, shared between the handle and the task.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use everwire::MessageId;
use everwire_chat_core::timeline::{Change, Entry, Timeline};
use everwire_chat_core::wire::{Position, Receipt, User};
use tokio::sync::{Notify, broadcast};

use super::ChatEvent;
use super::shown::Shown;
use super::told_position::ToldPosition;

/// Events that a slow listener may be behind.
const EVENTS: usize = 1024;

#[derive(Debug)]
pub(super) struct Room {
    inner: Mutex<Inner>,
    events: broadcast::Sender<ChatEvent>,
    /// There is something to tell the server about what we have.
    pub(super) receipts: Notify,
    /// The server may have to be told whether the user is away.
    pub(super) presence: Notify,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) timeline: Timeline,
    pub(super) users: Vec<User>,
    /// What the server calls us, if it has said so.
    pub(super) name: Option<String>,
    /// Which history the room has.
    pub(super) epoch: Option<String>,
    /// Up to where we have everything of it; `None`: nothing of it has come yet, though there may be much.
    pub(super) seen: Option<u64>,
    /// The numbers in the outbox of our messages without an outcome.
    pub(super) waiting: HashMap<String, MessageId>,
    /// A page of the history that is on its way: what was asked for.
    pub(super) asked: Option<u64>,
    /// What we have of others' messages, and what of it was shown.
    pub(super) had: Receipt,
    /// What was shown beyond what was read.
    pub(super) shown: Shown,
    /// What the server has told of how far our user has read.
    pub(super) told: ToldPosition,
    /// The last word on our typing, which a line overtakes.
    pub(super) typing: Option<MessageId>,
    /// Nobody looks at this client.
    pub(super) away: bool,
    /// Whether this connection's server was told that nobody looks.
    pub(super) declared_away: bool,
}

impl Room {
    pub(super) fn new(window: usize) -> Self {
        let inner = Inner {
            timeline: Timeline::new(window),
            users: Vec::new(),
            name: None,
            epoch: None,
            seen: None,
            waiting: HashMap::new(),
            asked: None,
            had: Receipt::default(),
            shown: Shown::default(),
            told: ToldPosition::default(),
            typing: None,
            away: false,
            declared_away: false,
        };
        Self {
            inner: Mutex::new(inner),
            events: broadcast::channel(EVENTS).0,
            receipts: Notify::new(),
            presence: Notify::new(),
        }
    }

    /// Changes the timeline and tells the listeners, in one step: they see changes in the order in which they happened.
    pub(super) fn update<E>(&self, change: impl FnOnce(&mut Inner) -> Result<Vec<Change>, E>) -> Result<(), E> {
        let mut inner = self.lock();
        let changes = change(&mut inner)?;
        changes.into_iter().for_each(|change| self.tell(ChatEvent::Timeline(change)));
        Ok(())
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here panics half-way; a listener's panic is not ours to repeat.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tell(&self, event: ChatEvent) {
        // Fails only if nobody listens.
        let _ = self.events.send(event);
    }

    /// The timeline, and what changes in it from then on.
    pub(super) fn follow(&self) -> (Vec<Entry>, broadcast::Receiver<ChatEvent>) {
        let inner = self.lock();
        (inner.timeline.entries().cloned().collect(), self.events.subscribe())
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<ChatEvent> {
        self.events.subscribe()
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        self.lock().timeline.entries().cloned().collect()
    }

    pub(super) fn users(&self) -> Vec<User> {
        self.lock().users.clone()
    }

    /// Whether nobody looks: the next connection's server is told.
    pub(super) fn declare_away(&self) -> bool {
        let mut inner = self.lock();
        inner.declared_away = inner.away;
        inner.away
    }

    pub(super) fn position(&self) -> Option<Position> {
        self.lock().position()
    }
}

impl Inner {
    /// From where to go on.
    pub(super) fn position(&self) -> Option<Position> {
        Some(Position { epoch: self.epoch.clone()?, offset: self.seen? })
    }
}
