//! The chat client.

mod address;
mod builder;
mod failed;
mod memory;
mod platform;
mod reading;
mod returning;
mod room;
mod shown;
mod task;
mod tokens;
mod told_position;

use std::convert::Infallible;
use std::sync::{Arc, Weak};
use std::time::Duration;

use everwire::{Client, Delivery, Hint, Message, MessageId, State, Stats};
use everwire_chat_core::limits::check_text;
use everwire_chat_core::status::Status;
use everwire_chat_core::timeline::{Change, Entry};
use everwire_chat_core::wire::{Earlier, Event, Notice, Receipt, TextMessage, Typing, User, WireStatus, parse};
use tokio::sync::{broadcast, mpsc, oneshot};
use web_time::{SystemTime, UNIX_EPOCH};

pub use builder::{Builder, ChatError};
pub use failed::FailedMessage;
pub use memory::Memory;
pub use reading::ReadPosition;

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

/// Something that a UI may want to show.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ChatEvent {
    /// The connection's state has changed.
    Connection(State),
    /// The timeline has changed.
    Timeline(Change),
    /// Somebody has come.
    Joined(User),
    /// Somebody who was here before the connection was lost is here again.
    Back(User),
    /// Somebody has gone.
    Left(User),
    /// Somebody looks no more, or again ([`User::away`] says which), or is called otherwise from now on. Such changes are also in
    /// what [`Synced`](Self::Synced) renews.
    Presence(User),
    /// The server names us: so the others see us. [`ChatClient::me`] says it from now on.
    Named(User),
    /// These are typing now, by name.
    Typing(Vec<String>),
    /// The server has said where the room stands; what we have missed follows. The list of who is here is new.
    Synced {
        /// There are older messages that do not follow.
        earlier: bool,
    },
    /// Our user's read position as the server tells it: right after [`Synced`](Self::Synced), before what was missed
    /// follows, and when our user has read further on another device. Not told for [`ChatClient::mark_read`].
    ReadPosition(ReadPosition),
    /// A page of older messages has come ([`ChatClient::load_earlier`]).
    Earlier {
        /// How many there were; the timeline has changed before.
        loaded: usize,
    },
    /// A binary message of another member.
    Binary(Vec<u8>),
    /// This listener was too slow and has missed events. What follows goes on from here; for the connection's state and
    /// who is here, ask the client. Nobody is shown as typing until [`Typing`](Self::Typing) comes again, and
    /// [`Earlier`](Self::Earlier) is not waited for any more.
    Missed {
        /// How many.
        count: u64,
        /// The timeline as it is now.
        entries: Vec<Entry>,
    },
}

/// Why a line was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// It breaks a limit; in words for people.
    Invalid(&'static str),
    /// Too many messages are waiting: try again when some have gone.
    Full,
    /// The connection has ended for good; in words for people.
    Closed(String),
    /// No message of ours that could be sent again has this id.
    NotRetryable,
}

/// Why older messages were not asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadError {
    /// Nothing is missing before this message, or the server has nothing more.
    NothingMissing,
    /// Others are on their way: [`ChatEvent::Earlier`] comes first.
    Busy,
    /// There is no connection to ask on: ask again once there is.
    NotConnected,
}

/// Why a message can't be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TakeBackError {
    /// It is on its way and may arrive: wait for its status.
    TooLate,
    /// No message of ours that has not arrived has this id.
    Unknown,
}

/// Messages that are asked for together.
const PAGE: u64 = 100;

impl ChatClient {
    /// Starts the settings of a client: `url` is the chat's address, `ws://HOST:PORT/ws` or `wss://…`.
    #[must_use]
    pub fn builder(url: impl Into<String>, user_name: impl Into<String>) -> Builder {
        Builder::new(url.into(), user_name.into())
    }

    /// Who we are, by the name that the others see, once the server has told that.
    #[must_use]
    pub fn me(&self) -> User {
        let name = self.room.lock().name.clone();
        User::new(self.me.user_id.clone(), name.unwrap_or_else(|| self.me.user_name.clone()))
    }

