use std::fmt;

use bytes::{Buf, Bytes};
use bytestring::ByteString;
use everwire_ws::Message;

use super::{
    body::{Bye, GoAway, Hello, Welcome},
    body_json,
    prefix::{MAX_SEQUENCE, Prefix},
};
use crate::json::{self, Object, Wrong};

/// The longest JSON body in bytes.
const MAX_BODY: usize = 8 << 10;
/// The longest heartbeat nonce in bytes.
const MAX_NONCE: usize = 64;
/// A text from this length on is not copied and checked again when its prefix is cut off.
const WORTH_SHARING: usize = 4096;

/// A frame of the session protocol: one WebSocket message ([S-1]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// `m<seq>:` and the payload: kept by its sender until it is acknowledged.
    Reliable(u64, Message),
    /// `v:` and the payload: neither numbered nor kept.
    Volatile(Message),
    /// `a<seq>`: everything up to there is processed.
    Ack(u64),
    /// `p<nonce>`: asks for a sign of life, a ping of the session.
    Ping(Bytes),
    /// `q<nonce>`: answers it.
    Pong(Bytes),
    /// `h{…}`: the client's first frame.
    Hello(Hello),
    /// `w{…}`: the server's answer.
    Welcome(Welcome),
    /// `g{…}`: the server will close this connection soon.
    GoAway(GoAway),
    /// `b{…}`: the session is over.
    Bye(Bye),
}

/// A fault in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// It is empty, or starts with no letter of the protocol.
    UnknownLetter,
    /// Its sequence number is missing, has leading zeros, is zero where it may not be, or is above [`MAX_SEQUENCE`].
    BadSequence,
    /// It has to be a text.
    NotText,
    /// What follows its letter is not what it should be, or too long.
    BadBody,
}

impl Frame {
    /// Reads a frame.
    ///
    /// # Errors
    /// If the message is not a frame. The payload is not checked.
    #[inline]
    pub fn parse(message: Message) -> Result<Self, FrameError> {
        let bytes = message.payload();
        match bytes.first() {
            Some(b'm') => {
                let (seq, length) = header(&bytes[1..])?;
                Ok(Self::Reliable(seq, behind(message, length)?))
            }
            Some(b'v') if bytes.get(1) == Some(&b':') => Ok(Self::Volatile(behind(message, 2)?)),
            Some(b'v') => Err(FrameError::BadBody),
            _ => Self::parse_control(message),
        }
    }

    fn parse_control(message: Message) -> Result<Self, FrameError> {
        let letter = message.payload().first().copied();
        if !matches!(letter, Some(b'a' | b'p' | b'q' | b'h' | b'w' | b'g' | b'b')) {
            return Err(FrameError::UnknownLetter);
        }
        let Message::Text(text) = message else { return Err(FrameError::NotText) };
        let body = &text.as_bytes()[1..];
        Ok(match letter {
            Some(b'a') => match number(body)? {
                (seq, length) if length == body.len() => Self::Ack(seq),
                _ => return Err(FrameError::BadSequence),
            },
            Some(b'p') => Self::Ping(nonce(body)?),
            Some(b'q') => Self::Pong(nonce(body)?),
            Some(b'h') => Self::Hello(json(body, body_json::read_hello)?),
            Some(b'w') => Self::Welcome(json(body, body_json::read_welcome)?),
            Some(b'g') => Self::GoAway(json(body, body_json::read_go_away)?),
            _ => Self::Bye(json(body, body_json::read_bye)?),
        })
    }

    /// The WebSocket message that carries it. Data frames are copied; the machines write theirs with a [`Prefix`].
    #[must_use]
    pub fn to_message(&self) -> Message {
        match self {
            Self::Reliable(seq, payload) => join(Prefix::reliable(*seq), payload),
            Self::Volatile(payload) => join(Prefix::VOLATILE, payload),
            Self::Ack(seq) => Message::text(format!("a{seq}")),
            Self::Ping(nonce) => lettered('p', nonce),
            Self::Pong(nonce) => lettered('q', nonce),
            Self::Hello(body) => with_json('h', &body_json::write_hello(body)),
            Self::Welcome(body) => with_json('w', &body_json::write_welcome(body)),
            Self::GoAway(body) => with_json('g', &body_json::write_go_away(body)),
            Self::Bye(body) => with_json('b', &body_json::write_bye(body)),
        }
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownLetter => "unknown frame",
            Self::BadSequence => "bad sequence number",
            Self::NotText => "control frame that is not text",
            Self::BadBody => "bad frame body",
        })
    }
}

impl std::error::Error for FrameError {}

/// The number that `bytes` begin with, and how many digits it has.
#[inline]
fn number(bytes: &[u8]) -> Result<(u64, usize), FrameError> {
    let mut value = 0_u64;
    let mut length = 0;
    // Sixteen digits can't overflow.
    while let Some(digit) = bytes.get(length).filter(|byte| byte.is_ascii_digit()) {
        if length == 16 {
            return Err(FrameError::BadSequence);
        }
        value = value * 10 + u64::from(digit - b'0');
        length += 1;
    }
    let leading_zero = length > 1 && bytes[0] == b'0';
    if length == 0 || leading_zero || value > MAX_SEQUENCE {
        return Err(FrameError::BadSequence);
    }
    Ok((value, length))
}

