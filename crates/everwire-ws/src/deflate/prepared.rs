use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::WindowBits;
use super::deflater::{Deflater, Shared, deflate_alone};
use crate::Message;
use crate::encode::{data_opcode, server_frame};

/// A server's message for many connections: encoded once, and compressed once.
///
/// [`Connection::send_prepared`](crate::Connection::send_prepared) picks the form for its connection. Where compression
/// without a context was agreed on, all connections with the same window share one compressed form (made when the first
/// of them needs it, at its level). A connection with a context compresses the message itself. Cloning is cheap, and
/// clones share everything.
///
/// ```
/// use everwire_ws::{Config, Connection, Incoming, Message, Prepared, Role};
///
/// let news = Prepared::new(Message::text("good morning, all of you"));
/// for _member in 0..3 {
///     let mut server = Connection::new(Role::Server, Config::default(), [0; 32]);
///     assert!(server.send_prepared(&news));
///     assert_eq!(server.buffered(), 2 + news.message().len());
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Prepared(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    message: Message,
    plain: Bytes,
    /// By window, made when first asked for. `None` inside: it does not shrink.
    compressed: [OnceLock<Option<Bytes>>; WINDOWS],
}

const WINDOWS: usize = (WindowBits::MAX.bits() - WindowBits::MIN.bits() + 1) as usize;

impl Prepared {
    /// Encodes a message.
    #[must_use]
    pub fn new(message: Message) -> Self {
        let plain = server_frame(data_opcode(&message), false, message.payload());
        Self(Arc::new(Inner { message, plain, compressed: Default::default() }))
    }

    /// The message.
    #[must_use]
    pub fn message(&self) -> &Message {
        &self.0.message
    }

    /// The whole frame for a server's connection with or without compression. `None` if it has to encode the message
    /// for itself.
    pub(crate) fn frame(&self, deflater: Option<&Deflater>) -> Option<&Bytes> {
        let Some(deflater) = deflater else { return Some(&self.0.plain) };
        let payload = self.0.message.payload();
        let (level, window) = match deflater.takes_shared(payload.len()) {
            Shared::Plain => return Some(&self.0.plain),
            Shared::Compressed { level, window } => (level, window),
            Shared::Not => return None,
        };
        let place = usize::from(window.bits().saturating_sub(WindowBits::MIN.bits()));
        let compressed = self.0.compressed.get(place)?.get_or_init(|| {
            let compressed = deflate_alone(payload, level, window)?;
            Some(server_frame(data_opcode(&self.0.message), true, &compressed))
        });
        Some(compressed.as_ref().unwrap_or(&self.0.plain))
    }
}

/// Several of a server's messages in a row, for many connections.
///
/// [`Connection::send_prepared_batch`](crate::Connection::send_prepared_batch) queues them as
/// [`send_prepared`](crate::Connection::send_prepared) would one by one, each in a frame of its own. A connection without
/// compression takes all frames in one piece: it pays for the batch, and hardly for each message. Cloning is cheap, and
/// clones share everything.
///
/// ```
/// use everwire_ws::{Config, Connection, Message, Prepared, PreparedBatch, Role};
///
/// let lines = ["good", "morning"].map(|word| Prepared::new(Message::text(word)));
/// let batch = PreparedBatch::new(lines);
/// let mut server = Connection::new(Role::Server, Config::default(), [0; 32]);
/// assert!(server.send_prepared_batch(&batch));
/// assert_eq!(&server.outgoing()[..], b"\x81\x04good\x81\x07morning");
/// ```
#[derive(Clone, Debug)]
pub struct PreparedBatch(Arc<Frames>);

#[derive(Debug)]
struct Frames {
    messages: Box<[Prepared]>,
    /// All plain frames, one behind the other.
    plain: Bytes,
    /// Of all payloads.
    payload: usize,
}

impl PreparedBatch {
    /// The messages, in this order.
    #[must_use]
    pub fn new(messages: impl IntoIterator<Item = Prepared>) -> Self {
        let messages: Box<[Prepared]> = messages.into_iter().collect();
        let plain: Vec<u8> = messages.iter().map(|message| &message.0.plain[..]).collect::<Vec<_>>().concat();
        let payload = messages.iter().map(|message| message.message().len()).sum();
        Self(Arc::new(Frames { messages, plain: plain.into(), payload }))
    }

    /// The messages.
    #[must_use]
    pub fn messages(&self) -> &[Prepared] {
        &self.0.messages
    }

    /// The bytes of all payloads.
    #[must_use]
    pub fn payload_len(&self) -> usize {
        self.0.payload
    }

    /// All frames, for a server's connection without compression.
    pub(crate) fn plain(&self) -> &Bytes {
        &self.0.plain
    }
}

impl From<Message> for Prepared {
    fn from(message: Message) -> Self {
        Self::new(message)
    }
}
