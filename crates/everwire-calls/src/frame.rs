//! The envelope ([C-1] to [C-5]).

pub(crate) mod batch;
mod limits;

use std::fmt::{self, Write as _};
use std::ops::Deref;

use bytes::Buf;
use bytestring::ByteString;
use everwire_ws::Message;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub use limits::Limits;
pub(crate) use limits::to_size;

use crate::{Failure, ranges};

/// The highest id and the highest number of an item: 2^53 - 1.
pub const MAX_ID: u64 = (1 << 53) - 1;
/// The longest name in bytes.
pub(crate) const MAX_NAME: usize = 128;
/// The longest key in bytes.
pub(crate) const MAX_KEY: usize = 64;
/// The longest traceparent in bytes.
pub(crate) const MAX_TRACE: usize = 256;
/// The longest header of a call in bytes.
const MAX_HEADER: usize = 1024;
/// A text below this length is copied when a long header is cut off, which it would hold in memory.
const WORTH_SHARING: usize = 4096;
/// A header up to this length is worth no copy.
const SHORT_HEADER: usize = 64;

/// A frame of calls: one reliable message of the session.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// `@h{…}`: who calls.
    Hello(Hello),
    /// `@a{…}`: the answer to a hello.
    Answer(Answer),
    /// `@c<id> <name> …` or `@s<id> <name> …`, a line's end, and the payload.
    Call(Call),
    /// `@r<id>`, a line's end, and the payload: the one reply.
    Reply(u64, Message),
    /// `@e<id>{…}`: an error in place of the reply, or of the rest of a stream.
    Error(u64, Failure),
    /// `@x<id>`: the caller has no use for it any more.
    Cancel(u64),
    /// `@i<id> <number>`, a line's end, and the payload: an item.
    Item(u64, u64, Message),
    /// `@j<id> <number> <length>…`, a line's end, and the payloads: items from this number on, all text or all binary.
    Items(u64, u64, Vec<Message>),
    /// `@k<id> <number>`: items up to this one are processed.
    Processed(u64, u64),
    /// `@d<id> <items>`: the stream ends after so many items.
    End(u64, u64),
    /// `@f<id>`: what was kept of a call with a key can be forgotten.
    Forget(u64),
    /// `@z{…}`: a rule was broken; no calls any more.
    Breach(Breach),
    /// A message of the application's own. `@m` and a line's end go before one that begins with `@`.
    Plain(Message),
}

/// The kind of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One reply.
    Call,
    /// Items, then an end.
    Stream,
}

/// A call or a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// Unique among the caller's.
    pub id: u64,
    /// One reply, or a stream.
    pub kind: Kind,
    /// The handler's name.
    pub name: String,
    /// The time that it may take from its arrival on, in milliseconds.
    pub deadline: Option<u64>,
    /// The caller's own name for it.
    pub key: Option<String>,
    /// A W3C `traceparent`.
    pub traceparent: Option<String>,
    /// Items that may be on the way. Absent: 64.
    pub window: Option<u32>,
    /// The payload for the handler.
    pub payload: Message,
}

/// The caller's identity ([C-13]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Hello {
    /// The sender's program, or at a server its end of the session: 16 hexadecimal digits in ours.
    pub instance: String,
    /// The number of the hello among those of this instance; the answer repeats it.
    pub number: u64,
    /// The id of the instance's first call.
    pub first: u64,
    /// The id of the last call that it has made before this hello; one less than `first` if there is none.
    pub last: u64,
    /// The limits of the sender.
    #[serde(flatten)]
    pub limits: Limits,
}

/// The callee's knowledge of the caller's calls ([C-14]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Answer {
    /// Of the one who answers.
    pub instance: String,
    /// The hello's instance.
    pub to: String,
    /// The hello's number.
    pub number: u64,
    /// The limits of the sender.
    #[serde(flatten)]
    pub limits: Limits,
    /// Ids of the calls without a key that run, as ascending `[first, last]` pairs.
    #[serde(default)]
    pub running: Vec<(u64, u64)>,
    /// The calls with a key, in ascending order of their ids.
    #[serde(default)]
    pub keyed: Vec<OpenCall>,
}

/// A call with a key, as the callee knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OpenCall {
    /// Its id.
    pub id: u64,
    /// One reply, or a stream.
    pub kind: Kind,
    /// The handler's name.
    pub name: String,
    /// The caller's own name for it.
    pub key: String,
    /// Items that the caller has processed.
    #[serde(default)]
    pub processed: u64,
    /// The stream's window.
    #[serde(default)]
    pub window: u32,
}

/// A rule was broken ([C-15]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Breach {
    /// Its number in `docs/calls.md`, `C-6` for example.
    pub rule: String,
    /// The instance that it is said to, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

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

/// Returns `true` if this is a frame of calls, or an application's message that is written as one.
#[must_use]
pub fn is_frame(message: &Message) -> bool {
    message.payload().first() == Some(&b'@')
}

