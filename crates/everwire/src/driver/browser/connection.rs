//! An open connection: reading and writing in batches.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use everwire_core::session::{Replies, SUBPROTOCOL};
use everwire_core::{Attempt, Loss, Moment, PingWatch, TransportEvent};
use everwire_ws::{CloseCode, Message};

use super::plan::Opened;
use super::sleep::{Sleep, sleep};
use super::socket::{Socket, SocketEvent};
use crate::driver::open_connection::OpenConnection;
use crate::driver::reading::Reading;
use crate::driver::secrets::Secrets;
use crate::driver::text_pings::TextPings;
use crate::inbox::{Limit, Room};
use crate::shared::Inner;

/// One open connection.
#[derive(Debug)]
pub(in crate::driver) struct Connection {
    attempt: Attempt,
    socket: Transport,
    /// Units that were taken and are not yet reported as written.
    unreported: usize,
    replies: Replies,
    /// The machine has something to take.
    ready: bool,
    /// The inbox is full, and the machine knows that we don't read.
    paused: Option<Limit>,
    /// When to look again whether the browser has room; it tells nobody.
    look: Option<Sleep>,
    watch: PingWatch,
    /// What the peer's words must not repeat.
    secrets: Secrets,
}

/// The socket, and how to ping on it.
#[derive(Debug)]
struct Transport {
    socket: Socket,
    pings: Pings,
    /// Payload ever given to the browser.
    queued_total: u64,
}

/// A page can't send pings of the protocol.
#[derive(Debug)]
enum Pings {
    /// Nobody would answer.
    None,
    /// The protocol's, where the sockets are of another make than the browser's.
    Protocol,
    /// The session's.
    Session,
    /// Texts that the user has named.
    Text(TextPings),
}

/// Payload that one turn reads at most, so that the page's other tasks get their turn.
const BATCH_BYTES: usize = 256 << 10;
const BATCH_MESSAGES: usize = 1024;
/// As long as the browser holds so much, no more is taken out of the outbox.
const WRITE_BUFFER: u64 = 64 << 10;
/// How often to look whether it has less.
const LOOK: Duration = Duration::from_millis(10);

impl Connection {
    pub(in crate::driver) fn new(attempt: Attempt, opened: Opened) -> Self {
        let socket = opened.socket;
        let pings = match socket.text_pings() {
            _ if socket.subprotocol().is_some_and(|name| name == SUBPROTOCOL) => Pings::Session,
            Some(texts) => Pings::Text(TextPings::new(texts)),
            None if socket.can_ping() => Pings::Protocol,
            None => Pings::None,
        };
        let socket = Transport { socket, pings, queued_total: 0 };
        Self {
            attempt,
            socket,
            unreported: 0,
            replies: Replies::default(),
            ready: false,
            paused: None,
            look: None,
            watch: PingWatch::default(),
            secrets: opened.secrets,
        }
    }

    fn read_batch(
        &mut self,
        cx: &mut Context<'_>,
        room: Room,
        batch: &mut Vec<Message>,
        events: &mut Vec<TransportEvent>,
    ) -> Reading {
        let (mut messages, mut bytes) = (0, 0);
        while messages < room.messages.min(BATCH_MESSAGES) && bytes < room.bytes.min(BATCH_BYTES) {
            match self.socket.socket.poll_told(cx) {
                Poll::Pending => return Reading::Dry,
                Poll::Ready(SocketEvent::Message(message)) => match self.socket.pong(&message) {
                    Some(payload) => {
                        push_batch(batch, events);
                        events.push(TransportEvent::Pong(payload));
                    }
                    None => {
                        messages += 1;
                        bytes += message.len();
                        let in_session = matches!(self.socket.pings, Pings::Session);
                        batch.push(if in_session { self.secrets.hide_in_bye(message) } else { message });
                    }
                },
                Poll::Ready(SocketEvent::Pong(payload)) => {
                    push_batch(batch, events);
                    events.push(TransportEvent::Pong(payload));
                }
                Poll::Ready(SocketEvent::Closed(frame)) => {
                    push_batch(batch, events);
                    self.push_written(events);
                    let frame = frame.map(|frame| frame.map(|frame| self.secrets.hide_in_close(frame)));
                    events.extend(frame.map(TransportEvent::PeerClosed));
                    events.push(TransportEvent::Lost(Loss::Ended));
                    return Reading::Gone;
                }
            }
        }
        Reading::More
    }

    fn push_written(&mut self, events: &mut Vec<TransportEvent>) {
        let written = self.count_written();
        if written > 0 {
            events.push(TransportEvent::Written(written));
        }
    }

    /// Gives the browser the replies that have waited, if it has room now.
    fn queue_replies(&mut self) {
        while let Some(reply) = self.replies.next(self.buffered()) {
            let _ = self.socket.queue(&reply);
        }
    }

    fn buffered(&self) -> usize {
        usize::try_from(self.socket.socket.buffered()).unwrap_or(usize::MAX)
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
        self.socket.socket.queue_close(code, reason);
    }

    /// A page sees nothing of TCP.
    fn lean_on_tcp(&self, _: Duration) {}

    /// Reads what is there, as far as there is room for it, into `events`. `batch` is an empty vector to begin with.
    fn read(
        &mut self,
        cx: &mut Context<'_>,
        (limit, room): (Limit, Room),
        mut batch: Vec<Message>,
        events: &mut Vec<TransportEvent>,
    ) -> Reading {
        if self.socket.socket.is_overrun() {
            self.push_written(events);
            let words = "the server sends faster than the page reads".to_owned();
            events.push(TransportEvent::Lost(Loss::Protocol(CloseCode::POLICY_VIOLATION, words)));
            return Reading::Gone;
        }
        if room.is_none() {
            if self.paused.replace(limit) != Some(limit) {
                events.push(limit.pause());
            }
            return Reading::Paused;
        }
        if self.paused.take().is_some() {
            events.push(TransportEvent::ReadResumed);
        }
        let reading = self.read_batch(cx, room, &mut batch, events);
        push_batch(&mut batch, events);
        reading
    }

