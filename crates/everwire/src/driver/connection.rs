//! An open connection: reading and writing in batches.

use std::collections::VecDeque;
use std::mem;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use everwire_core::session::{Replies, SUBPROTOCOL};
use everwire_core::{Attempt, Loss, Moment, PingWatch, TransportEvent};
use everwire_tokio::{Held, Large, Socket};
use everwire_ws::{Incoming, Message, Phase};

use super::dial::Opened;
use super::failure;
use super::reading::Reading;
use super::secrets::Secrets;
use super::stream::Stream;
use super::text_pings::TextPings;
use crate::inbox::{Limit, Room};
use crate::shared::Inner;

/// One open connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) attempt: Attempt,
    pub(super) socket: Socket<Stream>,
    /// Where each unit that was taken and is not yet reported as written ends, in the socket's count.
    ends: VecDeque<u64>,
    replies: Replies,
    /// The machine has something to take.
    pub(super) ready: bool,
    /// A unit that was taken but is too large to be encoded under the mutex, or at once.
    large: Large,
    pings: PingWatch,
    /// The inbox is full to this limit, and the machine knows that we don't read.
    paused: Option<Limit>,
    write_failed: bool,
    bytes_seen: u64,
    /// What stands in for pings of the protocol.
    text_pings: Option<Box<TextPings>>,
    /// What the peer's words must not repeat.
    secrets: Secrets,
    in_session: bool,
}

/// Payload that one turn reads at most, so that the user's tasks see it soon and get their turn.
const BATCH_BYTES: usize = 256 << 10;
const BATCH_MESSAGES: usize = 1024;
/// Reads of one turn that yield no whole message.
const BATCH_READS: usize = 16;

/// As long as so much is buffered, no more is taken out of the outbox.
const WRITE_BUFFER: usize = 64 << 10;
const TAKE_AT_ONCE: usize = 8 << 10;

impl Connection {
    pub(super) fn new(attempt: Attempt, opened: Opened) -> Self {
        Self {
            attempt,
            socket: opened.socket,
            text_pings: opened.text_pings.map(Box::new),
            secrets: opened.secrets,
            in_session: opened.subprotocol.as_deref() == Some(SUBPROTOCOL),
            ends: VecDeque::new(),
            replies: Replies::default(),
            ready: false,
            large: Large::new(opened.fragment_above),
            pings: PingWatch::default(),
            paused: None,
            write_failed: false,
            bytes_seen: 0,
        }
    }

    /// Has TCP give the connection up when bytes of ours stay unacknowledged for so long.
    pub(super) fn lean_on_tcp(&self, time: Duration) {
        self.socket.get_ref().give_up_unacknowledged_after(time);
    }

    /// Reads what is there, as far as there is room for it within this limit, into `events`. `batch` is an empty vector to
    /// begin with.
    pub(super) fn read(
        &mut self,
        cx: &mut Context<'_>,
        (limit, room): (Limit, Room),
        mut batch: Vec<Message>,
        events: &mut Vec<TransportEvent>,
    ) -> Reading {
        if room.is_none() {
            if self.paused.replace(limit) != Some(limit) {
                events.push(limit.pause());
            }
            return Reading::Paused;
        }
        if self.paused.take().is_some() {
            events.push(TransportEvent::ReadResumed);
        }
        let before = events.len();
        let reading = self.read_batch(cx, room, &mut batch, events);
        push_batch(&mut batch, events);
        let bytes_read = self.socket.get_ref().bytes_read();
        let grown = mem::replace(&mut self.bytes_seen, bytes_read) != bytes_read;
        if grown && events.len() == before {
            events.push(TransportEvent::Activity);
        }
        reading
    }