    /// Sends a line; its id. It is in the timeline when this returns.
    ///
    /// # Errors
    /// If the line breaks a limit, too many are waiting, or the connection has ended for good.
    pub fn send(&self, text: impl Into<String>) -> Result<String, SendError> {
        let text = text.into();
        check_text(&text).map_err(SendError::Invalid)?;
        let User { user_id, user_name, .. } = self.me();
        let message = TextMessage {
            id: new_id(),
            user_id,
            user_name,
            text,
            timestamp: now_ms(),
            status: WireStatus::Sent,
            offset: None,
        };
        let id = message.id.clone();
        let json = Event::Text(message.clone()).to_json();
        self.room.update(|room| {
            // A signal that still waits would come after the line, and be wrong.
            if let Some(signal) = room.typing.take() {
                let _ = self.client.cancel(signal);
            }
            room.waiting.insert(id.clone(), self.submit(&id, json)?);
            Ok(room.timeline.echo(message))
        })?;
        Ok(id)
    }

    /// Sends a failed message again, with the same id.
    ///
    /// # Errors
    /// [`SendError::NotRetryable`] if it has not failed or was refused, and those of [`send`](Self::send).
    pub fn retry(&self, id: &str) -> Result<(), SendError> {
        self.room.update(|room| {
            let entry = room.timeline.get(id).filter(|entry| entry.own).ok_or(SendError::NotRetryable)?;
            if !matches!(&entry.status, Status::Failed(failure) if failure.is_retryable()) {
                return Err(SendError::NotRetryable);
            }
            let again = entry.to_message();
            room.waiting.insert(id.to_owned(), self.submit(id, Event::Text(again).to_json())?);
            Ok(room.timeline.advance(id, Status::Sending))
        })
    }

    /// Takes back a message of ours that waits to be sent, or deletes one that has failed: it leaves the timeline.
    ///
    /// # Errors
    /// [`TakeBackError::TooLate`] if it was handed to a connection, be it an earlier one, and may arrive, [`TakeBackError::Unknown`] if it has
    /// arrived, or there is none.
    pub fn take_back(&self, id: &str) -> Result<(), TakeBackError> {
        self.room.update(|room| {
            let entry = room.timeline.get(id).filter(|entry| entry.own).ok_or(TakeBackError::Unknown)?;
            match &entry.status {
                Status::Failed(_) => {}
                Status::Sending => {
                    let waiting = room.waiting.get(id).ok_or(TakeBackError::TooLate)?;
                    self.client.withdraw(*waiting).map_err(|_| TakeBackError::TooLate)?;
                }
                Status::Sent | Status::Delivered | Status::Read => return Err(TakeBackError::Unknown),
            }
            Ok(room.timeline.remove(id))
        })
    }

    /// The UI has shown these messages and all between them: the others may know that we have seen them, once all before them
    /// was shown too. A receipt speaks for everything above it, so what is jumped over keeps it back; it stays
    /// [unread](ReadPosition::unread), and what is shown behind it does not. Unknown ids, and messages without a place in the
    /// history, say nothing.
    pub fn mark_shown(&self, first: &str, last: &str) {
        if self.room.lock().show(first, last) {
            self.room.receipts.notify_one();
        }
    }

    /// Our user has read this message and all before it, whatever was shown: the others may know that. Unknown ids, and
    /// messages without a place in the history, say nothing.
    pub fn mark_read(&self, id: &str) {
        let mut inner = self.room.lock();
        let shown = inner.timeline.get(id).and_then(|entry| entry.offset).unwrap_or(0);
        // Our own messages behind theirs need no receipt.
        let read = shown.min(inner.had.delivered);
        if read > inner.had.read {
            inner.had.read = read;
            drop(inner);
            self.room.receipts.notify_one();
        }
    }

    /// Asks for up to 100 messages that belong right before this one ([`Entry::missing`]). They come as
    /// [`Change::Earlier`], and [`ChatEvent::Earlier`] follows; if the connection is lost before, ask again. What was asked
    /// for is kept beyond the window, up to 100,000 messages.
    ///
    /// # Errors
    /// If there is nothing to ask for, or nothing to ask on.
    pub fn load_earlier(&self, id: &str) -> Result<(), LoadError> {
        let mut inner = self.room.lock();
        let before = inner.timeline.wanted_before(id).ok_or(LoadError::NothingMissing)?;
        if inner.asked.is_some() {
            return Err(LoadError::Busy);
        }
        if !matches!(self.client.state(), State::Connected { .. }) {
            return Err(LoadError::NotConnected);
        }
        let question = Event::Earlier(Earlier { before, limit: PAGE }).to_json();
        // Its answer says what became of it.
        drop(self.client.send_volatile(question).map_err(|_| LoadError::NotConnected)?);
        inner.asked = Some(before);
        Ok(())
    }

