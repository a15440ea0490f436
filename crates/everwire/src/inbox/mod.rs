//! Received messages.
//!
//! - [`Inbox`]: the user's end
//! - `mailbox`: what lies between the driver and the user
//! - `bounds`: how much that may be

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use everwire_ws::Message;
use futures_core::Stream;
use tokio::task::coop;

use self::mailbox::{Next, Refill};

mod bounds;
mod mailbox;
#[cfg(test)]
mod tests;

pub(crate) use self::bounds::{Bounds, Limit, Reading, Room};
pub(crate) use self::mailbox::Mailbox;

/// The received messages, in order, over all connections.
///
/// It is bounded ([`Builder::inbox`](crate::Builder::inbox)). When it is full the socket is not
/// read, so the peer has to wait, and a client that is slow in this way never takes its own
/// silence for the peer's death; that a connection has ended is then noticed when the user has caught up. Four cases are
/// different:
///
/// - While a message that was sent has no outcome yet, the socket is read beyond that bound, since the evidence comes the
///   same way: up to 65,536 messages (64 times the bound, if that is more) and 64 MiB (4 times the bound). So a loop may
///   await what it sends before it takes the next message. At that limit reading stops, which
///   [`EventItem::InboxFull`](crate::EventItem::InboxFull) tells; if nobody takes a message for the heartbeat's interval and
///   time-out, the connection is given up ([`Loss::Unread`](crate::Loss::Unread)), and what was sent gets its outcome by
///   that. With [at least once](crate::Guarantee::AtLeastOnce) it is sent again once; if nobody takes a message before the next
///   connection has to be given up too, it ends as unknown. Without a heartbeat nothing is given up.
/// - Until [`messages`](crate::Client::messages) is called for the first time nobody reads, and
///   nothing waits: the newest messages are kept up to the bound, older ones are discarded.
/// - After the inbox is dropped every message is discarded.
/// - While the client closes or disconnects it reads on, since the evidence for what it sent
///   comes the same way; a message for which there is no room is discarded then.
///
/// A loop that reads the inbox must not wait for anything else that only comes when the inbox is read, like an answer that
/// another task would take from it or a state after the connection's end: nothing is sent then that would have the client
/// read on.
///
/// In a [session](crate::Builder::session) nothing is discarded but by dropping the inbox: what nobody reads waits, and
/// the server with it. A message counts as processed, and is acknowledged to the server, when the next one is asked for,
/// unless [acknowledgements are manual](crate::Builder::manual_acks); dropping the inbox means to have done with all.
///
/// What is discarded is counted in [`Stats::inbox_discarded`](crate::Stats) and told by
/// [`EventItem::Discarded`](crate::EventItem).
///
/// It also is a [`Stream`]. It does not keep the client alive.
pub struct Inbox {
    mailbox: Arc<Mailbox>,
    generation: u64,
    /// Messages handed out, counted over all that was ever delivered.
    position: u64,
    /// Coming for the next message means that those before are processed.
    acknowledges: bool,
}

impl Inbox {
    /// The next message.
    ///
    /// `None` when everything was handed over and nothing more will come by itself: after
    /// `close`, after the last client handle was dropped, or when the client has ended by itself
    /// (closed by the peer, refused, or gave up). In the last case it goes on after
    /// [`connect`](crate::Client::connect). `None` also after a later call of `messages`.
    ///
    /// Cancel-safe: no message is lost.
    pub async fn next(&mut self) -> Option<Message> {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// The next message if it is there, without waiting.
    pub fn try_next(&mut self) -> Option<Message> {
        self.come_back();
        loop {
            match self.mailbox.next(self.generation) {
                Next::Message(message, position) => {
                    self.position = position;
                    return Some(message);
                }
                Next::Nothing if self.mailbox.refill(self.generation, None) == Refill::Filled => {}
                Next::Nothing | Next::Replaced => return None,
            }
        }
    }

    /// The number of messages that have been handed out over the client's life: what [`acknowledge`](Self::acknowledge)
    /// takes.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// In a session with [manual acknowledgements](crate::Builder::manual_acks): everything handed out before this
    /// position is processed. The server then forgets it and never sends it again. A position that was acknowledged
    /// before changes nothing.
    ///
    /// ```no_run
    /// # async fn example(client: everwire::Client) {
    /// let mut inbox = client.messages();
    /// while let Some(message) = inbox.next().await {
    ///     // … write it to a database, commit …
    ///     inbox.acknowledge(inbox.position());
    /// }
    /// # }
    /// ```
    pub fn acknowledge(&self, position: u64) {
        self.mailbox.process(position.min(self.position));
    }

    /// The reader asks for more: it has done with what it was given.
    #[inline]
    fn come_back(&self) {
        if self.acknowledges && self.position > 0 {
            self.mailbox.process(self.position);
        }
    }

    pub(crate) fn attach(mailbox: Arc<Mailbox>) -> Self {
        let (generation, position) = mailbox.attach();
        let acknowledges = mailbox.acknowledges_by_itself();
        Self { mailbox, generation, position, acknowledges }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.come_back();
        loop {
            match self.mailbox.next(self.generation) {
                Next::Message(message, position) => {
                    self.position = position;
                    return Poll::Ready(Some(message));
                }
                Next::Replaced => return Poll::Ready(None),
                Next::Nothing => {}
            }
            // Once per batch: a reader that is always served still lets other tasks run.
            let budget = ready!(coop::poll_proceed(cx));
            match self.mailbox.refill(self.generation, Some(cx)) {
                Refill::Filled => budget.made_progress(),
                Refill::Empty => return Poll::Pending,
                Refill::Ended => return Poll::Ready(None),
            }
        }
    }
}

impl Stream for Inbox {
    type Item = Message;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.poll(cx)
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.mailbox.detach(self.generation);
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("position", &self.position).finish_non_exhaustive()
    }
}
