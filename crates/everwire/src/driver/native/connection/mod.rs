//! An open connection: reading (`reading`) and writing in batches.

use std::collections::VecDeque;
use std::mem;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use everwire_core::session::{Replies, SUBPROTOCOL};
use everwire_core::{Attempt, Moment, PingWatch, TransportEvent};
use everwire_tokio::{Held, Large, Socket};
use everwire_ws::{CloseCode, Message, Phase};

use super::dial::Opened;
use super::stream::Stream;
use crate::driver::open_connection::OpenConnection;
use crate::driver::reading::Reading;
use crate::driver::secrets::Secrets;
use crate::driver::text_pings::TextPings;
use crate::inbox::{Limit, Room};
use crate::shared::Inner;

mod reading;

/// One open connection.
#[derive(Debug)]
pub(in crate::driver) struct Connection {
    attempt: Attempt,
    socket: Socket<Stream>,
    /// Where each unit that was taken and is not yet reported as written ends, in the socket's count.
    ends: VecDeque<u64>,
    replies: Replies,
    /// The machine has something to take.
    ready: bool,
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

/// As long as so much is buffered, no more is taken out of the outbox.
const WRITE_BUFFER: usize = 64 << 10;
const TAKE_AT_ONCE: usize = 8 << 10;

impl Connection {
    pub(in crate::driver) fn new(attempt: Attempt, opened: Opened) -> Self {
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

    /// Queues a message that counts for nothing. Refused once a close frame is queued: then nobody waits for it.
    fn queue(&mut self, message: Message) {
        if self.large.is_some() {
            self.large.hold(Held::Message(message));
        } else {
            let _ = self.socket.queue(&message);
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
}

impl OpenConnection for Connection {
    fn attempt(&self) -> Attempt {
        self.attempt
    }

    fn set_ready(&mut self) {
        self.ready = true;
    }

    fn queue_close(&mut self, code: CloseCode, reason: &str) {
        self.socket.queue_close(code, reason);
    }

    /// Has TCP give the connection up when bytes of ours stay unacknowledged for so long.
    fn lean_on_tcp(&self, time: Duration) {
        self.socket.get_ref().give_up_unacknowledged_after(time);
    }

    /// Reads what is there, as far as there is room for it within this limit, into `events`. `batch` is an empty vector to
    /// begin with.
    fn read(
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
        reading::push_batch(&mut batch, events);
        let bytes_read = self.socket.get_ref().bytes_read();
        let grown = mem::replace(&mut self.bytes_seen, bytes_read) != bytes_read;
        if grown && events.len() == before {
            events.push(TransportEvent::Activity);
        }
        reading
    }

    /// How many more units are wholly written, or may be: over TLS nobody knows of those in a write that failed.
    fn count_written(&mut self) -> usize {
        let written = match self.socket.get_ref().may_send_and_fail() {
            true => self.socket.written_at_most(),
            false => self.socket.written_total(),
        };
        let count = self.ends.partition_point(|end| *end <= written);
        self.ends.drain(..count);
        count
    }

    /// Whether there is anything to write, to take or to report.
    fn wants_to_write(&self) -> bool {
        let under_way = !self.ends.is_empty() || self.large.is_some() || self.socket.buffered() > 0;
        !self.write_failed && (self.ready || under_way || self.replies.is_waiting())
    }

    /// Queues a frame of the session's own behind everything taken so far, unless it is a reply that has to wait.
    fn queue_control(&mut self, frame: Message) {
        // Behind a large message nothing goes out, however little the socket has to write.
        let buffered = if self.large.is_some() { usize::MAX } else { self.socket.buffered() };
        if let Some(frame) = self.replies.admit(frame, buffered) {
            self.queue(frame);
        }
    }

    /// There is something to take, and room for it in the socket's buffer.
    fn has_room(&self) -> bool {
        self.ready && !self.large.is_some() && self.socket.buffered() < WRITE_BUFFER
    }

    /// Takes messages out of the outbox, straight into the socket's buffer. Each call takes a limited amount, since
    /// senders wait for the mutex meanwhile.
    fn take(&mut self, now: Moment, inner: &mut Inner) {
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
    fn may_queue(&self) -> bool {
        !self.large.is_unencoded()
    }

    /// Encodes the large message that `take` set aside, or the next fragment of it, before any other message is queued. The
    /// mutex is free meanwhile.
    fn encode_large(&mut self) {
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

    /// Queues a ping behind everything taken so far.
    fn queue_ping(&mut self, payload: &[u8]) {
        if self.large.is_some() {
            self.large.hold(Held::Ping(Bytes::copy_from_slice(payload)));
            self.pings.held_back();
        } else {
            self.queue_ping_now(payload);
        }
    }

    /// Queues a ping as soon as may be, between the fragments of a large message. A text that stands in for one may not.
    fn queue_probe(&mut self, payload: &[u8]) {
        if self.text_pings.is_some() {
            self.queue_ping(payload);
        } else {
            self.queue_ping_now(payload);
        }
    }

    /// What the machine should know of a ping that does not leave at once. `written`: the transport has just been asked to
    /// take what it can.
    fn ping_progress(&mut self, written: bool) -> Option<TransportEvent> {
        if !written && !self.pings.is_waiting() {
            return None;
        }
        let waiting = self.socket.buffered() + self.large.remaining();
        self.pings.sample(self.socket.written_total(), waiting).map(TransportEvent::OwnPing)
    }

    /// Writes what the transport takes. Whether all is written.
    fn flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
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

    fn has_failed(&self) -> bool {
        self.write_failed
    }
}
