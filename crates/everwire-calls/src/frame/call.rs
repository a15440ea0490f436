//! The frame that begins a call or a stream.

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
        let (first, rest) = cut(header);
        let id = id(first)?;
        let (name, attributes) = rest.map(cut).ok_or(FrameError::BadHeader)?;
        let name = if is_word(name, MAX_NAME) { name.to_owned() } else { return Err(FrameError::BadHeader) };
        let payload = Message::binary(bytes::Bytes::new());
        let mut call = Self { id, kind, name, deadline: None, key: None, traceparent: None, window: None, payload };
        for word in attributes.into_iter().flat_map(|attributes| attributes.split(' ')) {
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
        let Self { id, kind, name, deadline, key, traceparent, window, payload } = self;
        let (key, traceparent) = (key.as_deref(), traceparent.as_deref());
        let head = Head { id: *id, kind: *kind, name, deadline: *deadline, key, traceparent, window: *window };
        head.to_message(payload)
    }
}

/// A call but for its payload, as it is written.
pub(crate) struct Head<'a> {
    pub(crate) id: u64,
    pub(crate) kind: Kind,
    pub(crate) name: &'a str,
    pub(crate) deadline: Option<u64>,
    pub(crate) key: Option<&'a str>,
    pub(crate) traceparent: Option<&'a str>,
    pub(crate) window: Option<u32>,
}

impl Head<'_> {
    pub(crate) fn to_message(&self, payload: &Message) -> Message {
        let letter = match self.kind {
            Kind::Call => "@c",
            Kind::Stream => "@s",
        };
        let mut id = itoa::Buffer::new();
        let id = id.format(self.id);
        if let Self { deadline: None, key: None, traceparent: None, window: None, .. } = self {
            return join(&[letter, id, " ", self.name, "\n"], payload);
        }
        let (mut deadline, mut window) = (itoa::Buffer::new(), itoa::Buffer::new());
        let [deadline_is, deadline] = attribute(" deadline=", self.deadline.map(|value| deadline.format(value)));
        let [window_is, window] = attribute(" window=", self.window.map(|value| window.format(value)));
        let [key_is, key] = attribute(" key=", self.key);
        let [trace_is, trace] = attribute(" traceparent=", self.traceparent);
        #[rustfmt::skip]
        let header = [
            letter, id, " ", self.name, deadline_is, deadline, window_is, window, key_is, key, trace_is, trace, "\n",
        ];
        join(&header, payload)
    }
}

/// What goes before the first space, and what behind it, if there is one. The words are short: there is nothing to win by a search in
/// larger steps.
fn cut(text: &str) -> (&str, Option<&str>) {
    let at = text.bytes().position(|byte| byte == b' ');
    at.and_then(|at| Some((text.get(..at)?, text.get(at.saturating_add(1)..)))).unwrap_or((text, None))
}

fn attribute<'a>(name: &'static str, value: Option<&'a str>) -> [&'a str; 2] {
    value.map_or([""; 2], |value| [name, value])
}
