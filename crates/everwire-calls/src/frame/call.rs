//! The frame that begins a call or a stream.

use std::fmt::Write as _;

use everwire_ws::Message;
use serde::{Deserialize, Serialize};

use super::header::{FrameError, id, is_word, join, number};

/// The longest name in bytes.
pub(crate) const MAX_NAME: usize = 128;
/// The longest key in bytes.
pub(crate) const MAX_KEY: usize = 64;
/// The longest traceparent in bytes.
pub(crate) const MAX_TRACE: usize = 256;

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
    /// The call's id, unique among the caller's calls.
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
    /// The most items that are sent ahead of what is processed. Absent: 64.
    pub window: Option<u32>,
    /// The payload for the handler.
    pub payload: Message,
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
    pub(super) fn parse(kind: Kind, header: &str) -> Result<Self, FrameError> {
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

    pub(super) fn to_message(&self) -> Message {
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
