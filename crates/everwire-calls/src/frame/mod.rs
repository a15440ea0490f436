//! The envelope ([C-1] to [C-5]).
//!
//! - [`call`]: the frame that begins a call or a stream
//! - [`body`]: what frames carry in JSON
//! - [`header`]: the line before a payload, numbers, and faults
//! - [`limits`]: what an end tells of its limits
//! - [`batch`]: several items in one frame

pub(crate) mod batch;
mod body;
mod call;
mod header;
mod limits;

use everwire_ws::Message;

use self::body::{json, to_json};
use self::header::{id, join, number, strip, two};
use crate::{Failure, ranges};

pub use self::body::{Answer, Breach, Hello, OpenCall};
pub use self::call::{Call, Kind};
pub(crate) use self::call::{Head, MAX_KEY, MAX_NAME, MAX_TRACE};
pub(crate) use self::header::is_word;
pub use self::header::{FrameError, MAX_ID};
pub use self::limits::Limits;
pub(crate) use self::limits::to_size;

/// The longest header of a call in bytes.
const MAX_HEADER: usize = 1024;

/// A frame of calls: one reliable message of the session.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// `@h{…}`: the identity of the caller.
    Hello(Hello),
    /// `@a{…}`: the answer to a hello.
    Answer(Answer),
    /// `@c<id> <name> …` or `@s<id> <name> …`, a line's end, and the payload.
    Call(Box<Call>),
    /// `@r<id>`, a line's end, and the payload: the one reply.
    Reply(u64, Message),
    /// `@e<id>{…}`: an error in place of the reply, or of the rest of a stream.
    Error(u64, Failure),
    /// `@x<id>`: the caller cancels the call.
    Cancel(u64),
    /// `@i<id> <number>`, a line's end, and the payload: an item.
    Item(u64, u64, Message),
    /// `@j<id> <number> <length>…`, a line's end, and the payloads: items from this number on, all text or all binary.
    Items(u64, u64, Vec<Message>),
    /// `@k<id> <number>`: items up to this one are processed.
    Processed(u64, u64),
    /// `@d<id> <items>`: the stream ends after this many items.
    End(u64, u64),
    /// `@f<id>`: what was kept of a call with a key can be forgotten.
    Forget(u64),
    /// `@z{…}`: a rule was broken; no calls any more.
    Breach(Breach),
    /// A message of the application's own. `@m` and a line's end go before one that begins with `@`.
    Plain(Message),
}

/// Returns `true` if this is a frame of calls, or an application's message that is written as one.
#[must_use]
pub fn is_frame(message: &Message) -> bool {
    message.payload().first() == Some(&b'@')
}

impl Frame {
    /// Reads a frame. A message that begins with another character than `@` is [`Plain`](Self::Plain).
    ///
    /// # Errors
    /// If it begins with `@` and is not a frame. The payload is not checked.
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
        let header = match &message {
            Message::Text(text) => text.get(2..end),
            Message::Binary(data) => data.get(2..end).and_then(|header| str::from_utf8(header).ok()),
        };
        let header = header.ok_or(FrameError::BadHeader)?;
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
                let mut call = Box::new(Call::parse(kind, header)?);
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
            Self::Reply(id, payload) => reply(*id, payload),
            Self::Error(id, failure) => error(*id, failure),
            Self::Cancel(id) => Message::text(format!("@x{id}")),
            Self::Item(id, number, payload) => item(*id, *number, payload),
            Self::Items(id, first, items) => batch::join(*id, *first, items),
            Self::Processed(id, number) => Message::text(format!("@k{id} {number}")),
            Self::End(id, items) => Message::text(format!("@d{id} {items}")),
            Self::Forget(id) => Message::text(format!("@f{id}")),
            Self::Breach(body) => Message::text(format!("@z{}", to_json(body))),
            Self::Plain(message) if is_frame(message) => join(&["@m\n"], message),
            Self::Plain(message) => message.clone(),
        }
    }
}

/// A [`Frame::Reply`] as a message.
pub(crate) fn reply(id: u64, payload: &Message) -> Message {
    join(&["@r", itoa::Buffer::new().format(id), "\n"], payload)
}

/// A [`Frame::Error`] as a message.
pub(crate) fn error(id: u64, failure: &Failure) -> Message {
    Message::text(format!("@e{id}{}", to_json(failure)))
}

/// A [`Frame::Item`] as a message.
pub(crate) fn item(id: u64, number: u64, payload: &Message) -> Message {
    join(&["@i", itoa::Buffer::new().format(id), " ", itoa::Buffer::new().format(number), "\n"], payload)
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
                Frame::Call(Box::new(call)),
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