/// Whether it is printable ASCII without spaces, not empty and not too long.
pub(crate) fn is_word(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

impl Frame {
    /// Reads a frame. A message that begins with another character than `@` is [`Plain`](Self::Plain).
    ///
    /// # Errors
    /// If it begins with `@` and is no frame. The payload is not looked at.
    pub fn parse(message: Message) -> Result<Self, FrameError> {
        let bytes = message.payload();
        if bytes.first() != Some(&b'@') {
            return Ok(Self::Plain(message));
        }
        let letter = bytes.get(1).copied().unwrap_or_default();
        match letter {
            b'c' | b's' | b'r' | b'i' | b'j' | b'm' => Self::parse_with_payload(letter, message),
            b'h' | b'a' | b'e' | b'x' | b'k' | b'd' | b'f' | b'z' => {
                let Message::Text(text) = &message else { return Err(FrameError::NotText) };
                Self::parse_control(letter, text.get(2..).unwrap_or_default())
            }
            _ => Err(FrameError::UnknownLetter),
        }
    }

    fn parse_with_payload(letter: u8, message: Message) -> Result<Self, FrameError> {
        let bytes = message.payload();
        let searched = bytes.get(..MAX_HEADER).unwrap_or(bytes);
        let end = searched.iter().position(|byte| *byte == b'\n').ok_or(FrameError::BadHeader)?;
        let header = bytes.get(2..end).and_then(|header| str::from_utf8(header).ok()).ok_or(FrameError::BadHeader)?;
        let behind = end.saturating_add(1);
        Ok(match letter {
            b'm' if header.is_empty() => Self::Plain(strip(message, behind)?),
            b'm' => return Err(FrameError::BadHeader),
            b'r' => Self::Reply(id(header)?, strip(message, behind)?),
            b'i' => {
                let (id, number) = two(header)?;
                Self::Item(id, number, strip(message, behind)?)
            }
            b'j' => {
                let (id, first, lengths) = batch::read(header)?;
                Self::Items(id, first, batch::split(&strip(message, behind)?, &lengths)?)
            }
            _ => {
                let kind = if letter == b'c' { Kind::Call } else { Kind::Stream };
                let mut call = Call::parse(kind, header)?;
                call.payload = strip(message, behind)?;
                Self::Call(call)
            }
        })
    }

    fn parse_control(letter: u8, body: &str) -> Result<Self, FrameError> {
        Ok(match letter {
            b'h' => {
                let hello: Hello = json(body)?;
                match hello.last <= MAX_ID && hello.first <= MAX_ID {
                    true => Self::Hello(hello),
                    false => return Err(FrameError::BadNumber),
                }
            }
            b'a' => {
                let answer: Answer = json(body)?;
                let ascending = answer.keyed.windows(2).all(|pair| pair[0].id < pair[1].id);
                let fits = |open: &OpenCall| {
                    let words = is_word(&open.name, MAX_NAME) && is_word(&open.key, MAX_KEY);
                    words && open.id <= MAX_ID && open.processed <= MAX_ID
                };
                match ascending && answer.keyed.iter().all(fits) && ranges::are_ordered(&answer.running) {
                    true => Self::Answer(answer),
                    false => return Err(FrameError::BadBody),
                }
            }
            b'e' => {
                let at = body.find('{').ok_or(FrameError::BadBody)?;
                let (number, body) = body.split_at(at);
                Self::Error(id(number)?, json(body)?)
            }
            b'x' => Self::Cancel(id(body)?),
            b'k' => {
                let (id, number) = two(body)?;
                Self::Processed(id, number)
            }
            b'd' => {
                let (first, last) = body.split_once(' ').ok_or(FrameError::BadNumber)?;
                Self::End(id(first)?, number(last)?)
            }
            b'f' => Self::Forget(id(body)?),
            _ => Self::Breach(json(body)?),
        })
    }

    /// The message that carries it.
    #[must_use]
    pub fn to_message(&self) -> Message {
        match self {
            Self::Hello(body) => Message::text(format!("@h{}", to_json(body))),
            Self::Answer(body) => Message::text(format!("@a{}", to_json(body))),
            Self::Call(call) => call.to_message(),
            Self::Reply(id, payload) => join(&Header::new(format_args!("@r{id}\n")), payload),
            Self::Error(id, failure) => Message::text(format!("@e{id}{}", to_json(failure))),
            Self::Cancel(id) => Message::text(format!("@x{id}")),
            Self::Item(id, number, payload) => join(&Header::new(format_args!("@i{id} {number}\n")), payload),
            Self::Items(id, first, items) => batch::join(*id, *first, items),
            Self::Processed(id, number) => Message::text(format!("@k{id} {number}")),
            Self::End(id, items) => Message::text(format!("@d{id} {items}")),
            Self::Forget(id) => Message::text(format!("@f{id}")),
            Self::Breach(body) => Message::text(format!("@z{}", to_json(body))),
            Self::Plain(message) if is_frame(message) => join("@m\n", message),
            Self::Plain(message) => message.clone(),
        }
    }
}

impl Kind {
    /// `call` or `stream`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Stream => "stream",
        }
    }
}

