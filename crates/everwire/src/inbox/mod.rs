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
/// It is bounded ([`Builder::inbox`](crate::Builder::inbox)). When it is full the socket is not read: the peer has to
/// wait, and the client does not take the peer for dead meanwhile. That the connection has ended is then noticed only
/// when the program has caught up. Four cases are different:
///
/// - While a message that was sent has no outcome yet, the socket is read beyond that bound, since the evidence comes
///   the same way: up to the hard limit of 65,536 messages (or 64 times the bound, if that is more) and 64 MiB (or 4
///   times the bound). So a loop may await what it sends before it takes the next message. At the hard limit reading
///   stops, and [`EventItem::InboxFull`](crate::EventItem::InboxFull) reports it; if no message is taken for the
///   heartbeat's interval and timeout together, the client gives up the connection
///   ([`Loss::Unread`](crate::Loss::Unread)), which decides the outcomes of what was sent. With [at least
///   once](crate::Guarantee::AtLeastOnce) that is sent again once; if no message is taken before the next connection is
///   given up too, it ends as unknown. Without a heartbeat the client never gives up a connection for this reason.
/// - Until [`messages`](crate::Client::messages) is called for the first time, the socket is read all the same: the
///   newest messages are kept up to the bound, older ones are discarded.
/// - After the inbox is dropped every message is discarded.
/// - While the client closes or disconnects it goes on reading, since the evidence for what it sent comes the same way;
///   a message for which there is no room is then discarded.
///
/// A loop that reads the inbox must not wait for anything else that needs the inbox to be read, such as an answer that
/// another task would take from it, or the state after the connection's end: without a message awaiting its outcome the
/// client does not read beyond the bound.
///
/// In a [session](crate::Builder::session) messages are discarded only after the inbox is dropped: before that, unread
/// messages wait, and so does the server. A message counts as processed, and is acknowledged to the server, when the
/// program asks for the next one, unless [acknowledgements are manual](crate::Builder::manual_acks); dropping the inbox
/// marks all messages as processed.
///
/// [`Stats::inbox_discarded`](crate::Stats) counts the discarded messages, and
/// [`EventItem::Discarded`](crate::EventItem) reports them.
///
/// It is also a [`Stream`]. It does not keep the client alive.
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
    /// `None` when everything was handed out and nothing more comes: after `close`, after the last client handle was
    /// dropped, or when the client has ended (closed by the peer, refused, or gave up). In the last case messages come
    /// again after [`connect`](crate::Client::connect). Also `None` after a later call of `messages`.
    ///
    /// Cancel-safe: no message is lost.
    pub async fn next(&mut self) -> Option<Message> {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// The next message without waiting; `None` if there is none now, and after the end as in [`next`](Self::next).
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

    /// The number of messages that were handed out or discarded over the client's life, for
    /// [`acknowledge`](Self::acknowledge).
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// In a session with [manual acknowledgements](crate::Builder::manual_acks), marks everything that was handed out
    /// before this position as processed. The server then forgets it and never sends it again. A position that was
    /// acknowledged before changes nothing.
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

    /// Marks everything before this position as processed, which the driver tells the server when it is awake for something else.
    #[cfg(feature = "calls")]
    pub(crate) fn acknowledge_with_next(&self, position: u64) {
        self.mailbox.note(position.min(self.position));
    }

    /// As [`acknowledge`](Self::acknowledge), also of what the driver was to tell with something else and may not have.
    #[cfg(feature = "calls")]
    pub(crate) fn acknowledge_at_once(&self, position: u64) {
        self.mailbox.note(position.min(self.position));
        self.mailbox.wake_driver();
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

    /// Nothing is acknowledged by coming for more, only by [`acknowledge`](Self::acknowledge), however the client is set up.
    #[cfg(feature = "calls")]
    pub(crate) fn acknowledged_by_hand(mut self) -> Self {
        self.acknowledges = false;
        self
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
