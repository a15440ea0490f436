use bytes::{Buf, Bytes, BytesMut};

use crate::close::fitting_reason;
use crate::decode::Decoder;
use crate::deflate::Deflater;
use crate::encode::{Encoder, data_opcode};
use crate::frame::{MAX_CONTROL, MaskKeys, Opcode};
use crate::output::Output;
use crate::pongs::Pongs;
use crate::{
    CloseCode, CloseFrame, Compress, Deflate, Extensions, Fragmented, Incoming, Limits, Message, MessageRef, Prepared,
    ProtocolError,
};

/// Which end we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Masks what it sends, and refuses masked frames.
    Client,
    /// Does not mask, and requires masked frames.
    Server,
}

/// Settings of one connection.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Config {
    /// What the peer may cost.
    pub limits: Limits,
    /// What the opening handshake has negotiated. Default: nothing.
    pub extensions: Extensions,
    /// What an opening handshake that is given this may negotiate of permessage-deflate. Default: nothing. A
    /// [`Connection`] looks at [`extensions`](Self::extensions) only.
    pub compression: Option<Deflate>,
}

/// Where the closing handshake stands (RFC 6455 section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Data may flow both ways.
    Open,
    /// Our close frame is queued or sent, the peer's has not come: its messages still arrive, ours are refused.
    CloseSent,
    /// Both close frames are there, or the protocol was violated: flush, then drop the transport.
    Closed,
}

/// An established connection: bytes in, messages out, and the other way round.
///
/// A caller repeats, in any order and as often as it likes:
/// - append what the transport has read ([`reserve`](Self::reserve) or [`receive`](Self::receive)), then call
///   [`next_incoming`](Self::next_incoming) until it says `None`;
/// - [`send`](Self::send), [`ping`](Self::ping), [`close`](Self::close);
/// - write [`outgoing`](Self::outgoing) to the transport. All frames since the last write are in that one buffer.
///
/// # What bounds the memory
/// Incoming: [`Limits`]; the header of a long frame alone makes it allocate at most 64 KiB, beyond that memory follows
/// what has arrived. Outgoing: the caller, who looks at [`buffered`](Self::buffered) before it sends more. Answers to
/// pings are the exception, since the peer causes them: when 4 KiB of unwritten pongs are waiting, only the latest of
/// the further pings is answered (RFC 6455 section 5.5.3), once those are written. [`pong`](Self::pong) keeps to that, too.
///
/// ```
/// use everwire_ws::{CloseCode, Config, Connection, Incoming, Message, Phase, Role};
///
/// let mut client = Connection::new(Role::Client, Config::default(), [7; 32]);
/// let mut server = Connection::new(Role::Server, Config::default(), [0; 32]);
/// assert!(client.send(&Message::binary(vec![1, 2, 3])));
/// client.close(CloseCode::NORMAL, "done");
/// server.receive(&client.outgoing().split());
///
/// assert_eq!(server.next_incoming()?, Some(Incoming::Message(Message::from(vec![1, 2, 3]))));
/// assert!(matches!(server.next_incoming()?, Some(Incoming::Close(Some(frame))) if frame.reason == "done"));
/// assert_eq!(server.phase(), Phase::Closed); // its answer is in `outgoing`
/// # Ok::<(), everwire_ws::ProtocolError>(())
/// ```
#[derive(Debug)]
pub struct Connection {
    role: Role,
    phase: Phase,
    decoder: Decoder,
    encoder: Encoder,
    deflater: Option<Deflater>,
    pongs: Pongs,
    /// The caller answers pings.
    leaves_pings: bool,
    /// A message is under way in fragments: no other may begin before its last one.
    in_message: bool,
    /// Messages came out that the caller may not have answered yet.
    in_batch: bool,
    /// A violation behind messages that the caller may still answer.
    deferred: Option<ProtocolError>,
}