    /// Messages of others that our user has not read on any device, those included that are not loaded:
    /// [`read_position`](Self::read_position) has the same number.
    #[must_use]
    pub fn unread(&self) -> usize {
        self.read_position().unread
    }

    /// How far our user has read the room: by [`mark_shown`](Self::mark_shown) or [`mark_read`](Self::mark_read) here, or on another
    /// device, where the server tells that.
    #[must_use]
    pub fn read_position(&self) -> ReadPosition {
        self.room.lock().read_position(0)
    }

    /// The same, but of what is unread only what stands behind this offset.
    #[must_use]
    pub fn unread_behind(&self, offset: u64) -> ReadPosition {
        self.room.lock().read_position(offset)
    }

    /// Tells the others that we type, or have stopped. Only while connected: such a signal is worth nothing later.
    pub fn typing(&self, is_typing: bool) {
        if matches!(self.client.state(), State::Connected { .. }) {
            let User { user_id, user_name, .. } = self.me.clone();
            let signal = Typing { id: new_id(), user_id, user_name, is_typing, timestamp: now_ms() };
            let mut inner = self.room.lock();
            // Nobody waits for its outcome.
            inner.typing =
                self.client.send_volatile(Event::Typing(signal).to_json()).ok().map(|delivery| delivery.id());
        }
    }

    /// Tells the others whether nobody looks at this client; a user is away when that is so at all of their clients.
    /// It holds until it is said otherwise, over connections too; at first, somebody looks.
    /// [`AwaySignal`](crate::signal::AwaySignal) says when to call this.
    pub fn set_away(&self, away: bool) {
        self.room.lock().away = away;
        self.room.presence.notify_one();
    }

