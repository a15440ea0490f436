//! What carries the frames of calls: a client's outbox and inbox, or a server's session.

use std::task::{Context, Poll};

use everwire_core::Moment;
use everwire_ws::Message;

use crate::{BoxFuture, MaybeSend, MaybeSync};

/// The source of messages, for the one task that reads them.
pub trait Link: MaybeSend + 'static {
    /// The next reliable message; `None` when none will follow. Cancel-safe.
    fn recv(&mut self) -> impl Future<Output = Option<Arrived>> + MaybeSend;

    /// Everything up to this message is processed.
    fn acknowledge(&mut self, position: u64);
}

/// A message, and how to say that it is processed.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// The message.
    pub message: Message,
    /// Grows from one message to the next.
    pub position: u64,
    /// Its sequence number in the session, where that is known.
    pub sequence: Option<u64>,
}

/// The way out for messages, and the clock.
pub trait Carrier: MaybeSend + MaybeSync + 'static {
    /// Puts a message into the outbox, reliably and behind all others. Never waits.
    ///
    /// # Errors
    /// The message comes back if there is no room.
    fn send(&self, message: Message) -> Result<Option<Box<dyn Ticket>>, SendFailed>;

    /// The same, but waits for room. Cancelled, it has not sent.
    fn send_wait(&self, message: Message) -> BoxFuture<'static, Result<Option<Box<dyn Ticket>>, SendFailed>>;

    /// The time.
    fn now(&self) -> Moment;

    /// Waits until then.
    fn sleep_until(&self, moment: Moment) -> BoxFuture<'static, ()>;
}

/// The reason why a message was not sent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SendFailed {
    /// There is no room now.
    Full(Message),
    /// The session or the client has ended.
    Closed,
}

/// A handle of a message that was sent.
pub trait Ticket: MaybeSend {
    /// How it ended, once it has.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Fate>;

    /// The same, without waiting.
    fn fate(&self) -> Option<Fate>;

    /// Takes it back, if no connection has been given it. Says whether it has.
    fn withdraw(&self) -> bool;
}

/// The way a message ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// The peer's application has taken it.
    Processed,
    /// The peer's endpoint has it; whether its application has is not known.
    Received,
    /// It has certainly not arrived, and never will; why, in words.
    NotSent(String),
    /// It has certainly not arrived, and never will: this end of the session was closed first.
    Closed,
    /// Nobody knows.
    Unknown,
}
