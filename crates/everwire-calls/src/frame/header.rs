//! The line before a payload, and what stands in it.

use std::fmt::{self, Write as _};
use std::ops::Deref;

use bytes::Buf;
use bytestring::ByteString;
use everwire_ws::Message;

/// The highest id and the highest number of an item: 2^53 - 1.
pub const MAX_ID: u64 = (1 << 53) - 1;
/// A text below this length is copied when a long header is cut off, which it would hold in memory.
const WORTH_SHARING: usize = 4096;
/// A header up to this length is worth no copy.
const SHORT_HEADER: usize = 64;

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
    let plain = (1..=16).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = text.len() > 1 && text.starts_with('0');
    match text.parse() {
        Ok(value) if plain && !leading_zero && value <= MAX_ID => Ok(value),
        _ => Err(FrameError::BadNumber),
    }
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
            let is_copied = length > SHORT_HEADER && rest.len() < WORTH_SHARING;
            let rest = if is_copied { ByteString::from(rest) } else { text.slice_ref(rest) };
            Ok(Message::Text(rest))
        }
    }
}

/// A short header, without an allocation.
pub(super) struct Header {
    bytes: [u8; 64],
    length: usize,
}

impl Header {
    /// An id and a number have 16 digits each.
    pub(super) fn new(words: fmt::Arguments<'_>) -> Self {
        let mut header = Self { bytes: [0; 64], length: 0 };
        let _ = header.write_fmt(words);
        header
    }
}

impl fmt::Write for Header {
    fn write_str(&mut self, words: &str) -> fmt::Result {
        let end = self.length.saturating_add(words.len());
        self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?.copy_from_slice(words.as_bytes());
        self.length = end;
        Ok(())
    }
}

impl Deref for Header {
    type Target = str;

    fn deref(&self) -> &str {
        self.bytes.get(..self.length).and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

pub(super) fn join(header: &str, payload: &Message) -> Message {
    match payload {
        Message::Text(text) => Message::text([header, text].concat()),
        Message::Binary(data) => Message::binary([header.as_bytes(), data].concat()),
    }
}