    fn read_batch(
        &mut self,
        cx: &mut Context<'_>,
        room: Room,
        batch: &mut Vec<Message>,
        events: &mut Vec<TransportEvent>,
    ) -> Reading {
        let (mut messages, mut bytes, mut reads) = (0, 0, 0);
        while messages < room.messages.min(BATCH_MESSAGES) && bytes < room.bytes.min(BATCH_BYTES) {
            let next = match self.socket.try_recv() {
                Ok(None) if reads == BATCH_READS => return Reading::More,
                Ok(None) => {
                    reads += 1;
                    match self.socket.poll_recv(cx) {
                        Poll::Ready(next) => next.map(Some),
                        Poll::Pending => return Reading::Dry,
                    }
                }
                Ok(incoming) => Ok(Some(incoming)),
                Err(error) => Err(error),
            };
            match next {
                Ok(Some(Some(Incoming::Message(message)))) => {
                    if let Some(payload) = self.text_pings.as_mut().and_then(|pings| pings.answer(&message)) {
                        push_batch(batch, events);
                        events.push(TransportEvent::Pong(payload));
                        continue;
                    }
                    messages += 1;
                    bytes += message.len();
                    batch.push(if self.in_session { self.secrets.hide_in_bye(message) } else { message });
                }
                Ok(Some(Some(Incoming::Ping(_)))) => {
                    push_batch(batch, events);
                    events.push(TransportEvent::Ping);
                }
                Ok(Some(Some(Incoming::Pong(payload)))) => {
                    push_batch(batch, events);
                    events.push(TransportEvent::Pong(payload));
                }
                Ok(Some(Some(Incoming::Close(frame)))) => {
                    push_batch(batch, events);
                    // Out with the echo, and with what can be counted as written.
                    let _ = self.socket.poll_flush(cx);
                    self.push_written(events);
                    let frame = frame.map(|frame| self.secrets.hide_in_close(frame));
                    events.push(TransportEvent::PeerClosed(frame));
                }
                Ok(Some(None) | None) => {
                    self.push_lost(batch, events, Loss::Ended);
                    return Reading::Gone;
                }
                Err(error) => {
                    // The socket has just tried to tell the peer, if there is something to tell.
                    let _ = self.socket.poll_flush(cx);
                    if let Some(frame) = failure::flawed_close(&error) {
                        push_batch(batch, events);
                        self.push_written(events);
                        events.push(TransportEvent::PeerClosed(Some(self.secrets.hide_in_close(frame))));
                    }
                    self.push_lost(batch, events, self.secrets.hide_in_loss(failure::loss(error)));
                    return Reading::Gone;
                }
            }
        }
        Reading::More
    }

    /// What was written counts as written: the machine is told before it hears of the loss.
    fn push_lost(&mut self, batch: &mut Vec<Message>, events: &mut Vec<TransportEvent>, loss: Loss) {
        push_batch(batch, events);
        self.push_written(events);
        events.push(TransportEvent::Lost(loss));
    }

    fn push_written(&mut self, events: &mut Vec<TransportEvent>) {
        let written = self.count_written();
        if written > 0 {
            events.push(TransportEvent::Written(written));
        }
    }

    /// How many more units are wholly written, or may be: over TLS nobody knows of those in a write that failed.
    pub(super) fn count_written(&mut self) -> usize {
        let written = match self.socket.get_ref().may_send_and_fail() {
            true => self.socket.written_at_most(),
            false => self.socket.written_total(),
        };
        let count = self.ends.partition_point(|end| *end <= written);
        self.ends.drain(..count);
        count
    }

    /// Whether there is anything to write, to take or to report.
    pub(super) fn wants_to_write(&self) -> bool {
        let under_way = !self.ends.is_empty() || self.large.is_some() || self.socket.buffered() > 0;
        !self.write_failed && (self.ready || under_way || self.replies.is_waiting())
    }

