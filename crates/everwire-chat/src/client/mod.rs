//! The chat client.

mod address;
mod builder;
mod event;
mod failed;
mod follow;
mod history;
mod memory;
mod platform;
mod read_position;
mod reading;
mod returning;
mod room;
mod send;
mod shown;
mod task;
mod tokens;
mod told_position;
mod updates;

use std::sync::Arc;
use std::time::Duration;

use everwire::{Client, Hint, State, Stats};
use everwire_chat_core::timeline::Entry;
use everwire_chat_core::wire::{Event, Notice, Receipt, User};
use tokio::sync::mpsc;
use web_time::{SystemTime, UNIX_EPOCH};

pub use builder::{Builder, ChatError};
pub use event::{ChatEvent, LoadError, SendError, TakeBackError};
pub use failed::FailedMessage;
pub use memory::Memory;
pub use read_position::ReadPosition;
pub use updates::Updates;

use crate::id::new_id;
use platform::{Spawner, Task};
use room::Room;

/// One user in one room.
///
/// What is sent is shown at once, sent when the network allows, in order, and sent again until the server is known to
/// have it; a repeat is the same message, so nothing is doubled. After each reconnection the client asks for what it has
/// missed. Dropping the client ends everything at once; [`close`](Self::close) flushes first.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use everwire_chat::{ChatClient, ChatEvent};
///
/// let chat = ChatClient::builder("ws://127.0.0.1:8080/ws", "Ana").room("den").build()?;
/// let mut updates = chat.updates();
/// chat.send("good morning")?;
/// while let Some(event) = updates.next().await {
///     if let ChatEvent::Timeline(change) = event {
///         println!("{change:?}");
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ChatClient {
    client: Client,
    room: Arc<Room>,
    outcomes: mpsc::Sender<task::Resolved>,
    task: Task,
    /// Lines may be sent from any thread.
    spawner: Spawner,
    me: User,
}

/// Messages that are asked for together.
const PAGE: u64 = 100;

impl ChatClient {
    /// Starts the settings of a client: `url` is the chat's address, `ws://HOST:PORT/ws` or `wss://…`.
    #[must_use]
    pub fn builder(url: impl Into<String>, user_name: impl Into<String>) -> Builder {
        Builder::new(url.into(), user_name.into())
    }

    /// Our user, by the name that the others see, once the server has told that.
    #[must_use]
    pub fn me(&self) -> User {
        let name = self.room.lock().name.clone();
        User::new(self.me.user_id.clone(), name.unwrap_or_else(|| self.me.user_name.clone()))
    }

    /// The messages, oldest first: a copy.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.room.entries()
    }

    /// The users who are here besides us, as far as the server tells.
    #[must_use]
    pub fn users(&self) -> Vec<User> {
        self.room.users()
    }

    /// The knowledge to keep for the next client of this user in this room ([`Builder::memory`]); `None` before anything
    /// is known of the room's history.
    #[must_use]
    pub fn memory(&self) -> Option<Memory> {
        self.room.lock().memory()
    }

    /// A stream of the changes from now on. A listener that falls behind by more than 1,024 events gets
    /// [`ChatEvent::Missed`] instead of all that has piled up.
    #[must_use]
    pub fn updates(&self) -> Updates {
        Updates { receiver: self.room.subscribe(), room: Arc::downgrade(&self.room) }
    }

    /// The messages, oldest first, and what changes from then on: nothing in between is left out or comes twice.
    #[must_use]
    pub fn follow_timeline(&self) -> (Vec<Entry>, Updates) {
        let (entries, receiver) = self.room.follow();
        (entries, Updates { receiver, room: Arc::downgrade(&self.room) })
    }

    /// A stream of the events of the connection beneath from now on, and to the [store](everwire::Builder::store) of
    /// its outbox.
    #[must_use]
    pub fn connection_events(&self) -> everwire::Events {
        self.client.events()
    }

    /// The connection's state.
    #[must_use]
    pub fn state(&self) -> State {
        self.client.state()
    }

    /// Counts and sizes of the connection: what was sent, what waits.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.client.stats()
    }

    /// Connects again after the connection has ended by itself: closed or refused by the server, or given up. Otherwise it
    /// changes nothing.
    pub fn connect(&self) {
        self.client.connect();
    }

    /// Passes on what the platform knows about the network.
    pub fn hint(&self, hint: Hint) {
        self.client.hint(hint);
    }

    /// Sends what is waiting, tells the others that our user leaves, and ends, all within `deadline`. Returns our messages
    /// that are not known to have been sent. A deadline of zero sends nothing more; a long one waits as long as the
    /// network is away.
    ///
    /// Not cancel-safe: if the future is dropped, the client ends at once.
    pub async fn close(mut self, deadline: Duration) -> Vec<Entry> {
        self.say_goodbye();
        self.client.close(deadline).await;
        // The task ends when it has taken the last message and the last outcome.
        drop(std::mem::replace(&mut self.outcomes, mpsc::channel(1).0));
        self.task.ended().await;
        self.room.entries().into_iter().filter(|entry| entry.own && !entry.status.is_sent()).collect()
    }

    /// Tells the server what we have read, and the others that our user leaves. [`close`](Self::close) does so too; call
    /// this where nothing can be awaited, as when a page is closed, and drop the client a moment later. Without a
    /// connection it does nothing: the others are told when the server gives the connection up.
    pub fn say_goodbye(&self) {
        if matches!(self.client.state(), State::Connected { .. }) {
            self.tell_receipt();
            let User { user_id, user_name, .. } = self.me.clone();
            let notice = Notice { id: new_id(), user_id, user_name, timestamp: now_ms() };
            let _ = self.client.send_volatile(Event::UserLeft(notice).to_json());
        }
    }

    /// Receipts are collected for a moment: nobody waits for that who leaves. The same twice does no harm.
    fn tell_receipt(&self) {
        let inner = self.room.lock();
        let (had, stores) = (inner.had, inner.epoch.is_some());
        drop(inner);
        if stores && had != Receipt::default() {
            let _ = self.client.send_volatile(Event::Receipt(had).to_json());
        }
    }
}

/// Milliseconds since the Unix epoch.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
