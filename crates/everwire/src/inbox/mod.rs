//! Received messages.
//!
//! - [`Inbox`]: the user's end
//! - `mailbox`: what lies between the driver and the user

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use everwire_ws::Message;
use futures_core::Stream;
use tokio::task::coop;

use self::mailbox::Refill;

mod mailbox;
#[cfg(test)]
mod tests;

pub(crate) use self::mailbox::{Bounds, Mailbox, Reading, Room};

/// The received messages, in order, over all connections.
///
/// It is bounded ([`Builder::inbox`](crate::Builder::inbox)). When it is full the socket is not
/// read, so the peer has to wait, and a client that is slow in this way never takes its own
/// silence for the peer's death; that a connection has ended is then noticed when the user has caught up. Three cases are
/// different:
///
/// - Until [`messages`](crate::Client::messages) is called for the first time nobody reads, and
///   nothing waits: the newest messages are kept up to the bound, older ones are discarded.
/// - After the inbox is dropped every message is discarded.
/// - While the client closes or disconnects it reads on, since the evidence for what it sent
///   comes the same way; a message for which there is no room is discarded then.
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
    batch: VecDeque<Message>,
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
        if self.batch.is_empty() && self.mailbox.refill(self.generation, &mut self.batch, None) == Refill::Filled {
            self.position = self.mailbox.position(self.batch.len());
        }
        self.hand_out()
    }

    /// How many messages have been handed out over the client's life: what [`acknowledge`](Self::acknowledge) takes.
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

    #[inline]
    fn hand_out(&mut self) -> Option<Message> {
        let message = self.batch.pop_front();
        self.position += u64::from(message.is_some());
        message
    }

    pub(crate) fn attach(mailbox: Arc<Mailbox>) -> Self {
        let generation = mailbox.attach();
        let acknowledges = mailbox.acknowledges_by_itself();
        let position = mailbox.position(0);
        Self { mailbox, generation, batch: VecDeque::new(), position, acknowledges }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.come_back();
        if self.batch.is_empty() {
            // Once per batch: a reader that is always served still lets other tasks run.
            let budget = ready!(coop::poll_proceed(cx));
            match self.mailbox.refill(self.generation, &mut self.batch, Some(cx)) {
                Refill::Filled => {
                    self.position = self.mailbox.position(self.batch.len());
                    budget.made_progress();
                }
                Refill::Empty => return Poll::Pending,
                Refill::Ended => return Poll::Ready(None),
            }
        }
        Poll::Ready(self.hand_out())
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
        self.mailbox.detach(self.generation, self.batch.len());
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("batch", &self.batch.len()).finish_non_exhaustive()
    }
}
