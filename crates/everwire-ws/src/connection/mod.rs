//! An established connection: its state and its bounds.
//!
//! - `receive`: bytes in, messages out
//! - `send`: messages in, bytes out
//! - `control`: pings, pongs and the closing handshake

use crate::decode::Decoder;
use crate::deflate::Deflater;
use crate::encode::Encoder;
use crate::frame::MaskKeys;
use crate::pongs::Pongs;
use crate::{Deflate, Extensions, Limits, ProtocolError};

mod control;
mod receive;
mod send;

/// The end of the connection that we are.
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
    /// The limits of what the peer may send.
    pub limits: Limits,
    /// The extensions that the opening handshake has negotiated. Default: none.
    pub extensions: Extensions,
    /// The settings by which an opening handshake may negotiate permessage-deflate. Default: none, no compression. A
    /// [`Connection`] itself uses only [`extensions`](Self::extensions).
    pub compression: Option<Deflate>,
}

/// The state of the closing handshake (RFC 6455 section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Data may flow both ways.
    Open,
    /// Our close frame is queued or sent, the peer's has not come: its messages still arrive, and messages of ours are
    /// refused.
    CloseSent,
    /// Both sides have sent close frames, or the peer broke the protocol: write what is queued, then drop the
    /// transport.
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
/// Incoming messages: [`Limits`]. The header of a long frame alone makes it allocate at most 64 KiB; beyond that memory
/// grows with what has arrived. Outgoing messages: the caller, who checks [`buffered`](Self::buffered) before it sends
/// more. Pongs have a bound of their own, since the peer causes them: while 4 KiB of pongs are unwritten, only the
/// latest of further pings is answered (RFC 6455 section 5.5.3), once those pongs are written. That applies to
/// [`pong`](Self::pong) too.
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
    /// A connection after its opening handshake.
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

    /// The end of the connection that we are.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The state of the closing handshake.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Frees the memory that an idle connection does not need: the [buffers](Self::release_buffers), and the
    /// compression context of our own messages (some 260 KiB, if one was agreed on). The next message starts a new
    /// context, and compresses less. The context of the peer's messages can't be freed, since the peer may refer to it
    /// at any time.
    pub fn release_memory(&mut self) {
        self.release_buffers();
        if let Some(deflater) = &mut self.deflater {
            deflater.release();
        }
    }

    /// Frees empty buffers, except for some hundred bytes. They are allocated again when needed.
    pub fn release_buffers(&mut self) {
        self.decoder.release_memory();
        self.encoder.release_memory();
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
}
