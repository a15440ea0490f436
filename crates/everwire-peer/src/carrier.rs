//! What carries the frames of calls: a client's outbox and inbox, or a server's session.

use std::task::{Context, Poll};

use everwire_core::Moment;
use everwire_ws::Message;

use crate::{BoxFuture, MaybeSend, MaybeSync};

/// The source of messages, for the one task that reads them.
pub trait Link: MaybeSend + 'static {
    /// The next reliable message; `None` when no more will come. Cancel-safe.
    fn recv(&mut self) -> impl Future<Output = Option<Arrived>> + MaybeSend;

    /// Marks everything up to this position as processed, and has the peer told at once.
    fn acknowledge(&mut self, position: u64);

    /// Returns `true` if [`acknowledge_with_next`](Self::acknowledge_with_next) does something. Default: `false`.
    fn acknowledges_with_next(&self) -> bool {
        false
    }

    /// Marks everything up to this position as processed, and has the peer told with what is sent next. If nothing is sent within some
    /// milliseconds, [`acknowledge`](Self::acknowledge) follows with this position. Default: nothing.
    fn acknowledge_with_next(&mut self, position: u64) {
        let _ = position;
    }
}

/// A received message, with the position to acknowledge.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// The message.
    pub message: Message,
    /// Its position, which grows from one message to the next, for [`Link::acknowledge`].
    pub position: u64,
    /// Its sequence number in the session, if that is known.
    pub sequence: Option<u64>,
}

/// The way out for messages, and the clock.
pub trait Carrier: MaybeSend + MaybeSync + 'static {
    /// Puts a message into the outbox, reliably and behind all others. Never waits.
    ///
    /// # Errors
    /// The message comes back if there is no room.
    fn send(&self, message: Message) -> Result<Option<Box<dyn Ticket>>, SendFailed>;

    /// Like [`send`](Self::send), but waits for room. If the future is dropped before it is ready, nothing was sent.
    fn send_wait(&self, message: Message) -> BoxFuture<'static, Result<Option<Box<dyn Ticket>>, SendFailed>>;

    /// The time now.
    fn now(&self) -> Moment;

    /// Waits until this moment.
    fn sleep_until(&self, moment: Moment) -> BoxFuture<'static, ()>;

    /// Ready if a message has come to a [fate that is undelivered](Fate::is_undelivered) since this was ready last: the tickets tell
    /// which. So nobody has to be woken for each message that arrives. One task asks. Default: never, where there are no tickets.
    fn poll_undelivered(&self, cx: &mut Context<'_>) -> Poll<()> {
        let _ = cx;
        Poll::Pending
    }
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
    /// Waits for the fate of the message. Cancel-safe.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Fate>;

    /// The fate of the message, if it is known already.
    fn fate(&self) -> Option<Fate>;

    /// Withdraws the message if it was not handed to a connection. Returns `true` if it was withdrawn.
    fn withdraw(&self) -> bool;
}

/// The way a message ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// The peer's application has processed it.
    Processed,
    /// The peer's endpoint has received it; whether the application has processed it is not known.
    Received,
    /// It has certainly not arrived, and never will; the reason in words.
    NotSent(String),
    /// It has certainly not arrived, and never will: this end of the session was closed first.
    Closed,
    /// It may or may not have arrived.
    Unknown,
}

impl Fate {
    /// Returns `true` if the message has certainly not arrived, and never will.
    #[must_use]
    pub fn is_undelivered(&self) -> bool {
        match self {
            Self::NotSent(_) | Self::Closed => true,
            Self::Processed | Self::Received | Self::Unknown => false,
        }
    }
}
