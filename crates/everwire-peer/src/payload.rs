//! What calls and replies are made of.

use bytes::Bytes;
use everwire_calls::{Failure, Frame, codes};
use everwire_ws::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// JSON: as an argument of a handler what the payload says, as a payload or a reply what is to be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

/// A payload of a call, a reply or an item.
pub trait IntoPayload {
    /// The message.
    ///
    /// # Errors
    /// An error in its place: of the application's, or that it can't be written.
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

/// A message of the application's own, written so that an end that knows calls takes it for none of theirs: it only
/// changes one that begins with `@`.
#[must_use]
pub fn own_message(message: impl Into<Message>) -> Message {
    Frame::Plain(message.into()).to_message()
}

pub(crate) fn from_json<T: DeserializeOwned>(message: &Message) -> Result<T, serde_json::Error> {
    serde_json::from_slice(message.payload())
}
