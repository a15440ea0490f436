//! The handle of a client.
//!
//! - [`Client`]: starting, sending, ending
//! - `reading`: what is fetched in batches
//! - `answering`: the program's say while a connection is made
//! - `handed`: what was handed out and not confirmed yet
//! - `platform`: where a client runs, natively and in a page
//! - `options`: options of a message, hints, numbers

mod answering;
mod handed;
mod options;
mod platform;
mod reading;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use everwire::{Deliveries, Message, MessageId};

use self::platform::Home;
use self::reading::{EventReader, MessageReader, OutcomeReader, StateVersion};
use crate::settings::Asks;
use crate::step::Steps;
use crate::{Error, IdRange, Outcome, Payload, Recovered, Settings, State, Undelivered};

pub use self::options::{Hint, Priority, SendOptions, Sent, Stats};
pub use self::reading::{Batch, EventBatch, OutcomeBatch};

/// The number of ranges of outcomes that may wait to be fetched.
const MAX_UNREAD_OUTCOMES: usize = 65_536;

/// How often that is looked at: the look takes a lock.
const LOOK_EVERY: u64 = 256;

/// The number of messages that one call can send with consecutive numbers.
const AT_ONCE: usize = 256;

/// A WebSocket client that stays connected, for a binding to another language.
///
/// It connects in the background and goes on until it is closed. Dropped, it ends at once: what was not sent is given up. All
/// methods may be called from any thread.
pub struct Client {
    client: everwire::Client,
    steps: Arc<Steps>,
    messages: tokio::sync::Mutex<MessageReader>,
    outcomes: Option<tokio::sync::Mutex<OutcomeReader>>,
    events: tokio::sync::Mutex<EventReader>,
    version: Mutex<StateVersion>,
    recovered: Vec<Recovered>,
    sent: AtomicU64,
    /// Dropped last: the threads outlive the client that runs on them.
    home: Home,
}

impl Client {
    /// Checks the settings and starts a client, which connects in the background unless
    /// [`Settings::connect_on_start`] says otherwise. That the server can't be reached is no error.
    ///
    /// # Errors
    /// [`Error::Setting`] names the setting and says what is allowed; [`Error::System`]. Nothing has been started then.
    pub fn start(settings: Settings) -> Result<Self, Error> {
        let steps = Arc::new(Steps::default());
        let (connect, wants_outcomes) = (settings.connect_on_start, settings.outcomes);
        let manual_acks = settings.manual_acks;
        let builder = settings.builder(&Asks { steps: Arc::clone(&steps) })?;
        let home = Home::here()?;
        let client = home.build(builder)?;
        let outcomes = wants_outcomes.then(|| tokio::sync::Mutex::new(OutcomeReader::new(client.outcomes())));
        let recovered = client.recovered().into_iter();
        let recovered = recovered.map(|it| Recovered { id: it.delivery.id().0, payload: it.message.into() }).collect();
        let events = tokio::sync::Mutex::new(EventReader::new(client.events()));
        if connect {
            client.connect();
        }
        Ok(Self {
            steps,
            messages: tokio::sync::Mutex::new(MessageReader::new(manual_acks)),
            outcomes,
            events,
            version: Mutex::new(StateVersion::default()),
            recovered,
            sent: AtomicU64::new(0),
            client,
            home,
        })
    }

    /// Connects: after [`disconnect`](Self::disconnect), after the client has ended by itself, and with
    /// [`Settings::connect_on_start`] off. Otherwise it changes nothing.
    pub fn connect(&self) {
        self.client.connect();
    }

    /// Closes the connection in order; what waits in the outbox stays there until [`connect`](Self::connect).
    pub fn disconnect(&self) {
        self.client.disconnect();
    }

    /// A waiting client tries at once (once a second at most); an ended or disconnected one connects.
    pub fn reconnect_now(&self) {
        self.client.connect();
        self.client.hint(everwire::Hint::RetryNow);
    }

    /// Word from outside on the network, the machine or the user's impatience. Harmless at any time.
    pub fn hint(&self, hint: Hint) {
        self.client.hint(hint.into());
    }

    /// In a session, moves to a new connection while the present one still works: for fresh credentials, say.
    pub fn migrate(&self) {
        self.client.migrate();
    }

    /// Puts a message into the outbox and returns its number, by which its outcome is told. It goes out in the order of the
    /// calls, whatever the network does. Never waits.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::TooLarge`], [`Error::Closed`], [`Error::OutcomesUnread`]; the message is not sent then.
    pub fn send(&self, payload: Payload, options: SendOptions) -> Result<u64, Error> {
        self.check_unread(1)?;
        let message = Message::from(payload);
        let delivery = match options.into_core() {
            None => self.client.send(message)?,
            Some(options) => self.client.send_with(message, options)?,
        };
        Ok(delivery.id().0)
    }

