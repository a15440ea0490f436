use std::borrow::Borrow;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use everwire_ws::{
    CloseCode, Compress, Connection, Fragmented, Incoming, Message, MessageRef, Phase, Prepared, ProtocolError, Role,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::coop;

use crate::SocketError;
use crate::halves::{Half, Halves};
use crate::reader::Reader;
use crate::writer::Writer;

/// A WebSocket over a stream whose opening handshake is done.
///
/// Messages are queued ([`queue`](Self::queue)) and written many at a time ([`flush`](Self::flush), or alongside
/// [`recv`](Self::recv)). All methods are cancel-safe: what is queued stays queued, what was read stays readable.
///
/// The caller bounds the outgoing queue by [`buffered`](Self::buffered). A socket that waits for its peer holds next to
/// no buffers.
///
/// One task uses a socket; as a `Stream` and a `Sink` it can be split between two. [`recv`](Self::recv) writes as well,
/// so that a caller that only receives still answers pings and can't deadlock with a peer that waits for it.
///
/// ```
/// use everwire_tokio::Socket;
/// use everwire_ws::{Config, Connection, Incoming, Message, Role};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), everwire_tokio::SocketError> {
/// let (near, far) = tokio::io::duplex(1024); // both ends upgraded already
/// let mut client = Socket::new(near, Connection::new(Role::Client, Config::default(), [7; 32]));
/// let mut server = Socket::new(far, Connection::new(Role::Server, Config::default(), [0; 32]));
///
/// for n in 0..3 {
///     assert!(client.queue(&Message::text(format!("message {n}"))));
/// }
/// client.flush().await?; // one write
/// assert_eq!(server.recv().await?, Some(Incoming::Message(Message::text("message 0"))));
/// assert_eq!(server.try_recv()?, Some(Incoming::Message(Message::text("message 1")))); // no further read
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Socket<S> {
    stream: S,
    connection: Connection,
    reader: Reader,
    writer: Writer,
    end: End,
    /// Turns for which a violation has been held up, for answers to what came before it.
    held_up: u8,
    /// Since the socket was first used as a sink, whose task may be another than the reader's.
    halves: Option<Halves>,
}

/// Turns that others get before a violation behind messages is reported. A message that this task hands on wakes its
/// taker behind our own first turn; the answer comes back, and is taken and written, in the ones after it.
const HELD_UP_TURNS: u8 = 4;

/// What is left to do once the connection is closed.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// Nothing has ended.
    NotYet,
    /// The peer broke the protocol: tell it, and end our direction without waiting.
    Failed,
    /// Our direction is ended; the peer's is read to its end.
    ShutDown,
    /// Nothing is left to read.
    Done,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    /// A socket on an upgraded stream. Bytes that were read behind the handshake go into `connection` first
    /// ([`Connection::receive`]).
    #[must_use]
    pub fn new(stream: S, connection: Connection) -> Self {
        Self {
            stream,
            connection,
            reader: Reader::new(),
            writer: Writer::default(),
            end: End::NotYet,
            held_up: 0,
            halves: None,
        }
    }

    /// Encodes a message into the write buffer, without I/O. Returns `false` once a close frame is queued: the message
    /// is not sent then.
    #[must_use = "a message is refused once the socket is closing"]
    pub fn queue(&mut self, message: &Message) -> bool {
        self.connection.send(message)
    }

    /// Like [`queue`](Self::queue); `compress` says whether this message may be compressed.
    #[must_use = "a message is refused once the socket is closing"]
    pub fn queue_with(&mut self, message: &Message, compress: Compress) -> bool {
        self.connection.send_with(message, compress)
    }

    /// Like [`queue`](Self::queue), with a prefix before the payload in the same frame; see
    /// [`Connection::send_prefixed`].
    #[must_use = "a message is refused once the socket is closing"]
    pub fn queue_prefixed(&mut self, prefix: &[u8], message: &Message) -> bool {
        self.connection.send_prefixed(prefix, message)
    }

    /// Begins a message that is sent in several frames, behind a prefix; see [`Connection::start_fragmented`].
    #[must_use = "a message that is begun has to be sent to its end"]
    pub fn start_fragmented(&mut self, prefix: &[u8], message: &Message) -> Option<Fragmented> {
        self.connection.start_fragmented(prefix, message)
    }

    /// Queues the next frame of such a message. Returns `true` if more frames are left; see
    /// [`Connection::send_fragment`].
    pub fn queue_fragment(&mut self, fragmented: &mut Fragmented, most: usize) -> bool {
        self.connection.send_fragment(fragmented, most)
    }

    /// Queues a message that was encoded once for many sockets; see [`Connection::send_prepared`]. Returns `false` once
    /// a close frame is queued.
    #[must_use = "a message is refused once the socket is closing"]
    pub fn queue_prepared(&mut self, prepared: &Prepared) -> bool {
        self.connection.send_prepared(prepared)
    }

    /// Queues a ping with a payload of at most 125 bytes. Returns `false` once a close frame is queued.
    pub fn queue_ping(&mut self, payload: &[u8]) -> bool {
        self.connection.ping(payload)
    }

    /// Sets whether the caller answers pings; see [`Connection::leave_pings`]. Default: `false`.
    pub fn leave_pings(&mut self, to_the_caller: bool) {
        self.connection.leave_pings(to_the_caller);
    }

    /// Queues the answer to a ping that was left to the caller. Returns `false` once a close frame is queued.
    pub fn queue_pong(&mut self, payload: &Bytes) -> bool {
        self.connection.pong(payload)
    }

    /// Queues a close frame, once; see [`Connection::close`]. Continue to receive: the peer's messages may come until
    /// its own close frame.
    pub fn queue_close(&mut self, code: CloseCode, reason: &str) {
        self.connection.close(code, reason);
    }

    /// The number of queued bytes that the transport has not taken.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.connection.buffered()
    }

    /// The number of bytes queued since the start. The transport has a whole frame when
    /// [`written_total`](Self::written_total) has reached what this returned right after the frame was queued.
    #[must_use]
    pub fn queued_total(&self) -> u64 {
        self.connection.queued_total()
    }

    /// The number of bytes that the transport has taken since the start.
    #[must_use]
    pub fn written_total(&self) -> u64 {
        self.writer.written_total()
    }

    /// The number of bytes that the transport may have taken: [`written_total`](Self::written_total), and after a write
    /// has failed also the bytes of that write. TCP takes nothing when a write fails; a stream that encrypts may have
    /// sent a part of it.
    #[must_use]
    pub fn written_at_most(&self) -> u64 {
        self.writer.written_at_most()
    }

    /// Writes while the transport takes it. Ready when nothing is queued and the stream is flushed, or has failed.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer.poll(cx, &mut self.stream, &mut self.connection)
    }

    /// The same for one of two tasks that share the socket.
    pub(crate) fn poll_flush_as(&mut self, half: Half, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let halves = match half {
            Half::Reader => self.halves.as_ref(),
            Half::Writer => Some(&*self.halves.get_or_insert_with(Halves::new)),
        };
        match halves.map(|halves| halves.waker(half, cx)) {
            None => self.poll_flush(cx),
            Some(waker) => self.poll_flush(&mut Context::from_waker(&waker)),
        }
    }

    /// The next thing that the peer sent; see [`recv`](Self::recv).
    ///
    /// It takes part in tokio's cooperative scheduling, by messages and by bytes: however fast a peer sends, a task
    /// that only receives yields to others after 128 messages or 1 MiB.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Incoming>, SocketError>> {
        let turn = ready!(coop::poll_proceed(cx));
        let received = self.poll_recv_at_once(cx);
        if received.is_ready() {
            turn.made_progress();
        }
        received
    }

    fn poll_recv_at_once(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Incoming>, SocketError>> {
        loop {
            if self.is_holding_up() {
                // Other tasks run first: they may answer the messages before the violation.
                self.held_up += 1;
                let _ = self.poll_flush_as(Half::Reader, cx);
                // A wake-up of our own would come before the task that a runtime blocks on; this one comes behind all.
                let _ = pin!(tokio::task::yield_now()).poll(cx);
                return Poll::Pending;
            }
            match self.try_recv() {
                Ok(None) if self.connection.is_failing() => continue,
                Ok(None) => {}
                Ok(incoming) => return Poll::Ready(Ok(incoming)),
                Err(error) => {
                    // One attempt to tell the peer; a caller that has to be sure of it goes on receiving.
                    let _ = self.poll_flush_as(Half::Reader, cx);
                    return Poll::Ready(Err(error));
                }
            }
            if self.connection.phase() == Phase::Closed || self.end == End::Done {
                return self.poll_end(cx).map(|()| Ok(None));
            }
            let _ = self.poll_flush_as(Half::Reader, cx);
            let read = self.reader.poll(cx, &mut self.stream, &mut self.connection);
            match read {
                Poll::Ready(Ok(bytes @ 1..)) => spend(cx, bytes / BYTES_PER_TURN),
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(self.lost(None))),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(self.lost(Some(error)))),
                Poll::Pending if self.writer.failed().is_some() => return Poll::Ready(Err(self.lost(None))),
                Poll::Pending => {
                    self.connection.end_batch();
                    self.connection.release_buffers();
                    return Poll::Pending;
                }
            }
        }
    }

    /// The next message or control frame that has been read already, to take a whole batch after one
    /// [`recv`](Self::recv). If the peer broke the protocol behind the batch, this returns `None`, and the next
    /// [`recv`](Self::recv) returns the error, so that answers are sent before the close frame.
    ///
    /// # Errors
    /// [`SocketError::Protocol`], once, when the peer breaks the protocol.
    #[inline]
    pub fn try_recv(&mut self) -> Result<Option<Incoming>, SocketError> {
        if self.is_holding_up() {
            return Ok(None);
        }
        match self.connection.next_incoming() {
            Ok(incoming) => Ok(incoming),
            Err(error) => Err(self.violated(error)),
        }
    }

    /// The next message that has been read already, borrowed from the read buffer without an allocation: to take a
    /// batch after one [`recv`](Self::recv), for a caller that is done with each message before it takes the next.
    ///
    /// `None` does not mean that nothing has arrived; go on with [`recv`](Self::recv). See [`Connection::next_ref`].
    ///
    /// ```
    /// # use everwire_tokio::Socket;
    /// # use everwire_ws::{Config, Connection, Incoming, Message, Role};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), everwire_tokio::SocketError> {
    /// # let (near, far) = tokio::io::duplex(1024);
    /// # let mut client = Socket::new(near, Connection::new(Role::Client, Config::default(), [7; 32]));
    /// # let mut server = Socket::new(far, Connection::new(Role::Server, Config::default(), [0; 32]));
    /// # for _ in 0..3 { assert!(client.queue(&Message::text("hello"))); }
    /// # client.queue_close(everwire_ws::CloseCode::NORMAL, "");
    /// # client.flush().await?;
    /// # drop(client);
    /// let mut bytes = 0;
    /// while let Some(incoming) = server.recv().await? {
    ///     if let Incoming::Message(message) = incoming {
    ///         bytes += message.len();
    ///     }
    ///     while let Some(message) = server.try_recv_ref() {
    ///         bytes += message.payload().len();
    ///     }
    /// }
    /// # assert_eq!(bytes, 15);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn try_recv_ref(&mut self) -> Option<MessageRef<'_>> {
        self.connection.next_ref()
    }

    /// The next message or control frame of the peer. It writes what is queued at the same time.
    ///
    /// Returns `None` after the closing handshake, when the stream has ended too. It waits for the peer: put a time
    /// limit around it. After an error there is nothing more to receive; calling it until `None` makes sure that the
    /// peer gets our close frame.
    ///
    /// Cancel-safe: nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// Each once: [`SocketError::Protocol`] if the peer breaks the protocol, [`SocketError::UnexpectedEnd`] if the
    /// stream ends without a close frame, [`SocketError::Io`] if the transport fails. If writing fails, it first
    /// returns what can still be read, since the peer's close frame may say why.
    pub async fn recv(&mut self) -> Result<Option<Incoming>, SocketError> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Writes what is queued.
    ///
    /// It does not read: a peer that does not read until its own messages are read can block it for ever. Where that
    /// may happen, poll it alongside [`recv`](Self::recv), or use only `recv`, which writes too.
    ///
    /// Cancel-safe: what is not written stays queued.
    ///
    /// # Errors
    /// If the transport fails; every further call returns the error again.
    pub async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Queues a message, owned or borrowed, and writes it. For many messages, [`queue`](Self::queue) them and
    /// [`flush`](Self::flush) once.
    ///
    /// If the future is dropped, the message stays queued and goes out with the next write: don't send it again.
    ///
    /// # Errors
    /// [`SocketError::Closing`] if a close frame is queued, [`SocketError::Io`] if the transport fails.
    pub async fn send(&mut self, message: impl Borrow<Message>) -> Result<(), SocketError> {
        if !self.queue(message.borrow()) {
            return Err(SocketError::Closing);
        }
        Ok(self.flush().await?)
    }

    /// Performs the closing handshake: sends our close frame, then reads up to the peer's and to the end of the stream.
    /// Messages that still come are dropped; to keep them, use [`queue_close`](Self::queue_close) and
    /// [`recv`](Self::recv).
    ///
    /// It waits for the peer: put a time limit around it. Cancel-safe: it can be called again.
    ///
    /// # Errors
    /// As of [`recv`](Self::recv).
    pub async fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), SocketError> {
        self.queue_close(code, reason);
        while self.recv().await?.is_some() {}
        Ok(())
    }

    /// Frees the memory that an idle connection does not need. Empty buffers are freed automatically; this also frees
    /// the compression context of our own messages, if one was agreed on: see [`Connection::release_memory`].
    pub fn release_memory(&mut self) {
        self.connection.release_memory();
    }

    /// The state of the closing handshake.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.connection.phase()
    }

    /// The stream.
    #[must_use]
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// The stream and the connection's state, unread and unwritten bytes included.
    #[must_use]
    pub fn into_parts(self) -> (S, Connection) {
        (self.stream, self.connection)
    }

    /// The end of a closed connection: our last frames out, our direction closed, the peer's read to its end. A server
    /// ends its direction first, a client when the server has (RFC 6455 section 7.1.1). Failures don't matter any more.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.end == End::Done {
            return Poll::Ready(());
        }
        let _ = ready!(self.poll_flush_as(Half::Reader, cx));
        let first = self.end == End::Failed || self.connection.role() == Role::Server;
        if first && self.end != End::ShutDown {
            let _ = ready!(Pin::new(&mut self.stream).poll_shutdown(cx));
            self.end = End::ShutDown;
        }
        ready!(Reader::poll_discard(cx, &mut self.stream));
        if self.end != End::ShutDown {
            let _ = ready!(Pin::new(&mut self.stream).poll_shutdown(cx));
        }
        self.end = End::Done;
        Poll::Ready(())
    }

    /// Whether a violation is not to be reported yet.
    fn is_holding_up(&self) -> bool {
        self.connection.is_failing() && self.held_up < HELD_UP_TURNS
    }

    #[cold]
    fn violated(&mut self, error: ProtocolError) -> SocketError {
        self.end = End::Failed;
        SocketError::Protocol(error)
    }

    /// The transport is gone before the closing handshake was done.
    fn lost(&mut self, read_error: Option<io::Error>) -> SocketError {
        self.end = End::Done;
        let error = read_error.or_else(|| self.writer.failed().map(crate::writer::copy));
        error.map_or(SocketError::UnexpectedEnd, SocketError::Io)
    }
}

/// The number of bytes that count as much work as one message.
const BYTES_PER_TURN: usize = 8 << 10;

/// What a task has done beyond what is counted already.
fn spend(cx: &mut Context<'_>, turns: usize) {
    for _ in 0..turns {
        match coop::poll_proceed(cx) {
            Poll::Ready(turn) => turn.made_progress(),
            // The next call waits for its turn.
            Poll::Pending => return,
        }
    }
}
