//! What calls and replies are made of.

use bytes::Bytes;
use everwire_calls::{Failure, Frame, codes};
use everwire_ws::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A value as JSON: as an argument of a handler it is read from the payload; as a payload or a reply it is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

/// A type that can be the payload of a call, a reply or an item.
pub trait IntoPayload {
    /// Makes the message.
    ///
    /// # Errors
    /// The error that is sent in its place: the application's own, or that the value can't be written.
    fn into_payload(self) -> Result<Message, Failure>;
}

impl<T: Serialize> IntoPayload for Json<T> {
    fn into_payload(self) -> Result<Message, Failure> {
        let written = serde_json::to_string(&self.0);
        written.map(Message::from).map_err(|error| Failure::new(codes::BAD_PAYLOAD, error.to_string()))
    }
}

impl IntoPayload for Message {
    fn into_payload(self) -> Result<Message, Failure> {
        Ok(self)
    }
}

impl IntoPayload for () {
    fn into_payload(self) -> Result<Message, Failure> {
        Ok("".into())
    }
}

macro_rules! payloads {
    ($($type:ty),+) => {
        $(impl IntoPayload for $type {
            fn into_payload(self) -> Result<Message, Failure> {
                Ok(self.into())
            }
        })+
    };
}

payloads!(&str, String, Bytes, Vec<u8>, &[u8]);

impl<T: IntoPayload, E: Into<Failure>> IntoPayload for Result<T, E> {
    fn into_payload(self) -> Result<Message, Failure> {
        self.map_err(Into::into).and_then(IntoPayload::into_payload)
    }
}

/// A message of the application in a form that an end with calls does not take for a frame of calls. It changes only
/// messages that begin with `@`.
#[must_use]
pub fn own_message(message: impl Into<Message>) -> Message {
    Frame::Plain(message.into()).to_message()
}

pub(crate) fn from_json<T: DeserializeOwned>(message: &Message) -> Result<T, serde_json::Error> {
    serde_json::from_slice(message.payload())
}