    /// Puts many messages into the outbox, in order: several times as fast as one by one. What the outbox refuses is told;
    /// the messages before that one are sent.
    pub fn send_many(&self, payloads: Vec<Payload>) -> Sent {
        let mut sent = Sent::default();
        if let Err(refused) = self.check_unread(payloads.len() as u64) {
            sent.refused = Some(refused.to_string());
            return sent;
        }
        let mut messages: VecDeque<Message> = payloads.into_iter().map(Message::from).collect();
        while !messages.is_empty() && sent.refused.is_none() {
            let mut some: VecDeque<Message> = messages.drain(..AT_ONCE.min(messages.len())).collect();
            let mut deliveries = Deliveries::new();
            let result = self.client.send_many(&mut some, &mut deliveries);
            sent.add(deliveries.first_id(), deliveries.len() as u64);
            sent.refused = result.err().map(|error| Error::from(error).to_string());
        }
        sent
    }

    /// Like [`send`](Self::send) for a text without options, for bindings in which building those costs more than sending.
    ///
    /// # Errors
    /// Those of [`send`](Self::send).
    pub fn send_text(&self, text: String) -> Result<u64, Error> {
        self.check_unread(1)?;
        Ok(self.client.send(text)?.id().0)
    }

    /// Sends a message that is worth something only now, such as a typing signal: it is dropped if there is no connection,
    /// never sent again, and nothing proves its arrival.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn send_volatile(&self, payload: Payload) -> Result<u64, Error> {
        self.check_unread(1)?;
        Ok(self.client.send_volatile(payload)?.id().0)
    }

    /// Takes back a message that still waits in the outbox, and says how it ends.
    ///
    /// # Errors
    /// [`Error::Taken`], [`Error::NoSuchMessage`].
    pub fn cancel(&self, id: u64) -> Result<Outcome, Error> {
        Ok(self.client.cancel(MessageId(id))?.into())
    }

    /// The messages that an earlier client with the same outbox file has left, oldest first.
    pub fn recovered(&self) -> Vec<Recovered> {
        self.recovered.clone()
    }

    /// Where the client stands now.
    pub fn state(&self) -> State {
        State::from(&self.client.state())
    }

    /// Whether the connection is open now: [`state`](Self::state), for who asks often.
    pub fn is_connected(&self) -> bool {
        self.client.state().is_connected()
    }

    /// Numbers since the client was started, and what is queued and in flight now.
    pub fn stats(&self) -> Stats {
        self.client.stats().into()
    }

    /// What the server is told by the closing handshake of the next [`disconnect`](Self::disconnect), [`close`](Self::close) or
    /// [`finish`](Self::finish), in place of 1000 without a reason. Codes other than 1000 and 3000 to 4999 count as 1000; a reason is
    /// cut to 123 bytes.
    pub fn set_close_frame(&self, code: u16, reason: &str) {
        self.client.set_close_frame(everwire::CloseCode(code), reason);
    }

    /// Ends the client in the background: flushes the outbox, waits for the evidence, shakes hands and releases everything,
    /// within `deadline_ms` milliseconds. Returns at once.
    pub fn close(&self, deadline_ms: u64) {
        let (client, steps) = (self.client.clone(), Arc::clone(&self.steps));
        self.home.spawn(async move {
            drop(client.close(Duration::from_millis(deadline_ms)).await);
            steps.end();
        });
    }
}

impl Client {
    /// Like [`send`](Self::send), but waits for room in the outbox.
    ///
    /// Cancelled while it waits, it has not sent. If the result was lost on its way, the message may have been sent.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::Closed`], [`Error::OutcomesUnread`].
    pub async fn send_wait(&self, payload: Payload, options: SendOptions) -> Result<u64, Error> {
        self.check_unread(1)?;
        let message = Message::from(payload);
        let delivery = match options.into_core() {
            None => self.client.send_wait(message).await?,
            Some(options) => self.client.send_wait_with(message, options).await?,
        };
        Ok(delivery.id().0)
    }

    /// Ends the client in order, as [`close`](Self::close) does, and waits for it. Returns what was not sent and what is not
    /// proven to have arrived; both are empty if all is well. Called again, or after `close`, it waits too, and one of the
    /// calls gets what is left.
    ///
    /// Cancelled, it goes on.
    pub async fn finish(&self, within_ms: u64) -> Undelivered {
        let left = self.client.close(Duration::from_millis(within_ms)).await;
        self.steps.end();
        left.into()
    }
}

impl Client {
    fn check_unread(&self, messages: u64) -> Result<(), Error> {
        let before = self.sent.fetch_add(messages, Ordering::Relaxed);
        if before / LOOK_EVERY != before.wrapping_add(messages) / LOOK_EVERY
            && let Some(outcomes) = &self.outcomes
            && let Ok(reader) = outcomes.try_lock()
            && reader.unread() > MAX_UNREAD_OUTCOMES
        {
            // The next call looks again.
            self.sent.store(before, Ordering::Relaxed);
            return Err(Error::OutcomesUnread);
        }
        Ok(())
    }

    fn version(&self) -> std::sync::MutexGuard<'_, StateVersion> {
        self.version.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sent {
    fn add(&mut self, first: Option<MessageId>, count: u64) {
        let Some(MessageId(first)) = first else { return };
        let last = first + count - 1;
        match self.ids.last_mut() {
            Some(range) if range.last + 1 == first => range.last = last,
            _ => self.ids.push(IdRange { first, last }),
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.steps.end();
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("client", &self.client).finish_non_exhaustive()
    }
}