impl Connection {
    /// A connection whose opening handshake is done.
    ///
    /// `mask_seed` feeds the generator of a client's masking keys, which a peer must not be able to predict (RFC 6455
    /// section 10.3): take it from the operating system's randomness. A server ignores it.
    #[must_use]
    pub fn new(role: Role, config: Config, mask_seed: [u8; 32]) -> Self {
        let (masked, keys) = match role {
            Role::Client => (false, Some(Box::new(MaskKeys::new(mask_seed)))),
            Role::Server => (true, None),
        };
        Self {
            role,
            phase: Phase::Open,
            decoder: Decoder::new(masked, config.limits, &config.extensions),
            encoder: Encoder::new(keys),
            deflater: config.extensions.deflate.as_ref().map(Deflater::new),
            pongs: Pongs::default(),
            leaves_pings: false,
            in_message: false,
            in_batch: false,
            deferred: None,
        }
    }

    /// The buffer that arriving bytes are appended to; append only. See [`reserve`](Self::reserve).
    pub fn read_buffer(&mut self) -> &mut BytesMut {
        self.decoder.buffer(0)
    }

    /// The buffer that arriving bytes are appended to, with spare room to read about `wanted` bytes into (at least one).
    ///
    /// In the middle of a long binary frame it is the message's own buffer, so that its payload is not copied.
    pub fn reserve(&mut self, wanted: usize) -> &mut BytesMut {
        self.decoder.buffer(wanted.max(1))
    }

