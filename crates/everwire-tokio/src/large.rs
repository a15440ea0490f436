//! Large messages, in fragments where that is wanted, and what must not pass them.

use std::collections::VecDeque;

use bytes::Bytes;
use everwire_ws::{Fragmented, Message};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::Socket;

/// Payload of one fragment.
const FRAGMENT: usize = 64 << 10;

/// Sends one large message at a time in fragments of 64 KiB, each queued when nothing is in front of it, so that pings,
/// pongs and close frames can pass (RFC 6455 section 5.4). It is for code that drives a [`Socket`] by hand.
///
/// While [`is_some`](Self::is_some), no other message may be queued on the socket: [`hold`](Self::hold) keeps them
/// until the large one is out.
#[derive(Debug)]
pub struct Large {
    /// Messages of more bytes go in fragments; `None`: none does.
    fragment_above: Option<usize>,
    /// Taken, and not encoded yet. Boxed, as what follows: most connections have none.
    next: Option<Box<(Bytes, Message)>>,
    /// Queued in part.
    fragmented: Option<Box<Fragmented>>,
    /// What was asked for since, and goes behind it.
    held: VecDeque<Held>,
}

/// A frame that waits behind a message in fragments.
#[derive(Debug)]
pub enum Held {
    /// A message.
    Message(Message),
    /// A ping with this payload.
    Ping(Bytes),
}

impl Large {
    /// No message yet. Messages of more than `fragment_above` bytes are sent in fragments; with `None` none is.
    #[must_use]
    pub fn new(fragment_above: Option<usize>) -> Self {
        Self { fragment_above, next: None, fragmented: None, held: VecDeque::new() }
    }

    /// Sets the message to send, behind this prefix; [`queue`](Self::queue) sends it.
    pub fn set(&mut self, prefix: &[u8], message: Message) {
        self.next = Some(Box::new((Bytes::copy_from_slice(prefix), message)));
    }

    /// Returns `true` if a message of this many bytes is sent in fragments.
    #[must_use]
    pub fn takes(&self, bytes: usize) -> bool {
        self.fragment_above.is_some_and(|above| bytes > above)
    }

    /// Returns `true` if a message is set or being sent: then no other message may be queued.
    #[must_use]
    pub fn is_some(&self) -> bool {
        self.next.is_some() || self.fragmented.is_some()
    }

    /// Returns `true` if a message is set and nothing of it is encoded yet.
    #[must_use]
    pub fn is_unencoded(&self) -> bool {
        self.next.is_some()
    }

    /// The number of bytes that are not queued on the socket yet.
    #[must_use]
    pub fn remaining(&self) -> usize {
        let next = self.next.as_ref().map_or(0, |next| next.1.len());
        next.saturating_add(self.fragmented.as_ref().map_or(0, |fragmented| fragmented.remaining()))
    }

    /// Keeps a frame until the message is out.
    pub fn hold(&mut self, held: Held) {
        self.held.push_back(held);
    }

    /// Removes and returns the first frame that was kept.
    pub fn next_held(&mut self) -> Option<Held> {
        self.held.pop_front()
    }

    /// Queues what may be queued now: one fragment, if nothing is in front of it. Returns `true` once the last byte of
    /// the message is queued.
    pub fn queue<S: AsyncRead + AsyncWrite + Unpin>(&mut self, socket: &mut Socket<S>) -> bool {
        if let Some(next) = self.next.take() {
            let (prefix, message) = *next;
            if !self.takes(message.len()) {
                return socket.queue_prefixed(&prefix, &message);
            }
            self.fragmented = socket.start_fragmented(&prefix, &message).map(Box::new);
        }
        let Some(fragmented) = &mut self.fragmented else { return false };
        if socket.buffered() > 0 || socket.queue_fragment(fragmented, FRAGMENT) {
            return false;
        }
        let done = fragmented.is_done();
        self.fragmented = None;
        done
    }
}
