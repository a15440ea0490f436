//! One connection of a session: reading and writing in batches.

use std::collections::VecDeque;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use everwire_core::session::{Reading, Replies, ServerInput};
use everwire_core::{Attempt, PingWatch};
use everwire_tokio::{Held, Large};
use everwire_ws::{CloseCode, Incoming, Message};
use tokio::time::timeout;

use super::slot::{Inner, Slot};
use crate::Socket;

#[derive(Debug)]
pub(super) struct Link {
    pub(super) number: Attempt,
    pub(super) socket: Socket,
    /// Where each unit that was taken and is not yet reported as written ends, in the socket's count.
    ends: VecDeque<u64>,
    replies: Replies,
    /// A unit that was taken and goes out in fragments.
    large: Large,
    /// The machine has something to take.
    pub(super) ready: bool,
    /// How many messages the last turn has read.
    messages_read: usize,
    pings: PingWatch,
}

/// Payload that one turn reads at most.
const BATCH_BYTES: usize = 256 << 10;
/// More would not be found in the processor's cache when the application comes to them.
const BATCH_MESSAGES: usize = 256;
/// As long as so much is buffered, no more is taken out of the outbox.
const WRITE_BUFFER: usize = 64 << 10;
/// Fragments that one turn queues at most.
const FRAGMENTS: usize = 4;
/// How long a connection that is left may take for its closing handshake.
const CLOSING: Duration = Duration::from_secs(2);

impl Link {
    pub(super) fn new(number: Attempt, socket: Socket, fragment_above: Option<usize>) -> Self {
        let (replies, pings, large) = (Replies::default(), PingWatch::default(), Large::new(fragment_above));
        Self { number, socket, ends: VecDeque::new(), replies, large, ready: false, messages_read: 0, pings }
    }

