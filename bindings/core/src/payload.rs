//! What a message carries.

use everwire::Message;

/// A message's payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// UTF-8 text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

impl From<Message> for Payload {
    fn from(message: Message) -> Self {
        match message {
            Message::Text(text) => Self::Text(text.to_string()),
            Message::Binary(bytes) => Self::Binary(bytes.into()),
        }
    }
}

impl From<Payload> for Message {
    fn from(payload: Payload) -> Self {
        match payload {
            Payload::Text(text) => text.into(),
            Payload::Binary(bytes) => bytes.into(),
        }
    }
}

pub(crate) fn payloads(messages: Vec<Message>) -> Vec<Payload> {
    messages.into_iter().map(Payload::from).collect()
}