/// What stands between the letter and the payload of a reliable message: its number, and where the payload begins.
#[inline]
fn header(behind_letter: &[u8]) -> Result<(u64, usize), FrameError> {
    let (seq, length) = number(behind_letter)?;
    if behind_letter.get(length) != Some(&b':') || seq == 0 {
        return Err(FrameError::BadSequence);
    }
    Ok((seq, length + 2))
}

/// The number of a reliable message and where its payload begins, if these are the bytes of one: [`Frame::parse`] without
/// moving it.
#[inline]
pub(crate) fn reliable(message: &[u8]) -> Option<(u64, usize)> {
    match message {
        [b'm', behind_letter @ ..] => header(behind_letter).ok(),
        _ => None,
    }
}

/// The message without its first `length` bytes, which are ASCII.
#[inline]
fn behind(mut message: Message, length: usize) -> Result<Message, FrameError> {
    strip(&mut message, length)?;
    Ok(message)
}

/// Takes the first `length` bytes away, which are ASCII. After an error the message is empty, and so no frame.
#[inline]
pub(crate) fn strip(message: &mut Message, length: usize) -> Result<(), FrameError> {
    match message {
        Message::Binary(data) => data.advance(length),
        // Looking at a short text again costs less than sharing its allocation.
        Message::Text(text) if text.len() < WORTH_SHARING => {
            let mut data = std::mem::take(text).into_bytes();
            data.advance(length);
            // It was text, and only ASCII is gone.
            *text = ByteString::try_from(data).map_err(|_| FrameError::BadBody)?;
        }
        Message::Text(text) => {
            let whole = std::mem::take(text);
            *text = whole.get(length..).map(|rest| whole.slice_ref(rest)).ok_or(FrameError::BadBody)?;
        }
    }
    Ok(())
}

fn nonce(body: &[u8]) -> Result<Bytes, FrameError> {
    if body.len() > MAX_NONCE {
        return Err(FrameError::BadBody);
    }
    Ok(Bytes::copy_from_slice(body))
}

fn json<T>(body: &[u8], read: fn(Object<'_>) -> Result<T, Wrong>) -> Result<T, FrameError> {
    if body.len() > MAX_BODY || body.first() != Some(&b'{') {
        return Err(FrameError::BadBody);
    }
    let body = str::from_utf8(body).map_err(|_| FrameError::BadBody)?;
    let json = json::read(body).map_err(|_| FrameError::BadBody)?;
    Object::of(&json).and_then(|body| read(body).ok()).ok_or(FrameError::BadBody)
}

fn with_json(letter: char, json: &str) -> Message {
    Message::text(format!("{letter}{json}"))
}

fn lettered(letter: char, nonce: &[u8]) -> Message {
    Message::text(format!("{letter}{}", String::from_utf8_lossy(nonce)))
}

fn join(prefix: Prefix, payload: &Message) -> Message {
    let bytes = [&prefix.to_bytes(), payload.payload()].concat();
    match payload {
        Message::Text(text) => {
            let mut joined = String::with_capacity(bytes.len());
            joined.push_str(&String::from_utf8_lossy(&prefix.to_bytes()));
            joined.push_str(text);
            Message::text(joined)
        }
        Message::Binary(_) => Message::binary(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let long = "ü".repeat(5000);
        for payload in [Message::text(""), Message::text("hé:1"), Message::text(long), Message::binary(vec![0, 255])] {
            for frame in [Frame::Reliable(7, payload.clone()), Frame::Volatile(payload.clone())] {
                assert_eq!(Frame::parse(frame.to_message()), Ok(frame));
            }
        }
        for frame in [Frame::Ack(0), Frame::Ack(12), Frame::Ping(Bytes::from("x1")), Frame::Pong(Bytes::new())] {
            assert_eq!(Frame::parse(frame.to_message()), Ok(frame));
        }
    }

    #[test]
    fn what_is_no_frame_is_refused_with_the_reason() {
        let text = |text: &str| Frame::parse(Message::text(text.to_owned())).unwrap_err();
        for bad in ["", "x", "M1:a", " m1:", "{}"] {
            assert_eq!(text(bad), FrameError::UnknownLetter, "{bad}");
        }
        for bad in ["m", "m:", "m0:", "m01:", "m1", "m1;", "m-1:", "m9007199254740992:", "m99999999999999999999:"] {
            assert_eq!(text(bad), FrameError::BadSequence, "{bad}");
        }
        for bad in ["a", "a1 ", "a01", "a1:"] {
            assert_eq!(text(bad), FrameError::BadSequence, "{bad}");
        }
        for bad in ["v", "vx", "h", "h{", "w{}", "b[]", "b1", "h{\"limits\":1}"] {
            assert_eq!(text(bad), FrameError::BadBody, "{bad}");
        }
        assert_eq!(text(&format!("p{}", "n".repeat(65))), FrameError::BadBody);
        assert_eq!(text(&format!("b{{\"reason\":\"{}\"}}", "n".repeat(9000))), FrameError::BadBody);
        assert_eq!(Frame::parse(Message::binary(b"a1".to_vec())), Err(FrameError::NotText));
    }
}
