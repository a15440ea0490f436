//! Large messages, in fragments where that is wanted, and what must not pass them.

use std::collections::VecDeque;

use bytes::Bytes;
use everwire_core::session::Prefix;
use everwire_tokio::Socket;
use everwire_ws::{Fragmented, Message};

use super::stream::Stream;

/// Payload of one fragment.
const FRAGMENT: usize = 64 << 10;

/// The large message that is under way.
#[derive(Debug)]
pub(super) struct Large {
    /// Messages of more bytes go in fragments; `None`: none does.
    fragment_above: Option<usize>,
    /// Taken, and not encoded yet.
    next: Option<(Prefix, Message)>,
    /// Queued in part.
    fragmented: Option<Fragmented>,
    /// What was asked for since, and goes behind it.
    held: VecDeque<Held>,
}

/// What goes behind a message in fragments.
#[derive(Debug)]
pub(super) enum Held {
    Message(Message),
    Ping(Bytes),
}

impl Large {
    pub(super) fn new(fragment_above: Option<usize>) -> Self {
        Self { fragment_above, next: None, fragmented: None, held: VecDeque::new() }
    }

    pub(super) fn set(&mut self, prefix: Prefix, message: Message) {
        self.next = Some((prefix, message));
    }

    /// Whether one is under way: then no other message may be queued.
    pub(super) fn is_some(&self) -> bool {
        self.next.is_some() || self.fragmented.is_some()
    }

    /// Whether one is taken and not encoded at all.
    pub(super) fn is_unencoded(&self) -> bool {
        self.next.is_some()
    }

    /// Bytes that are not queued at the socket yet.
    pub(super) fn remaining(&self) -> usize {
        let next = self.next.as_ref().map_or(0, |(_, message)| message.len());
        next + self.fragmented.as_ref().map_or(0, Fragmented::remaining)
    }

    pub(super) fn hold(&mut self, held: Held) {
        self.held.push_back(held);
    }

    pub(super) fn next_held(&mut self) -> Option<Held> {
        self.held.pop_front()
    }

    /// Queues what may be queued now: one fragment when nothing is in front of it, so that what must not wait passes. True
    /// once the message's last byte is queued.
    pub(super) fn queue(&mut self, socket: &mut Socket<Stream>) -> bool {
        if let Some((prefix, message)) = self.next.take() {
            let prefix = prefix.to_bytes();
            if self.fragment_above.is_none_or(|above| message.len() <= above) {
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