    /// Appends what has arrived.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.read_buffer().extend_from_slice(bytes);
    }

    /// The next thing the peer sent, `None` when more bytes are needed.
    ///
    /// # Errors
    /// When the peer breaks a rule. The close frame that tells it is then queued, the phase is [`Phase::Closed`], and
    /// further calls return `None`.
    ///
    /// If messages came before it since [`end_batch`](Self::end_batch), one `None` comes first and the error with the
    /// next call, so that a caller who answers after each batch gets its answers out in front of the close frame.
    /// [`is_failing`](Self::is_failing) tells such a `None` from one that asks for more bytes.
    #[inline]
    pub fn next_incoming(&mut self) -> Result<Option<Incoming>, ProtocolError> {
        if self.phase != Phase::Closed
            && self.deferred.is_none()
            && let Some(whole) = self.decoder.next_short()
        {
            return match whole.into_short_message() {
                Some(message) => {
                    self.in_batch = true;
                    Ok(Some(Incoming::Message(message)))
                }
                None => self.violated(ProtocolError::InvalidUtf8),
            };
        }
        self.next_other()
    }

    /// The next message as it stands in the read buffer, without an allocation: for a caller that is done with it before
    /// it takes the next one.
    ///
    /// `None` says nothing about what has arrived: what is not a whole, valid and uncompressed message in one frame is
    /// left to [`next_incoming`](Self::next_incoming). Call that then, until it says `None` too.
    ///
    /// ```
    /// use everwire_ws::{Config, Connection, Message, MessageRef, Role};
    ///
    /// let mut client = Connection::new(Role::Client, Config::default(), [7; 32]);
    /// let mut server = Connection::new(Role::Server, Config::default(), [0; 32]);
    /// assert!(client.send(&Message::text("1")) && client.send(&Message::text("2")));
    /// server.receive(&client.outgoing().split());
    ///
    /// let mut sum = 0;
    /// while let Some(MessageRef::Text(text)) = server.next_ref() {
    ///     sum += text.parse::<i32>()?;
    /// }
    /// assert_eq!(sum, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn next_ref(&mut self) -> Option<MessageRef<'_>> {
        if self.phase == Phase::Closed || self.deferred.is_some() {
            return None;
        }
        let message = self.decoder.next_whole()?.in_place();
        match &message {
            Some(_) => self.in_batch = true,
            None => self.deferred = Some(ProtocolError::InvalidUtf8),
        }
        message
    }

    /// What is not a short message in one frame.
    #[inline(never)] // out of the way of short messages
    fn next_other(&mut self) -> Result<Option<Incoming>, ProtocolError> {
        if self.phase == Phase::Closed {
            self.decoder.discard();
            return Ok(None);
        }
        if let Some(error) = self.deferred.take() {
            return Err(self.fail(error));
        }
        if let Some(whole) = self.decoder.next_long() {
            return match whole.into_message() {
                Some(message) => {
                    self.in_batch = true;
                    Ok(Some(Incoming::Message(message)))
                }
                None => self.violated(ProtocolError::InvalidUtf8),
            };
        }
        let incoming = match self.decoder.next() {
            Ok(incoming) => incoming,
            Err(error) => return self.violated(error),
        };
        match &incoming {
            None | Some(Incoming::Pong(_)) => {}
            Some(Incoming::Message(_)) => self.in_batch = true,
            Some(Incoming::Ping(_)) if self.leaves_pings => {}
            Some(Incoming::Ping(payload)) => self.answer(payload),
            Some(Incoming::Close(frame)) => self.on_close(frame.as_ref()),
        }
        self.check();
        Ok(incoming)
    }

    /// Encodes a message into the outgoing buffer, without I/O.
    ///
    /// `false` if a close frame is queued: nothing may follow it, and the message is not sent. The same while a message is
    /// under way in fragments ([`start_fragmented`](Self::start_fragmented)), which no other may interrupt.
    ///
    /// With compression agreed on, the message is compressed as [`Compress::Auto`] says.
    #[inline]
    #[must_use = "a message is refused once the connection is closing"]
    pub fn send(&mut self, message: &Message) -> bool {
        self.send_with(message, Compress::Auto)
    }

    /// [`send`](Self::send), with a say in whether this message is compressed.
    ///
    /// ```
    /// use everwire_ws::{Compress, Config, Connection, Message, Role};
    ///
    /// let mut client = Connection::new(Role::Client, Config::default(), [7; 32]);
    /// assert!(client.send_with(&Message::binary(vec![0xff, 0xd8, 0xff]), Compress::No)); // a picture
    /// ```
    #[inline]
    #[must_use = "a message is refused once the connection is closing"]
    pub fn send_with(&mut self, message: &Message, compress: Compress) -> bool {
        self.send_parts(&[], message, compress)
    }

    /// [`send`](Self::send) for a message that goes behind a prefix in the same frame, as subprotocols with a header of
    /// their own need it. Into a text only text may go: a prefix that is not
    /// UTF-8 makes the frame one that the peer has to refuse (RFC 6455 section 8.1).
    ///
    /// ```
    /// use everwire_ws::{Config, Connection, Message, Role};
    ///
    /// let mut server = Connection::new(Role::Server, Config::default(), [0; 32]);
    /// assert!(server.send_prefixed(b"m1:", &Message::text("hello")));
    /// assert_eq!(&server.outgoing()[..], b"\x81\x08m1:hello");
    /// ```
    #[inline]
    #[must_use = "a message is refused once the connection is closing"]
    pub fn send_prefixed(&mut self, prefix: &[u8], message: &Message) -> bool {
        self.send_parts(prefix, message, Compress::Auto)
    }

    /// Begins a message that goes out in several frames: a prefix and a payload as of [`send_prefixed`](Self::send_prefixed).
    /// Nothing is queued yet; that is for [`send_fragment`](Self::send_fragment), and until its last frame is queued no
    /// other message is accepted. Pings, pongs and close frames are: they go between the frames.
    ///
    /// With compression agreed on, the message is compressed here, and what results is what is cut into frames.
    ///
    /// `None` if a close frame is queued, or another message is under way in fragments. A value that is dropped before its
    /// last frame leaves a connection on which only control frames can be sent: close it.
    ///
    /// ```
    /// use everwire_ws::{CloseCode, Config, Connection, Incoming, Message, Role};
    ///
    /// let mut server = Connection::new(Role::Server, Config::default(), [0; 32]);
    /// let mut fragmented = server.start_fragmented(&[], &Message::text("hello")).unwrap();
    /// assert!(server.send_fragment(&mut fragmented, 3)); // there is more
    /// assert!(server.ping(b"?"));
    /// assert!(!server.send_fragment(&mut fragmented, 3)); // that was the last
    /// assert_eq!(&server.outgoing()[..], b"\x01\x03hel\x89\x01?\x80\x02lo");
    /// ```
    #[must_use = "a message that is begun has to be sent to its end"]
    pub fn start_fragmented(&mut self, prefix: &[u8], message: &Message) -> Option<Fragmented> {
        if self.phase != Phase::Open || self.in_message {
            return None;
        }
        self.in_message = true;
        let (opcode, payload) = (data_opcode(message), message.as_bytes());
        if let Some(deflater) = &mut self.deflater {
            let compressed = match prefix {
                [] => deflater.deflate(payload, Bytes::copy_from_slice),
                prefix => deflater.deflate(&[prefix, payload].concat(), Bytes::copy_from_slice),
            };
            if let Some(payload) = compressed {
                return Some(Fragmented { opcode, compressed: true, prefix: Bytes::new(), payload, done: false });
            }
        }
        let prefix = Bytes::copy_from_slice(prefix);
        Some(Fragmented { opcode, compressed: false, prefix, payload: payload.clone(), done: false })
    }

    /// Queues the next frame of a message, with at most `most` bytes of it (at least one). Whether there are more: `false`
    /// once the last one is queued, and once a close frame is, after which the rest is not sent.
    pub fn send_fragment(&mut self, fragmented: &mut Fragmented, most: usize) -> bool {
        if self.phase != Phase::Open || fragmented.done {
            return false;
        }
        let prefix = fragmented.prefix.split_to(fragmented.prefix.len().min(most.max(1)));
        let room = most.max(1) - prefix.len();
        let payload = fragmented.payload.split_to(fragmented.payload.len().min(room));
        fragmented.done = fragmented.remaining() == 0;
        let Fragmented { opcode, compressed, done, .. } = *fragmented;
        self.encoder.fragment(opcode, compressed, done, &prefix, &payload);
        (fragmented.opcode, fragmented.compressed) = (Opcode::Continuation, false);
        self.in_message = !done;
        !done
    }

    /// Queues a message that was encoded once for many connections, in the form that this one may carry.
    ///
    /// A client masks each frame anew, and a context of one's own takes no foreign message: they encode it as
    /// [`send`](Self::send) does. `false` if a close frame is queued.
    #[must_use = "a message is refused once the connection is closing"]
    pub fn send_prepared(&mut self, prepared: &Prepared) -> bool {
        if self.phase != Phase::Open || self.in_message {
            return false;
        }
        match self.role {
            Role::Server => match prepared.frame(self.deflater.as_ref()) {
                Some(frame) => {
                    self.encoder.encoded(frame);
                    true
                }
                None => self.send(prepared.message()),
            },
            Role::Client => self.send(prepared.message()),
        }
    }

    /// Queues a ping. `false` if a close frame is queued.
    ///
    /// A payload may have 125 bytes; a longer one is a mistake of the caller and is cut there.
    pub fn ping(&mut self, payload: &[u8]) -> bool {
        debug_assert!(payload.len() <= MAX_CONTROL, "a ping's payload has at most {MAX_CONTROL} bytes");
        self.frame(Opcode::Ping, &payload[..payload.len().min(MAX_CONTROL)])
    }

    /// Leaves the answers to pings to the caller ([`pong`](Self::pong)), or answers each as it is read, which is the default. For
    /// an end whose pong is to say more than that the ping was read, and so has to wait for something. The peer may give up a
    /// connection on which it waits for long (RFC 6455 section 5.5.2 asks for an answer "as soon as is practical").
    pub fn leave_pings(&mut self, to_the_caller: bool) {
        self.leaves_pings = to_the_caller;
    }

    /// Answers a ping that was left to the caller, with its payload. `false` if a close frame is queued.
    ///
    /// ```
    /// use everwire_ws::{Config, Connection, Incoming, Role};
    ///
    /// let mut client = Connection::new(Role::Client, Config::default(), [7; 32]);
    /// let mut server = Connection::new(Role::Server, Config::default(), [0; 32]);
    /// server.leave_pings(true);
    /// client.ping(b"stored?");
    /// server.receive(&client.outgoing().split());
    /// let Some(Incoming::Ping(payload)) = server.next_incoming()? else { panic!() };
    /// assert_eq!(server.buffered(), 0);
    /// assert!(server.pong(&payload)); // some time later
    /// assert_eq!(&server.outgoing()[..], b"\x8a\x07stored?");
    /// # Ok::<(), everwire_ws::ProtocolError>(())
    /// ```
    pub fn pong(&mut self, payload: &Bytes) -> bool {
        debug_assert!(payload.len() <= MAX_CONTROL, "a pong's payload has at most {MAX_CONTROL} bytes");
        self.answer(&payload.slice(..payload.len().min(MAX_CONTROL)));
        self.phase == Phase::Open
    }

    /// Queues a close frame, once: further calls change nothing.
    ///
    /// A reason over 123 bytes is cut at a character boundary. A code that may not stand on the wire, such as
    /// [`CloseCode::NO_STATUS`], makes a close frame without code and reason.
    pub fn close(&mut self, code: CloseCode, reason: &str) {
        if self.phase != Phase::Open {
            return;
        }
        self.phase = Phase::CloseSent;
        if !code.is_allowed_on_wire() {
            self.encoder.frame(Opcode::Close, &[]);
            return;
        }
        let mut payload = [0; MAX_CONTROL];
        let reason = fitting_reason(reason).as_bytes();
        payload[..2].copy_from_slice(&code.0.to_be_bytes());
        payload[2..2 + reason.len()].copy_from_slice(reason);
        self.encoder.frame(Opcode::Close, &payload[..2 + reason.len()]);
    }

    /// Bytes for the transport; the caller takes from the front what it has written
    /// ([`Buf::advance`](bytes::Buf::advance)).
    ///
    /// A held-back pong may appear here after a write: ask again until it is empty.
    pub fn outgoing(&mut self) -> &mut BytesMut {
        self.output().gathered()
    }

    /// What [`outgoing`](Self::outgoing) gives, for a transport that writes vectored
    /// ([`Buf::chunks_vectored`](bytes::Buf::chunks_vectored)): a server's payloads of 16 KiB and more are not copied
    /// here, but stand in pieces of their own.
    ///
    /// ```
    /// use bytes::Buf;
    /// use std::io::IoSlice;
    /// use everwire_ws::{Config, Connection, Message, Role};
    ///
    /// let picture = bytes::Bytes::from(vec![7; 1 << 20]);
    /// let mut server = Connection::new(Role::Server, Config::default(), [0; 32]);
    /// assert!(server.send(&Message::binary(picture.clone())));
    ///
    /// let mut outgoing = server.outgoing_pieces();
    /// let mut slices = [IoSlice::new(&[]); 8];
    /// assert_eq!(outgoing.chunks_vectored(&mut slices), 2); // a header, and the payload where it was
    /// assert_eq!(slices[1].as_ptr(), picture.as_ptr());
    /// outgoing.advance(10 + (1 << 20)); // all written
    /// assert_eq!(server.buffered(), 0);
    /// ```
    pub fn outgoing_pieces(&mut self) -> &mut impl Buf {
        self.output()
    }

    /// Bytes in the outgoing buffer.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.encoder.buffered()
    }

    /// Bytes ever put into the outgoing buffer: a frame is wholly written when the transport has taken as many as this
    /// said right after the frame was queued.
    #[must_use]
    pub fn queued_total(&self) -> u64 {
        self.encoder.queued_total()
    }

    /// Which end we are.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Where the closing handshake stands.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Says that the messages so far have had their time to be answered: an error behind them need not be held back. To
    /// be called when the transport has nothing more to read.
    pub fn end_batch(&mut self) {
        self.in_batch = false;
    }

    /// Whether the next call of [`next_incoming`](Self::next_incoming) returns an error that it has held back.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.deferred.is_some()
    }

    /// Gives back what an idle connection can do without: the [buffers](Self::release_buffers), and the context of what
    /// we send compressed (some 260 KiB, if one was agreed on). The next message starts a new context, and is larger by
    /// what it could have referred to. The peer's context can't be given back: it may refer to it at any time.
    pub fn release_memory(&mut self) {
        self.release_buffers();
        if let Some(deflater) = &mut self.deflater {
            deflater.release();
        }
    }

    /// Gives back the buffers that hold nothing, but for some hundred bytes. They come back when needed.
    pub fn release_buffers(&mut self) {
        self.decoder.release_memory();
        self.encoder.release_memory();
    }

    #[inline]
    fn send_parts(&mut self, prefix: &[u8], message: &Message, compress: Compress) -> bool {
        if self.phase != Phase::Open || self.in_message {
            return false;
        }
        let (opcode, payload) = (data_opcode(message), message.as_bytes());
        if self.deflater.is_some() && compress == Compress::Auto {
            let sent = match prefix {
                [] => self.send_compressed(opcode, payload),
                prefix => self.send_compressed(opcode, &[prefix, payload].concat()),
            };
            if sent {
                return true;
            }
        }
        self.encoder.message(opcode, prefix, payload);
        true
    }

    fn output(&mut self) -> &mut Output {
        if self.pongs.held_back.is_some() {
            self.answer_held_back();
        }
        self.encoder.output()
    }

    /// Compresses and queues a message; false if it is to go as it is.
    #[inline(never)] // out of the way of plain messages
    fn send_compressed(&mut self, opcode: Opcode, payload: &[u8]) -> bool {
        let Some(deflater) = &mut self.deflater else { return false };
        deflater.deflate(payload, |compressed| self.encoder.compressed(opcode, compressed)).is_some()
    }

    fn frame(&mut self, opcode: Opcode, payload: &[u8]) -> bool {
        if self.phase != Phase::Open {
            return false;
        }
        self.encoder.frame(opcode, payload);
        true
    }

    /// The peer broke a rule: now, or behind messages that are to be answered first.
    #[cold]
    fn violated(&mut self, error: ProtocolError) -> Result<Option<Incoming>, ProtocolError> {
        if std::mem::take(&mut self.in_batch) {
            self.deferred = Some(error);
            self.check();
            return Ok(None);
        }
        Err(self.fail(error))
    }

    #[cold]
    fn fail(&mut self, error: ProtocolError) -> ProtocolError {
        self.close(error.close_code(), &error.to_string());
        self.end();
        self.check();
        error
    }

    /// Answers the peer's close frame with its own code (section 5.5.1).
    fn on_close(&mut self, frame: Option<&CloseFrame>) {
        self.close(frame.map_or(CloseCode::NO_STATUS, |frame| frame.code), "");
        self.end();
    }

    /// What holds between calls: an error that is held back is reported before the end, and nothing is kept behind it.
    fn check(&self) {
        let closed = self.phase == Phase::Closed;
        debug_assert!(!closed || self.deferred.is_none(), "the peer was told of an error that the caller was not");
        debug_assert!(!closed || self.pongs.held_back.is_none(), "no pong follows a close frame");
        debug_assert!(!closed || self.deflater.is_none(), "nothing more is compressed");
    }

    fn end(&mut self) {
        self.phase = Phase::Closed;
        self.pongs.held_back = None;
        self.deflater = None;
        self.decoder.discard();
    }

    fn answer(&mut self, payload: &Bytes) {
        if self.phase != Phase::Open {
            return;
        }
        let written = self.encoder.queued_total() - self.encoder.buffered() as u64;
        if self.pongs.is_full(written) {
            self.pongs.held_back = Some(payload.clone());
            return;
        }
        let before = self.encoder.queued_total();
        self.encoder.frame(Opcode::Pong, payload);
        self.pongs.queued(before, self.encoder.queued_total());
    }

    #[cold]
    fn answer_held_back(&mut self) {
        if let Some(payload) = self.pongs.held_back.take() {
            self.answer(&payload);
        }
    }
}
