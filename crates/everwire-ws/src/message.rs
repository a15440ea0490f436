use bytes::Bytes;
use bytestring::ByteString;

use crate::CloseFrame;

/// A data message. Cloning is cheap: the payload is reference-counted.
///
/// A received message has an allocation of its own: it can be kept without keeping other memory alive, and dropped on
/// another thread without contention.
///
/// ```
/// use everwire_ws::Message;
///
/// let message = Message::text("hello");
/// assert_eq!(message.as_text(), Some("hello"));
/// assert_eq!(Message::from(vec![1, 2, 3]).len(), 3);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// UTF-8 text.
    Text(ByteString),
    /// Bytes.
    Binary(Bytes),
}

impl Message {
    /// A text message.
    #[must_use]
    pub fn text(text: impl Into<ByteString>) -> Self {
        Self::Text(text.into())
    }

    /// A binary message.
    #[must_use]
    pub fn binary(data: impl Into<Bytes>) -> Self {
        Self::Binary(data.into())
    }

    /// The payload, whatever its type.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(data) => data,
        }
    }

    /// The number of bytes of payload.
    #[must_use]
    pub fn len(&self) -> usize {
        self.payload().len()
    }

    /// Returns `true` if the payload is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The text; `None` if the message is binary.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(_) => None,
        }
    }

    /// Returns the payload by value, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        match self {
            Self::Text(text) => text.into_bytes(),
            Self::Binary(data) => data,
        }
    }
}

impl Message {
    /// The payload, to be shared.
    #[inline]
    pub(crate) fn as_bytes(&self) -> &Bytes {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(data) => data,
        }
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<ByteString> for Message {
    fn from(text: ByteString) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<u8>> for Message {
    fn from(data: Vec<u8>) -> Self {
        Self::Binary(data.into())
    }
}

impl From<&[u8]> for Message {
    fn from(data: &[u8]) -> Self {
        Self::Binary(Bytes::copy_from_slice(data))
    }
}

impl From<Bytes> for Message {
    fn from(data: Bytes) -> Self {
        Self::Binary(data)
    }
}

/// A data message in the read buffer; see [`Connection::next_ref`](crate::Connection::next_ref).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageRef<'a> {
    /// UTF-8 text.
    Text(&'a str),
    /// Bytes.
    Binary(&'a [u8]),
}

impl MessageRef<'_> {
    /// The payload, whatever its type.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(data) => data,
        }
    }

    /// A copy to keep.
    #[must_use]
    pub fn to_message(&self) -> Message {
        match *self {
            Self::Text(text) => text.into(),
            Self::Binary(data) => data.into(),
        }
    }
}

impl<'a> From<&'a Message> for MessageRef<'a> {
    fn from(message: &'a Message) -> Self {
        match message {
            Message::Text(text) => Self::Text(text),
            Message::Binary(data) => Self::Binary(data),
        }
    }
}

/// A message, ping, pong or close frame of the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A whole data message.
    Message(Message),
    /// A ping. Its pong is already in the outgoing buffer (see [`Connection`](crate::Connection) for a flood of pings),
    /// unless pings are [left to the caller](crate::Connection::leave_pings).
    Ping(Bytes),
    /// A pong, asked for or not (RFC 6455 section 5.5.3).
    Pong(Bytes),
    /// The peer's close frame; `None` if it has no code. If no close frame of ours was queued before, the answer is
    /// queued now. Nothing follows it.
    Close(Option<CloseFrame>),
}