    /// How many more units are wholly written: all that the browser was given. It gives nothing back, and goes on to send
    /// it on a connection that we have given up for dead.
    fn count_written(&mut self) -> usize {
        mem::take(&mut self.unreported)
    }

    /// Nothing that was taken waits to be encoded.
    fn may_queue(&self) -> bool {
        true
    }

    /// Whether there is anything to write, to take or to report.
    fn wants_to_write(&self) -> bool {
        self.ready || self.unreported > 0 || self.replies.is_waiting()
    }

    /// Gives the browser a frame of the session's own, unless it is a reply that has to wait.
    fn queue_control(&mut self, frame: Message) {
        if let Some(frame) = self.replies.admit(frame, self.buffered()) {
            // Refused once the socket is closing: then nobody waits for it.
            let _ = self.socket.queue(&frame);
        }
    }

    /// There is something to take, and room for it in the browser.
    fn has_room(&self) -> bool {
        self.ready && self.socket.socket.buffered() < WRITE_BUFFER
    }

    /// Takes messages out of the outbox, straight into the browser's buffer.
    fn take(&mut self, now: Moment, inner: &mut Inner) {
        if !self.socket.socket.is_open() {
            self.ready = false;
        }
        // Replies go first: messages would take their room again and again.
        self.queue_replies();
        if !self.has_room() {
            return;
        }
        let Self { socket: Transport { socket, queued_total, .. }, unreported, .. } = self;
        let (mut bytes, mut cut_short) = (0, false);
        let taken = inner.machine.take(now, self.attempt, &mut |outgoing| {
            if socket.buffered() >= WRITE_BUFFER {
                cut_short = true;
                return false;
            }
            let prefix = outgoing.prefix.to_bytes();
            let taken = socket.queue_prefixed(&prefix, outgoing.message);
            if taken {
                *queued_total += (prefix.len() + outgoing.message.len()) as u64;
                *unreported += 1;
                bytes += outgoing.message.len();
            }
            taken
        });
        inner.traffic.messages_sent += taken as u64;
        inner.traffic.bytes_sent += bytes as u64;
        self.ready = cut_short;
    }

    /// Queues a ping behind everything taken so far.
    fn queue_ping(&mut self, payload: &[u8]) {
        if self.socket.queue_ping(payload) {
            self.watch.queued(self.socket.queued_total);
        }
    }

    /// The same: a page's messages go whole.
    fn queue_probe(&mut self, payload: &[u8]) {
        self.queue_ping(payload);
    }

    /// What the machine should know of a ping that does not leave at once.
    fn ping_progress(&mut self, written: bool) -> Option<TransportEvent> {
        if !written && !self.watch.is_waiting() {
            return None;
        }
        let waiting = self.socket.socket.buffered();
        let taken = self.socket.queued_total.saturating_sub(waiting);
        let waiting = usize::try_from(waiting).unwrap_or(usize::MAX);
        self.watch.sample(taken, waiting).map(TransportEvent::OwnPing)
    }

    /// Nothing is set aside here: a page has one thread, so nobody waits for the mutex.
    fn encode_large(&mut self) {}

    /// Whether all is written. If not, it looks again after a while.
    fn flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.queue_replies();
        if self.socket.socket.buffered() == 0 {
            self.look = None;
            return Poll::Ready(());
        }
        let look = self.look.get_or_insert_with(|| sleep(LOOK));
        if Pin::new(&mut *look).poll(cx).is_ready() {
            let mut next = sleep(LOOK);
            // Leaves its waker.
            let _ = Pin::new(&mut next).poll(cx);
            *look = next;
        }
        Poll::Pending
    }

    /// The reading side says what has failed.
    fn has_failed(&self) -> bool {
        !self.socket.socket.is_open()
    }
}

impl Transport {
    fn queue_ping(&mut self, payload: &[u8]) -> bool {
        match &mut self.pings {
            Pings::None => false,
            Pings::Protocol => self.socket.queue_ping(payload),
            Pings::Session => {
                let hex: String = payload.iter().map(|byte| format!("{byte:02x}")).collect();
                self.queue(&Message::text(format!("p{hex}")))
            }
            Pings::Text(pings) => {
                let Self { socket, queued_total, .. } = self;
                pings.ask(payload, |ping| {
                    let queued = socket.queue(ping);
                    if queued {
                        *queued_total += ping.len() as u64;
                    }
                    queued
                })
            }
        }
    }

    fn queue(&mut self, message: &Message) -> bool {
        let queued = self.socket.queue(message);
        if queued {
            self.queued_total += message.len() as u64;
        }
        queued
    }

    /// What a ping's answer carries, if it is one to a ping of ours.
    fn pong(&mut self, message: &Message) -> Option<Bytes> {
        let text = message.as_text()?;
        match &mut self.pings {
            Pings::None | Pings::Protocol => None,
            Pings::Session => {
                let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
                text.strip_prefix('q')?.as_bytes().chunks(2).map(byte).collect::<Option<Vec<u8>>>().map(Bytes::from)
            }
            Pings::Text(pings) => pings.answer(message),
        }
    }
}

fn push_batch(batch: &mut Vec<Message>, events: &mut Vec<TransportEvent>) {
    if !batch.is_empty() {
        events.push(TransportEvent::Received(mem::take(batch)));
    }
}
