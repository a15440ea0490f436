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

impl From<Message> for Prepared {
    fn from(message: Message) -> Self {
        Self::new(message)
    }
}
