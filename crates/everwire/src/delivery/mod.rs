//! The word on a message that was sent.
//!
//! - [`Delivery`]: what `send` returns
//! - [`Deliveries`]: what `send_many` fills
//! - `block`: where 256 messages stand; a delivery is a place in one, and costs no allocation
//! - `ledger`: which block an outcome belongs to

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use everwire_core::{MessageId, Outcome};

use self::block::{Block, Wants};

mod block;
mod ledger;
mod many;

pub(crate) use self::ledger::Ledger;
pub use self::many::Deliveries;

/// Resolves to the one [`Outcome`] of a message.
///
/// It may be dropped (`drop(client.send("hello")?)`): the message is sent all the same. It resolves in every case, also
/// when the client is dropped or its runtime ends. It may be kept for as long as you like: it keeps alive neither the
/// client nor the message, only some 300 bytes that it shares with the 255 deliveries before and after it.
///
/// Awaiting it is cancel-safe: `&mut delivery` can be awaited again after a timeout.
///
/// It may be awaited in the loop that reads the [`Inbox`](crate::Inbox): meanwhile the client goes on reading, up to
/// the inbox's hard limit. With a peer that sends more than that at once, await it in a task of its own, or take
/// messages while waiting. In a session the outcome comes when the peer's application has processed the message: if
/// that application waits for this loop, each waits for the other.
///
/// ```no_run
/// # async fn example(client: everwire::Client) -> Result<(), everwire::SendError> {
/// use everwire::Outcome;
///
/// let delivery = client.send("hello")?;
/// match delivery.await {
///     Outcome::Received => println!("the peer has it"),
///     other => println!("not certain: {other}"),
/// }
/// # Ok(()) }
/// ```
#[must_use = "the outcome is lost with the delivery; `drop` it to say that this is meant"]
pub struct Delivery {
    block: Arc<Block>,
    // Two words of the processor, so that it is returned in registers.
    place: Place,
}

/// A message in its block: the index, and 256 if a waker of ours may stand in the block.
#[derive(Clone, Copy)]
struct Place(u16);

impl Place {
    const WAITING: u16 = 1 << 8;

    fn index(self) -> u8 {
        (self.0 & 0xff) as u8
    }

    fn is_waiting(self) -> bool {
        self.0 & Self::WAITING != 0
    }

    fn set_waiting(&mut self, waiting: bool) {
        self.0 = u16::from(self.index()) | if waiting { Self::WAITING } else { 0 };
    }
}

/// The progress of a message, from [`Delivery::progress`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// In the outbox, not wholly written to a socket.
    Queued,
    /// Wholly written to a socket; the peer may or may not have it. A message that is sent again on a later connection
    /// keeps this progress.
    Written,
    /// Finished, with this outcome.
    Done(Outcome),
}

impl Delivery {
    /// The number of the message, from 1 in the order of `send`; for [`Client::cancel`](crate::Client::cancel) and
    /// [`Client::replace`](crate::Client::replace). With a [store](crate::store) they continue after those of the
    /// messages that it has kept.
    pub fn id(&self) -> MessageId {
        MessageId(self.block.first + u64::from(self.place.index()))
    }

    /// The stage that the message is known to have reached, or its outcome.
    pub fn progress(&self) -> Progress {
        self.block.progress(self.place.index())
    }

    /// Waits until the message is wholly written to a socket or has its outcome. Never returns [`Progress::Queued`].
    /// Cancel-safe.
    pub async fn written(&mut self) -> Progress {
        poll_fn(|cx| self.poll_for(Wants::Written, cx)).await
    }

    /// Waits until the message is durable: it survives a crash of this process and, with a store on disk, of the
    /// machine. Cancel-safe.
    ///
    /// # Errors
    ///
    /// The message's outcome, if it has one before it is durable; without a [`store`](crate::Builder::store) that is
    /// always so.
    pub async fn stored(&mut self) -> Result<(), Outcome> {
        poll_fn(|cx| {
            let poll = self.block.poll_stored(self.place.index(), cx);
            self.place.set_waiting(poll.is_pending());
            poll
        })
        .await
    }

    fn new(block: Arc<Block>, index: u8) -> Self {
        Self { block, place: Place(u16::from(index)) }
    }

    fn poll_for(&mut self, wants: Wants, cx: &mut Context<'_>) -> Poll<Progress> {
        let poll = self.block.poll(self.place.index(), wants, cx);
        self.place.set_waiting(poll.is_pending());
        poll
    }
}

impl Future for Delivery {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        loop {
            if let Progress::Done(outcome) = ready!(self.poll_for(Wants::Outcome, cx)) {
                return Poll::Ready(outcome);
            }
        }
    }
}

impl Drop for Delivery {
    #[inline]
    fn drop(&mut self) {
        if self.place.is_waiting() {
            self.block.forget(self.place.index());
        }
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery").field("id", &self.id().0).field("progress", &self.progress()).finish()
    }
}
