//! Messages that lie in the input as a whole, in one frame: nearly all do.

use bytes::Bytes;

use crate::frame::{Key, apply_mask};
use crate::{Message, MessageRef};

/// A message in its frame, still masked. Whether its text is valid is still to be seen.
#[derive(Debug)]
pub(crate) struct Whole<'a> {
    pub(super) is_text: bool,
    pub(super) key: Option<Key>,
    pub(super) payload: &'a mut [u8],
}

/// Below this length, the standard library validates text as fast as simdutf8 does.
pub(super) const SHORT: u8 = 64;

/// Below this length a message is copied before it is unmasked: to copy what has just been written in other steps is
/// slow.
const COPIED_FIRST: usize = 512;

impl<'a> Whole<'a> {
    /// A copy of a message that is [`SHORT`], with an allocation of its own; `None` if its text is invalid.
    #[inline]
    pub(crate) fn into_short_message(self) -> Option<Message> {
        let (is_text, data) = (self.is_text, self.into_vec());
        Some(if is_text { Message::Text(String::from_utf8(data).ok()?.into()) } else { Message::Binary(data.into()) })
    }

    /// The same for one of any length.
    #[inline]
    pub(crate) fn into_message(self) -> Option<Message> {
        if self.payload.len() >= COPIED_FIRST {
            return Some(match self.in_place()? {
                MessageRef::Text(text) => Message::Text(text.into()),
                MessageRef::Binary(data) => Message::Binary(Bytes::copy_from_slice(data)),
            });
        }
        let (is_text, data) = (self.is_text, self.into_vec());
        if !is_text {
            return Some(Message::Binary(data.into()));
        }
        if data.is_ascii() {
            return Some(Message::Text(String::from_utf8(data).ok()?.into()));
        }
        Some(Message::Text(simdutf8::basic::from_utf8(&data).ok()?.into()))
    }

    /// The message where it stands; `None` if its text is invalid.
    #[inline]
    pub(crate) fn in_place(self) -> Option<MessageRef<'a>> {
        if let Some(key) = self.key {
            apply_mask(self.payload, key);
        }
        let payload: &'a [u8] = self.payload;
        Some(if !self.is_text {
            MessageRef::Binary(payload)
        } else if payload.len() < usize::from(SHORT) {
            MessageRef::Text(std::str::from_utf8(payload).ok()?)
        } else {
            MessageRef::Text(simdutf8::basic::from_utf8(payload).ok()?)
        })
    }

    #[inline]
    fn into_vec(self) -> Vec<u8> {
        let mut data = self.payload.to_vec();
        if let Some(key) = self.key {
            apply_mask(&mut data, key);
        }
        data
    }
}