impl Call {
    fn parse(kind: Kind, header: &str) -> Result<Self, FrameError> {
        let mut words = header.split(' ');
        let id = id(words.next().unwrap_or_default())?;
        let name = words.next().filter(|name| is_word(name, MAX_NAME)).ok_or(FrameError::BadHeader)?.to_owned();
        let payload = Message::binary(bytes::Bytes::new());
        let mut call = Self { id, kind, name, deadline: None, key: None, traceparent: None, window: None, payload };
        for word in words {
            let (attribute, value) = word.split_once('=').ok_or(FrameError::BadHeader)?;
            match attribute {
                "deadline" => call.deadline = Some(number(value)?),
                "window" => {
                    let window = u32::try_from(number(value)?).ok().filter(|window| *window > 0);
                    call.window = Some(window.ok_or(FrameError::BadNumber)?);
                }
                "key" if is_word(value, MAX_KEY) => call.key = Some(value.to_owned()),
                "traceparent" if is_word(value, MAX_TRACE) => call.traceparent = Some(value.to_owned()),
                "key" | "traceparent" => return Err(FrameError::BadHeader),
                _ if attribute.is_empty() => return Err(FrameError::BadHeader),
                // [C-3]
                _ => {}
            }
        }
        Ok(call)
    }

    fn to_message(&self) -> Message {
        let letter = match self.kind {
            Kind::Call => 'c',
            Kind::Stream => 's',
        };
        let mut header = format!("@{letter}{} {}", self.id, self.name);
        // Writing to a string does not fail.
        if let Some(deadline) = self.deadline {
            let _ = write!(header, " deadline={deadline}");
        }
        if let Some(window) = self.window {
            let _ = write!(header, " window={window}");
        }
        if let Some(key) = &self.key {
            let _ = write!(header, " key={key}");
        }
        if let Some(traceparent) = &self.traceparent {
            let _ = write!(header, " traceparent={traceparent}");
        }
        header.push('\n');
        join(&header, &self.payload)
    }
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

/// A decimal number up to [`MAX_ID`], without leading zeros.
fn number(text: &str) -> Result<u64, FrameError> {
    let plain = (1..=16).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = text.len() > 1 && text.starts_with('0');
    match text.parse() {
        Ok(value) if plain && !leading_zero && value <= MAX_ID => Ok(value),
        _ => Err(FrameError::BadNumber),
    }
}

fn id(text: &str) -> Result<u64, FrameError> {
    number(text).and_then(|id| if id == 0 { Err(FrameError::BadNumber) } else { Ok(id) })
}

/// An id and the number of an item.
fn two(text: &str) -> Result<(u64, u64), FrameError> {
    let (first, last) = text.split_once(' ').ok_or(FrameError::BadNumber)?;
    Ok((id(first)?, id(last)?))
}

fn json<T: DeserializeOwned>(body: &str) -> Result<T, FrameError> {
    match body.starts_with('{') {
        true => serde_json::from_str(body).map_err(|_| FrameError::BadBody),
        false => Err(FrameError::BadBody),
    }
}

fn to_json(body: &impl Serialize) -> String {
    // Plain structs of numbers, strings and JSON values, which serialise without fail.
    serde_json::to_string(body).unwrap_or_default()
}

/// The message without its first `length` bytes, which are ASCII.
fn strip(message: Message, length: usize) -> Result<Message, FrameError> {
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
struct Header {
    bytes: [u8; 64],
    length: usize,
}

impl Header {
    /// An id and a number have 16 digits each.
    fn new(words: fmt::Arguments<'_>) -> Self {
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

fn join(header: &str, payload: &Message) -> Message {
    match payload {
        Message::Text(text) => Message::text([header, text].concat()),
        Message::Binary(data) => Message::binary([header.as_bytes(), data].concat()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_of_any_kind_is_read_as_it_was_written() {
        let long = "ü".repeat(5_000);
        let payloads = [
            Message::text(""),
            Message::text("\n@c1 x\n"),
            Message::text(long),
            Message::binary(vec![0, 255, b'\n']),
            Message::text("@plain"),
        ];
        for payload in payloads {
            let call = Call {
                id: MAX_ID,
                kind: Kind::Stream,
                name: "a.b/c-d_e:f=g".into(),
                deadline: Some(0),
                key: Some("k=1".into()),
                traceparent: Some("00-1-2-01".into()),
                window: Some(1),
                payload: payload.clone(),
            };
            let frames = [
                Frame::Call(call),
                Frame::Reply(1, payload.clone()),
                Frame::Item(3, 2, payload.clone()),
                Frame::Plain(payload),
            ];
            for frame in frames {
                assert_eq!(Frame::parse(frame.to_message()), Ok(frame));
            }
        }
    }

    #[test]
    fn an_attribute_that_nobody_knows_is_passed_over() {
        let Ok(Frame::Call(call)) = Frame::parse("@c1 sum color=red deadline=5\n".into()) else { panic!("no call") };
        assert_eq!((call.deadline, call.window), (Some(5), None));
    }

    #[test]
    fn a_header_that_does_not_end_is_not_searched_for_ever() {
        let endless = format!("@c1 sum {}\n", "x=1 ".repeat(300));
        assert_eq!(Frame::parse(endless.into()), Err(FrameError::BadHeader));
    }
}