    /// The messages, oldest first: a copy.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.room.entries()
    }

    /// Who is here besides us, as far as the server tells.
    #[must_use]
    pub fn users(&self) -> Vec<User> {
        self.room.users()
    }

    /// What is to be kept for the next client of this user in this room ([`Builder::memory`]); `None` before anything
    /// is known of the room's history.
    #[must_use]
    pub fn memory(&self) -> Option<Memory> {
        self.room.lock().memory()
    }

    /// What changes from now on. A listener that falls behind by more than 1,024 events gets
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

    /// What happens to the connection beneath from now on, and to the [store](everwire::Builder::store) of its outbox.
    #[must_use]
    pub fn connection_events(&self) -> everwire::Events {
        self.client.events()
    }

    /// The connection's state.
    #[must_use]
    pub fn state(&self) -> State {
        self.client.state()
    }

    /// The connection's numbers.
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

    /// Sends what is waiting, tells the others that we go, and ends, all within `deadline`. Gives back our messages that
    /// are not known to have been sent.
    ///
    /// Not cancel-safe: a dropped `close` has ended the client at once.
    pub async fn close(mut self, deadline: Duration) -> Vec<Entry> {
        self.say_goodbye();
        self.client.close(deadline).await;
        // The task ends when it has taken the last message and the last outcome.
        drop(std::mem::replace(&mut self.outcomes, mpsc::channel(1).0));
        self.task.ended().await;
        self.room.entries().into_iter().filter(|entry| entry.own && !entry.status.is_sent()).collect()
    }

    /// Tells the server what we have read, and the others that we go. [`close`](Self::close) does it too; this is for those who can't wait for it and drop the
    /// client, which they should do a moment later. Without a connection the server notices by itself.
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

    /// Takes over lines that another client of this user in this room has left in its store, as that store's
    /// [`load`](everwire::store::Store::load) gives them: shown and sent under their own ids, so that the server stores each
    /// once, whoever else sends it. Lines of other users, and those that are in the timeline already, are passed over.
    ///
    /// Returns when all are in this client's own store; from then on they may be removed from the other one. Without a store
    /// of its own it returns when they have arrived or failed. Cancel-safe: what was taken over stays so.
    ///
    /// # Errors
    /// Those of [`send`](Self::send); the lines before were taken.
    pub async fn take_over(&self, messages: impl IntoIterator<Item = Message>) -> Result<(), SendError> {
        let mut kept = Vec::new();
        let mut taken = Ok(());
        for message in messages {
            let text = message.as_text().unwrap_or_default();
            let Some(Event::Text(line)) = parse(text).events.pop() else { continue };
            if line.user_id != self.me.user_id {
                continue;
            }
            let id = line.id.clone();
            let shown = self.room.update(|room| {
                if room.timeline.get(&id).is_none() {
                    let delivery = self.hand_over(Event::Text(line.clone()).to_json())?;
                    room.waiting.insert(id.clone(), delivery.id());
                    kept.push(self.follow_from_store(&id, delivery));
                }
                Ok(room.timeline.echo(line))
            });
            if shown.is_err() {
                taken = shown;
                break;
            }
        }
        for kept in kept {
            // Fails only if the client has ended, and then nothing is known.
            kept.await.map_err(|_| SendError::Closed("the client has ended".into()))?;
        }
        taken
    }

    /// Hands a message to the connection and has its outcome told to the task. Called with the room locked, so that the
    /// order on the wire is the order of the echoes.
    fn submit(&self, id: &str, json: String) -> Result<MessageId, SendError> {
        let delivery = self.hand_over(json)?;
        let number = delivery.id();
        self.follow(id, delivery);
        Ok(number)
    }

    fn hand_over(&self, json: String) -> Result<Delivery, SendError> {
        self.client.send(json).map_err(|error| match error {
            everwire::SendError::Full(_) => SendError::Full,
            everwire::SendError::TooLarge { .. } => SendError::Invalid("the message is too long"),
            other => SendError::Closed(other.to_string()),
        })
    }

    /// Has the delivery's outcome told to the task, and before that, that it is stored or over.
    fn follow_from_store(&self, id: &str, mut delivery: Delivery) -> oneshot::Receiver<()> {
        let (store, stored) = oneshot::channel();
        let (number, id, outcomes) = (delivery.id(), id.to_owned(), self.outcomes.clone());
        self.spawner.detached(async move {
            // An error is the outcome, which follows.
            let _ = delivery.stored().await;
            let _ = store.send(());
            let outcome = delivery.await;
            let _ = outcomes.send(task::Resolved { id, number, outcome }).await;
        });
        stored
    }

    /// Has the delivery's outcome told to the task.
    fn follow(&self, id: &str, delivery: Delivery) {
        let (number, id, outcomes) = (delivery.id(), id.to_owned(), self.outcomes.clone());
        self.spawner.detached(async move {
            let outcome = delivery.await;
            // Fails only if the client was dropped, and then nobody is left to tell.
            let _ = outcomes.send(task::Resolved { id, number, outcome }).await;
        });
    }

    /// Shows what an earlier client with the same store has left, and follows it.
    fn take_up(&self) {
        for recovered in self.client.recovered() {
            let text = recovered.message.as_text().unwrap_or_default();
            let Some(Event::Text(message)) = parse(text).events.pop() else { continue };
            let id = message.id.clone();
            let shown = self.room.update(|room| {
                room.waiting.insert(id.clone(), recovered.delivery.id());
                Ok::<_, Infallible>(room.timeline.echo(message))
            });
            match shown {
                Ok(()) => self.follow(&id, recovered.delivery),
            }
        }
    }
}

/// A stream of what changes.
#[derive(Debug)]
pub struct Updates {
    receiver: broadcast::Receiver<ChatEvent>,
    room: Weak<Room>,
}

impl Updates {
    /// The next event; `None` once the client has ended. Cancel-safe.
    pub async fn next(&mut self) -> Option<ChatEvent> {
        match self.receiver.recv().await {
            Ok(event) => Some(event),
            Err(broadcast::error::RecvError::Lagged(missed)) => {
                let count = missed + self.receiver.len() as u64;
                let entries;
                // What has piled up is older than this timeline, so it goes too.
                (entries, self.receiver) = self.room.upgrade()?.follow();
                Some(ChatEvent::Missed { count, entries })
            }
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

impl std::fmt::Display for SendError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Invalid(problem) => f.write_str(problem),
            Self::Full => f.write_str("too many messages are waiting to be sent; try again when some have gone"),
            Self::Closed(why) => f.write_str(why),
            Self::NotRetryable => f.write_str("there is no such message to send again"),
        }
    }
}

impl std::error::Error for SendError {}

impl std::fmt::Display for LoadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NothingMissing => "there is nothing earlier",
            Self::Busy => "earlier messages are on their way",
            Self::NotConnected => "not connected: earlier messages can't be asked for",
        })
    }
}

impl std::error::Error for LoadError {}

impl std::fmt::Display for TakeBackError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::TooLate => "too late: the message is on its way",
            Self::Unknown => "there is no such message to take back",
        })
    }
}

impl std::error::Error for TakeBackError {}

/// Milliseconds since the Unix epoch.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
