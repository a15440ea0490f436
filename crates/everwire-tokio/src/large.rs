//! Large messages, in fragments where that is wanted, and what must not pass them.

use std::collections::VecDeque;

use bytes::Bytes;
use everwire_ws::{Fragmented, Message};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::Socket;

/// Payload of one fragment.
const FRAGMENT: usize = 64 << 10;

/// The large message that is under way, for whoever drives a [`Socket`] by hand and wants pings, pongs and close frames to
/// pass (RFC 6455 section 5.4): it goes out in fragments of 64 KiB, each queued when nothing is in front of it.
///
/// While [`is_some`](Self::is_some), no other message may be queued: what is asked for meanwhile is [held](Self::hold).
#[derive(Debug)]
pub struct Large {
    /// Messages of more bytes go in fragments; `None`: none does.
    fragment_above: Option<usize>,
    /// Taken, and not encoded yet.
    next: Option<(Bytes, Message)>,
    /// Queued in part.
    fragmented: Option<Fragmented>,
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
    /// None is. Messages of more than `fragment_above` bytes go in fragments; `None`: none does.
    #[must_use]
    pub fn new(fragment_above: Option<usize>) -> Self {
        Self { fragment_above, next: None, fragmented: None, held: VecDeque::new() }
    }

    /// Sets a message aside that goes out behind this prefix, until [`queue`](Self::queue).
    pub fn set(&mut self, prefix: &[u8], message: Message) {
        self.next = Some((Bytes::copy_from_slice(prefix), message));
    }

    /// Returns `true` if a message of so many bytes goes in fragments.
    #[must_use]
    pub fn takes(&self, bytes: usize) -> bool {
        self.fragment_above.is_some_and(|above| bytes > above)
    }

    /// Returns `true` if one is under way: then no other message may be queued.
    #[must_use]
    pub fn is_some(&self) -> bool {
        self.next.is_some() || self.fragmented.is_some()
    }

    /// Returns `true` if one is taken and not encoded at all.
    #[must_use]
    pub fn is_unencoded(&self) -> bool {
        self.next.is_some()
    }

    /// Bytes that are not queued at the socket yet.
    #[must_use]
    pub fn remaining(&self) -> usize {
        let next = self.next.as_ref().map_or(0, |(_, message)| message.len());
        next.saturating_add(self.fragmented.as_ref().map_or(0, Fragmented::remaining))
    }

    /// Holds something until the message is out.
    pub fn hold(&mut self, held: Held) {
        self.held.push_back(held);
    }

    /// The first of what was held.
    pub fn next_held(&mut self) -> Option<Held> {
        self.held.pop_front()
    }

    /// Queues what may be queued now: one fragment when nothing is in front of it, so that what must not wait passes. True
    /// once the message's last byte is queued.
    pub fn queue<S: AsyncRead + AsyncWrite + Unpin>(&mut self, socket: &mut Socket<S>) -> bool {
        if let Some((prefix, message)) = self.next.take() {
            if !self.takes(message.len()) {
                return socket.queue_prefixed(&prefix, &message);
            }
            self.fragmented = socket.start_fragmented(&prefix, &message);
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