    /// Queues a frame of the session's own behind everything taken so far, unless it is a reply that has to wait.
    pub(super) fn control(&mut self, frame: Message) {
        // Behind a large message nothing goes out, however little the socket has to write.
        let buffered = if self.large.is_some() { usize::MAX } else { self.socket.buffered() };
        if let Some(frame) = self.replies.admit(frame, buffered) {
            self.queue(frame);
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

    /// There is something to take, and room for it in the socket's buffer.
    pub(super) fn has_room(&self) -> bool {
        self.ready && !self.large.is_some() && self.socket.buffered() < WRITE_BUFFER
    }

    /// Takes messages out of the outbox, straight into the socket's buffer. Some at a time: whoever sends meanwhile waits
    /// for the mutex.
    pub(super) fn take(&mut self, now: Moment, inner: &mut Inner) {
        if self.socket.phase() != Phase::Open {
            self.ready = false;
        }
        // Replies go first: messages would take their room again and again.
        self.queue_replies();
        if !self.has_room() {
            return;
        }
        let most = self.socket.buffered() + TAKE_AT_ONCE;
        let Self { socket, ends, large, .. } = self;
        let (mut bytes, mut cut_short) = (0, false);
        let taken = inner.machine.take(now, self.attempt, &mut |outgoing| {
            let message = outgoing.message;
            if large.is_some() || socket.buffered() >= most {
                cut_short = true;
                return false;
            }
            if message.len() >= WRITE_BUFFER {
                large.set(&outgoing.prefix.to_bytes(), message.clone());
            } else if socket.queue_prefixed(&outgoing.prefix.to_bytes(), message) {
                ends.push_back(socket.queued_total());
            } else {
                return false;
            }
            bytes += message.len();
            true
        });
        inner.traffic.messages_sent += taken as u64;
        inner.traffic.bytes_sent += bytes as u64;
        self.ready = cut_short;
    }

    /// Whether nothing that was taken is still to be encoded.
    pub(super) fn may_queue(&self) -> bool {
        !self.large.is_unencoded()
    }

    /// Encodes the large message that `take` set aside, or the next fragment of it, before any other message is queued. The
    /// mutex is free meanwhile.
    pub(super) fn encode_large(&mut self) {
        if !self.large.is_some() {
            return;
        }
        if self.large.queue(&mut self.socket) {
            self.ends.push_back(self.socket.queued_total());
        }
        while !self.large.is_some()
            && let Some(held) = self.large.next_held()
        {
            match held {
                Held::Message(message) => self.queue(message),
                Held::Ping(payload) => self.queue_ping(&payload),
            }
        }
    }

    /// Queues a message that counts for nothing. Refused once a close frame is queued: then nobody waits for it.
    fn queue(&mut self, message: Message) {
        if self.large.is_some() {
            self.large.hold(Held::Message(message));
        } else {
            let _ = self.socket.queue(&message);
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

    /// Queues a ping as soon as may be, between the fragments of a large message. A text that stands in for one may not.
    pub(super) fn queue_probe(&mut self, payload: &[u8]) {
        if self.text_pings.is_some() {
            self.queue_ping(payload);
        } else {
            self.queue_ping_now(payload);
        }
    }

    fn queue_ping_now(&mut self, payload: &[u8]) {
        let Self { socket, text_pings, .. } = self;
        let queued = match text_pings {
            Some(pings) => pings.ask(payload, |ping| socket.queue(ping)),
            None => socket.queue_ping(payload),
        };
        if queued {
            self.pings.queued(self.socket.queued_total());
        }
    }

    /// What the machine should know of a ping that does not leave at once. `written`: the transport has just been asked to
    /// take what it can.
    pub(super) fn ping_progress(&mut self, written: bool) -> Option<TransportEvent> {
        if !written && !self.pings.is_waiting() {
            return None;
        }
        let waiting = self.socket.buffered() + self.large.remaining();
        self.pings.sample(self.socket.written_total(), waiting).map(TransportEvent::OwnPing)
    }

    /// Writes what the transport takes. Whether all is written.
    pub(super) fn flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut flushed = self.socket.poll_flush(cx);
        if self.queue_replies() {
            flushed = self.socket.poll_flush(cx);
        }
        match flushed {
            Poll::Ready(Ok(())) => Poll::Ready(()),
            Poll::Ready(Err(_)) => {
                // The reading side says why, after what the peer may have said before.
                self.write_failed = true;
                Poll::Ready(())
            }
            Poll::Pending => Poll::Pending,
        }
    }

    pub(super) fn has_failed(&self) -> bool {
        self.write_failed
    }
}

fn push_batch(batch: &mut Vec<Message>, events: &mut Vec<TransportEvent>) {
    if !batch.is_empty() {
        events.push(TransportEvent::Received(mem::take(batch)));
    }
}
