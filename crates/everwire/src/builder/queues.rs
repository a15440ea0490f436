//! Settings of what waits, how it is sent, and what is proven.

use std::time::Duration;

use everwire_core::{Batching, Guarantee, Overflow, SendRate};
#[cfg(not(target_arch = "wasm32"))]
use everwire_ws::Deflate;
use everwire_ws::Limits;

use super::Builder;
use crate::inbox::Bounds;
use crate::store::Store;

impl Builder {
    /// The most messages in the outbox: queued, or sent and without evidence of their arrival. Default: 65,536. Zero is
    /// refused.
    ///
    /// Too small: a short outage, or a fast sender, meets the [overflow policy](Self::overflow). Too large: memory (56
    /// bytes a message besides its payload), and after an outage a long queue of messages that may be worth nothing any
    /// more; see [`max_age`](Self::max_age).
    pub fn outbox_messages(mut self, messages: usize) -> Self {
        self.config.outbox.max_messages = messages;
        self
    }

    /// The most payload bytes in the outbox. Default: 16 MiB. Zero is refused. A single message larger than this is
    /// refused as [`TooLarge`](crate::SendError::TooLarge).
    ///
    /// Too small: as with [`outbox_messages`](Self::outbox_messages). Too large: the process holds this much while the
    /// server is away.
    pub fn outbox_bytes(mut self, bytes: usize) -> Self {
        self.config.outbox.max_bytes = bytes;
        self
    }

    /// The policy for a message for which the outbox has no room. Default: [`Overflow::Reject`], which gives the
    /// message back; it is the one for [`Client::send_wait`](crate::Client::send_wait), which waits for room then. With
    /// the policies that drop, only the [outcome](crate::Outcome) of a message tells that it was lost.
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.config.outbox.overflow = overflow;
        self
    }

    /// The longest time that a message may wait for a socket, if it has no
    /// [`SendOptions::ttl`](crate::SendOptions::ttl) of its own; then it ends as [`Expired`](crate::Outcome::Expired).
    /// Default: no limit. Zero is refused.
    ///
    /// Too short (shorter than a usual outage): every outage empties the outbox. Too long: a server gets messages that
    /// nobody wants any more.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.config.outbox.max_age = Some(age);
        self
    }

    /// The delivery guarantee: how far delivery is proven, and what happens to unproven messages when a connection is
    /// lost. Default: [`Guarantee::AtMostOnce`], which reports them as [`Unknown`](crate::Outcome::Unknown).
    /// [`Guarantee::AtLeastOnce`] sends them again: a server that does not recognize repeats then processes some twice.
    pub fn guarantee(mut self, guarantee: Guarantee) -> Self {
        self.config.guarantee = guarantee;
        self
    }

    /// Keeps the outbox in a store, so that it outlives this process: see [`store`](crate::store). Default: none.
    ///
    /// Without [`session(SessionMode::Require)`](Self::session) it requires [`Guarantee::AtLeastOnce`]: after a crash
    /// nobody knows what was written, so what is kept is sent again.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Box::new(store));
        self
    }

    /// Merges text messages that are JSON objects and are sent within a [window](Batching::window) into one JSON array.
    /// Other messages are sent as they are. The server has to understand arrays. It can't be combined with a
    /// [session](Self::session). Default: off.
    pub fn batching(mut self, batching: Batching) -> Self {
        self.config.batching = Some(batching);
        self
    }

    /// The rate at which messages are sent, for a server that closes connections on which it gets more than it allows:
    /// without a rate, the messages that wait after an outage go out in one burst, on each new connection again. The
    /// messages of [`on_open`](Self::on_open) count too. Default: as fast as the connection takes them.
    ///
    /// [`Client::close`](crate::Client::close) keeps to the rate too: give it a deadline that is long enough for the
    /// outbox.
    ///
    /// ```no_run
    /// # #[tokio::main] async fn main() -> Result<(), everwire::BuildError> {
    /// use everwire::{Client, SendRate};
    ///
    /// // The server allows 5 messages a second.
    /// let client = Client::builder("wss://example.org/orders").send_rate(SendRate::per_second(4.5)).build()?;
    /// # Ok(()) }
    /// ```
    pub fn send_rate(mut self, rate: SendRate) -> Self {
        self.config.send_rate = Some(rate);
        self
    }

    /// The limits of what the peer may send: bytes in a frame and in a message, and fragments in a message. Default: 64
    /// MiB for a frame and for a message, 2^20 fragments. Too small: a larger message of the server closes the
    /// connection with 1009, again after each reconnection. Too large: a hostile server can make the process hold that
    /// much.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.websocket.limits = limits;
        self
    }

    /// Offers permessage-deflate (RFC 7692): if the server agrees, messages from a threshold on are compressed.
    /// Default: not offered. It costs time for each message, and compressing secrets together with data that an
    /// attacker chooses can reveal the secrets by the length of the result.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn compression(mut self, settings: Deflate) -> Self {
        self.websocket.compression = Some(settings);
        self
    }

    /// The most messages and payload bytes that are received and not yet taken out of the inbox; beyond that the socket
    /// is not read until the application has caught up. Default: 1,024 messages, 16 MiB. Zero is refused. One message
    /// may exceed the bytes, and both are exceeded by far while a message that was sent has no outcome yet:
    /// [`Inbox`](crate::Inbox) tells how far.
    ///
    /// Too small: the socket is stopped and started for each few messages, which costs speed, and the server is held
    /// back. Too large: a reader that falls behind holds that much memory, and its messages are old when it reads them.
    pub fn inbox(mut self, messages: usize, bytes: usize) -> Self {
        self.inbox = Bounds { messages, bytes };
        self
    }

    /// Sets whether a received message of a session counts as processed only when the program calls
    /// [`Inbox::acknowledge`](crate::Inbox::acknowledge), and not already when it asks for the next one. It is for
    /// programs that process messages in batches or in a transaction. Default: false.
    pub fn manual_acks(mut self, manual: bool) -> Self {
        self.manual_acks = manual;
        self
    }
}
