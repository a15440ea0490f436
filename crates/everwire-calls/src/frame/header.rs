//! The line before a payload, and what stands in it.

use std::fmt;

use bytes::Buf;
use bytestring::ByteString;
use everwire_ws::Message;

/// The highest id and the highest number of an item: 2^53 - 1.
pub const MAX_ID: u64 = (1 << 53) - 1;
/// A text below this length is copied when a long header is cut off, which it would hold in memory.
const WORTH_SHARING: usize = 4096;
/// A header up to this length is worth no copy.
const SHORT_HEADER: usize = 64;
/// It costs less to look again at a text up to this length, whether it is UTF-8, than to share its memory.
const SHORT_TEXT: usize = 256;

/// A fault in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// It has a letter that is none of the protocol's.
    UnknownLetter,
    /// An id or a number is missing, zero where it may not be, too high, or written with a leading zero.
    BadNumber,
    /// A name, a key, or another part of the header is not what it should be.
    BadHeader,
    /// The JSON is not what it should be.
    BadBody,
    /// It has to be a text.
    NotText,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownLetter => "unknown frame of calls",
            Self::BadNumber => "bad id or number in a frame of calls",
            Self::BadHeader => "bad header of a frame of calls",
            Self::BadBody => "bad body of a frame of calls",
            Self::NotText => "frame of calls that has to be text",
        })
    }
}

impl std::error::Error for FrameError {}

/// Whether it is printable ASCII without spaces, not empty and not too long.
pub(crate) fn is_word(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A decimal number up to [`MAX_ID`], without leading zeros.
pub(super) fn number(text: &str) -> Result<u64, FrameError> {
    let leading_zero = text.len() > 1 && text.starts_with('0');
    if !(1..=16).contains(&text.len()) || leading_zero {
        return Err(FrameError::BadNumber);
    }
    let mut value = 0_u64;
    for byte in text.bytes() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Err(FrameError::BadNumber);
        }
        // Sixteen digits are less than 2^64.
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
    }
    if value <= MAX_ID { Ok(value) } else { Err(FrameError::BadNumber) }
}

pub(super) fn id(text: &str) -> Result<u64, FrameError> {
    number(text).and_then(|id| if id == 0 { Err(FrameError::BadNumber) } else { Ok(id) })
}

/// An id and the number of an item.
pub(super) fn two(text: &str) -> Result<(u64, u64), FrameError> {
    let (first, last) = text.split_once(' ').ok_or(FrameError::BadNumber)?;
    Ok((id(first)?, id(last)?))
}

/// The message without its first `length` bytes, which are ASCII.
pub(super) fn strip(message: Message, length: usize) -> Result<Message, FrameError> {
    match message {
        Message::Binary(mut data) => {
            data.advance(length);
            Ok(Message::Binary(data))
        }
        Message::Text(text) => {
            let rest = text.get(length..).ok_or(FrameError::BadHeader)?;
            Ok(Message::Text(if rest.len() <= SHORT_TEXT {
                let mut data = text.into_bytes();
                data.advance(length);
                ByteString::try_from(data).map_err(|_| FrameError::BadHeader)?
            } else if length > SHORT_HEADER && rest.len() < WORTH_SHARING {
                ByteString::from(rest)
            } else {
                text.slice_ref(rest)
            }))
        }
    }
}

/// A frame: the parts of its header one behind the other, and the payload.
pub(super) fn join(header: &[&str], payload: &Message) -> Message {
    let length = header.iter().map(|part| part.len()).sum::<usize>().saturating_add(payload.len());
    match payload {
        Message::Text(text) => {
            let mut frame = String::with_capacity(length);
            header.iter().for_each(|part| frame.push_str(part));
            frame.push_str(text);
            Message::text(frame)
        }
        Message::Binary(data) => {
            let mut frame = Vec::with_capacity(length);
            header.iter().for_each(|part| frame.extend_from_slice(part.as_bytes()));
            frame.extend_from_slice(data);
            Message::binary(frame)
        }
    }
}
