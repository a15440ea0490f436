use std::fmt;
use std::time::Duration;

use everwire_ws::Message;

use crate::{Kind, frame};

/// A call or a stream to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// One reply, or a stream of items.
    pub kind: Kind,
    /// The handler's name: 1 to 128 printable ASCII characters without spaces.
    pub name: String,
    /// The payload.
    pub payload: Message,
    /// The time that the call may take. Default: no limit.
    pub deadline: Option<Duration>,
    /// The application's own name for the call, under which a later run of the program finds it again: 1 to 64 printable
    /// ASCII characters without spaces.
    pub key: Option<String>,
    /// A W3C `traceparent`, passed on as it is.
    pub traceparent: Option<String>,
    /// For a stream: the most items that are sent ahead of what is processed. Default:
    /// [`Config::window`](crate::Config::window).
    pub window: Option<u32>,
}

impl Request {
    /// A call: exactly one reply.
    #[must_use]
    pub fn call(name: impl Into<String>, payload: impl Into<Message>) -> Self {
        Self::new(Kind::Call, name.into(), payload.into())
    }

    /// A stream: items, then an end.
    #[must_use]
    pub fn stream(name: impl Into<String>, payload: impl Into<Message>) -> Self {
        Self::new(Kind::Stream, name.into(), payload.into())
    }

    fn new(kind: Kind, name: String, payload: Message) -> Self {
        Self { kind, name, payload, deadline: None, key: None, traceparent: None, window: None }
    }

    pub(crate) fn check(&self) -> Result<(), OpenError> {
        if !frame::is_word(&self.name, frame::MAX_NAME) {
            return Err(OpenError::BadName);
        }
        if self.key.as_ref().is_some_and(|key| !frame::is_word(key, frame::MAX_KEY)) {
            return Err(OpenError::BadKey);
        }
        if self.traceparent.as_ref().is_some_and(|trace| !frame::is_word(trace, frame::MAX_TRACE)) {
            return Err(OpenError::BadTraceparent);
        }
        Ok(())
    }
}

/// The reason why a call could not be opened. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// The name is empty, longer than 128 bytes, or has characters that are not printable ASCII, or spaces.
    BadName,
    /// The key is empty, longer than 64 bytes, or has characters that are not printable ASCII, or spaces.
    BadKey,
    /// The traceparent is empty, longer than 256 bytes, or has characters that are not printable ASCII, or spaces.
    BadTraceparent,
    /// A call with this key is open already.
    KeyInUse,
    /// The limit on open calls is reached.
    TooMany {
        /// The limit: this end's, or the peer's if that is lower.
        limit: usize,
    },
    /// The limit on the bytes of open calls' payloads is reached.
    TooManyBytes {
        /// The limit in bytes: this end's, or the peer's if that is lower.
        limit: usize,
    },
    /// The call's message is larger than this end can send, or than the peer accepts.
    TooLarge {
        /// The size in bytes, of header and payload.
        size: usize,
        /// The largest size in bytes.
        limit: usize,
    },
    /// There is no session, or the peer has shown that it does not support calls.
    NotSupported,
    /// The two ends disagree on the protocol, and no calls are possible in this session any more.
    Breach,
}

impl OpenError {
    /// Returns `true` if the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::TooMany { .. } | Self::TooManyBytes { .. } | Self::KeyInUse => true,
            Self::BadName
            | Self::BadKey
            | Self::BadTraceparent
            | Self::TooLarge { .. }
            | Self::NotSupported
            | Self::Breach => false,
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadName => f.write_str("a call's name has 1 to 128 printable ASCII characters and no spaces"),
            Self::BadKey => f.write_str("a call's key has 1 to 64 printable ASCII characters and no spaces"),
            Self::BadTraceparent => f.write_str("a traceparent has 1 to 256 printable ASCII characters and no spaces"),
            Self::KeyInUse => f.write_str("a call with this key is open: find it by resume_calls, or use another key"),
            Self::TooMany { limit } => {
                write!(f, "{limit} calls are open, which is the limit: try again when one has ended")
            }
            Self::TooManyBytes { limit } => {
                write!(f, "the payloads of open calls may have {limit} bytes together: try again when one has ended")
            }
            Self::TooLarge { size, limit } => {
                write!(f, "the call has {size} bytes, and the session carries {limit}: send less, or in parts")
            }
            Self::NotSupported => f.write_str("the peer's application does not support calls"),
            Self::Breach => f.write_str("the peer has broken the protocol of calls; a new session may do better"),
        }
    }
}

impl std::error::Error for OpenError {}
