//! Messages in, bytes out.

use bytes::{Buf, Bytes, BytesMut};

use super::{Connection, Phase, Role};
use crate::encode::data_opcode;
use crate::frame::Opcode;
use crate::output::Output;
use crate::{Compress, Fragmented, Message, Prepared};

impl Connection {
    /// Encodes a message into the outgoing buffer, without I/O.
    ///
    /// Returns `false` if the message is not sent: after a close frame, which nothing may follow, and while another
    /// message is being sent in fragments ([`start_fragmented`](Self::start_fragmented)), which no message may
    /// interrupt.
    ///
    /// With compression agreed on, the message is compressed as [`Compress::Auto`] says.
    #[inline]
    #[must_use = "a message is refused once the connection is closing"]
    pub fn send(&mut self, message: &Message) -> bool {
        self.send_with(message, Compress::Auto)
    }

    /// Like [`send`](Self::send); `compress` says whether this message may be compressed.
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

    /// Like [`send`](Self::send), with a prefix before the payload in the same frame, for subprotocols with a header of
    /// their own. Before a text the prefix must be UTF-8, else the peer has to refuse the frame (RFC 6455 section 8.1).
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

    /// Begins a message that is sent in several frames: a prefix and a payload as with
    /// [`send_prefixed`](Self::send_prefixed). Nothing is queued yet; [`send_fragment`](Self::send_fragment) does that.
    /// Until the last frame is queued no other message is accepted; pings, pongs and close frames are, and go between
    /// the frames.
    ///
    /// With compression agreed on, the message is compressed here, and the result is cut into frames.
    ///
    /// Returns `None` if a close frame is queued, or another message is being sent in fragments. If the returned value
    /// is dropped before its last frame, only control frames can be sent on the connection: close it then.
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

    /// Queues the next frame of a message, with at most `most` bytes of it (at least one). Returns `true` if more
    /// frames are left; `false` once the last one is queued, or a close frame, after which the rest is not sent.
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

    /// Queues a message that was encoded once for many connections, in the form that this connection needs.
    ///
    /// A client, which masks each frame differently, and a connection with a compression context encode the message
    /// themselves, as [`send`](Self::send) does. Returns `false` if the message is not sent, as [`send`](Self::send)
    /// does.
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

    /// The bytes for the transport; the caller removes from the front what it has written
    /// ([`Buf::advance`](bytes::Buf::advance)).
    ///
    /// A pong that was held back may appear here after a write: call it again until the buffer is empty.
    pub fn outgoing(&mut self) -> &mut BytesMut {
        self.output().gathered()
    }

    /// The bytes of [`outgoing`](Self::outgoing), for a transport that writes vectored
    /// ([`Buf::chunks_vectored`](bytes::Buf::chunks_vectored)): a server's payloads of 16 KiB and more are not copied,
    /// but are separate pieces.
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

    /// The number of bytes in the outgoing buffer.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.encoder.buffered()
    }

    /// The number of bytes ever put into the outgoing buffer: a frame is wholly written when the transport has taken as
    /// many bytes as this returned right after the frame was queued.
    #[must_use]
    pub fn queued_total(&self) -> u64 {
        self.encoder.queued_total()
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
}