    /// Writes what the transport takes, then reads what is there. Ready when something was read, or the connection is
    /// gone.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Vec<ServerInput>> {
        let mut read = Reading::new(self.number, self.messages_read);
        // An error shows up in reading, behind what the peer may have said before.
        self.flush(cx);
        self.report_written(&mut read);
        while read.messages() < BATCH_MESSAGES && read.bytes() < BATCH_BYTES {
            // Most messages stand in the read buffer, and are copied from there to their place.
            if let Some(message) = self.socket.try_recv_ref() {
                read.push_ref(message);
                continue;
            }
            let next = match self.socket.try_recv() {
                Ok(None) => match self.socket.poll_recv(cx) {
                    Poll::Ready(next) => next,
                    Poll::Pending => break,
                },
                Ok(incoming) => Ok(incoming),
                Err(error) => Err(error),
            };
            match next {
                Ok(Some(Incoming::Message(message))) => read.push(message),
                Ok(Some(Incoming::Ping(_))) => read.push_input(ServerInput::Ping(self.number)),
                Ok(Some(Incoming::Pong(payload))) => read.push_input(ServerInput::Pong(self.number, payload)),
                Ok(Some(Incoming::Close(_)) | None) | Err(_) => {
                    self.flush(cx);
                    self.report_written(&mut read);
                    read.push_input(ServerInput::Lost(self.number));
                    break;
                }
            }
        }
        if self.replies.is_waiting() {
            // Reading has written as well, and there may be room now.
            self.flush(cx);
        }
        self.messages_read = read.messages();
        let inputs = read.into_inputs();
        if inputs.is_empty() { Poll::Pending } else { Poll::Ready(inputs) }
    }

    /// Writes what the transport takes, and the replies for which there is room then.
    fn flush(&mut self, cx: &mut Context<'_>) {
        let mut flushed = self.socket.poll_flush(cx);
        for _ in 0..FRAGMENTS {
            if !self.large.is_some() || !matches!(flushed, Poll::Ready(Ok(()))) {
                break;
            }
            self.encode_large();
            flushed = self.socket.poll_flush(cx);
        }
        if self.large.is_some() && matches!(flushed, Poll::Ready(Ok(()))) {
            // Reading gets its turn in between.
            cx.waker().wake_by_ref();
        }
        if self.queue_replies() {
            let _ = self.socket.poll_flush(cx);
        }
    }

    /// Queues the next fragment of the large message, and what was held behind it once it is out.
    fn encode_large(&mut self) {
        if self.large.queue(&mut self.socket) {
            self.ends.push_back(self.socket.queued_total());
        }
        while !self.large.is_some()
            && let Some(held) = self.large.next_held()
        {
            match held {
                Held::Message(message) => {
                    let _ = self.socket.queue(&message);
                }
                Held::Ping(payload) => self.queue_ping_now(&payload),
            }
        }
    }

    /// Queues a frame of the session's own, unless it is a reply that has to wait.
    pub(super) fn control(&mut self, frame: Message) {
        // Behind a large message nothing goes out, however little the socket has to write.
        let buffered = if self.large.is_some() { usize::MAX } else { self.socket.buffered() };
        let Some(frame) = self.replies.admit(frame, buffered) else { return };
        if self.large.is_some() {
            self.large.hold(Held::Message(frame));
        } else {
            // Refused once a close frame is queued: then nobody waits for it.
            let _ = self.socket.queue(&frame);
        }
    }

    /// Queues the replies that have waited, if there is room now. Whether there was.
    fn queue_replies(&mut self) -> bool {
        let mut queued = false;
        while !self.large.is_some()
            && let Some(reply) = self.replies.next(self.socket.buffered())
        {
            queued |= self.socket.queue(&reply);
        }
        queued
    }

    fn report_written(&mut self, read: &mut Reading) {
        let written_total = self.socket.written_total();
        let count = self.ends.partition_point(|end| *end <= written_total);
        if count > 0 {
            self.ends.drain(..count);
            read.push_input(ServerInput::Written(self.number, count));
        }
        let waiting = self.socket.buffered().saturating_add(self.large.remaining());
        if let Some(progress) = self.pings.sample(written_total, waiting) {
            read.push_input(ServerInput::OwnPing(self.number, progress));
        }
    }

    /// Queues a ping behind everything taken so far.
    pub(super) fn queue_ping(&mut self, payload: &[u8]) {
        if self.large.is_some() {
            self.large.hold(Held::Ping(Bytes::copy_from_slice(payload)));
            self.pings.held_back();
        } else {
            self.queue_ping_now(payload);
        }
    }

    /// Queues a ping as soon as may be, between the fragments of a large message.
    pub(super) fn queue_probe(&mut self, payload: &[u8]) {
        self.queue_ping_now(payload);
    }

    fn queue_ping_now(&mut self, payload: &[u8]) {
        if self.socket.queue_ping(payload) {
            self.pings.queued(self.socket.queued_total());
        }
    }

    /// Takes messages out of the outbox, straight into the socket's buffer. Whether any were there.
    pub(super) fn take(&mut self, slot: &Slot, inner: &mut Inner) -> bool {
        // Replies go first: messages would take their room again and again.
        self.queue_replies();
        if !self.ready || self.large.is_some() || self.socket.buffered() >= WRITE_BUFFER {
            return false;
        }
        let Self { socket, ends, large, .. } = self;
        let mut cut_short = false;
        let taken = inner.machine.take(self.number, &mut |outgoing| {
            if large.is_some() || socket.buffered() >= WRITE_BUFFER {
                cut_short = true;
                return false;
            }
            if large.takes(outgoing.message.len()) {
                large.set(&outgoing.prefix.to_bytes(), outgoing.message.clone());
                return true;
            }
            let queued = socket.queue_prefixed(&outgoing.prefix.to_bytes(), outgoing.message);
            if queued {
                ends.push_back(socket.queued_total());
            }
            queued
        });
        self.ready = cut_short;
        inner.tally.sent(taken);
        slot.sort(inner);
        taken > 0
    }

    /// Leaves the connection: its peer is told, and gets a little time to take it.
    pub(super) fn leave(mut self, code: CloseCode, reason: &'static str) {
        tokio::spawn(async move {
            let _ = timeout(CLOSING, self.socket.close(code, reason)).await;
        });
    }
}
