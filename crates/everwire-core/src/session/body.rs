//! What the four frames with a JSON body hold. The names of the fields are those of the JSON.

use std::fmt;

/// The client's first frame: it asks for a new session, or to resume one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The session to resume; `None` to begin a new one.
    pub resume: Option<Resume>,
    /// The limits of what the client accepts before it acknowledges.
    pub limits: Limits,
}

/// The session that a client wants to resume, and its position.
#[derive(Clone, PartialEq, Eq)]
pub struct Resume {
    /// The session's id.
    pub session: String,
    /// The latest token that the client has.
    pub token: String,
    /// Number of the connection within the session. Each one is greater than all before it.
    pub connection: u64,
    /// The highest sequence number of the server's messages that the client has processed.
    pub processed: u64,
}

/// The server's answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Welcome {
    /// The session's id.
    pub session: String,
    /// The token with which to resume it next time.
    pub token: String,
    /// `true` if it is the session that the client asked for.
    pub resumed: bool,
    /// The highest sequence number of the client's messages that the server has processed in this session.
    pub processed: u64,
    /// The limits of what the server accepts before it acknowledges.
    pub limits: Limits,
    /// The time after a loss during which the session can be resumed, in milliseconds.
    pub resume_within: u64,
    /// The fate of the session that the client asked for, if it is not resumed.
    pub previous: Option<Previous>,
}

/// The fate of a session that can't be resumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previous {
    /// The reason why it is gone.
    pub reason: Gone,
    /// The highest sequence number of the client's messages that the server has processed in it, if it still knows.
    /// Later messages will never be processed.
    pub processed: Option<u64>,
}

/// The reason why a session is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Gone {
    /// The server knows no such session: it never existed, or is long forgotten.
    Unknown,
    /// It was not resumed in time.
    Expired,
    /// The server had to make room.
    Evicted,
    /// The server restarted.
    Restarted,
    /// One end has ended it with a bye.
    Ended,
    /// One end broke a rule of the protocol.
    Violated,
    /// The token or the principal is not the session's.
    Denied,
    /// A reason that this implementation does not know.
    Other,
}

/// The limits of the other end's messages that one end holds before it acknowledges them ([S-14]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Messages, at least 1. Default 8,192.
    ///
    /// Too small: a sender waits for acknowledgements, and long paths become slow. Too large: a receiver that falls
    /// behind holds that many.
    pub messages: u32,
    /// Bytes of payload. The last message may exceed them: the sender stops once they are reached. Default 4 MiB.
    ///
    /// Too small: as with messages. Too large: memory for each session.
    pub bytes: u64,
    /// The largest payload of a single message, in bytes. Default 1 MiB.
    ///
    /// Too small: larger messages are refused by `send`. Too large: one message may cost that much memory, and
    /// everything behind it waits.
    pub message_bytes: u64,
}

/// The server will close this connection: the client moves to a new one while this one still works ([S-22]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GoAway {
    /// The time for which the connection will still work, in milliseconds.
    pub within: u64,
    /// The URL to connect to, if it is another one.
    pub url: Option<String>,
}

/// The session is over and its state is freed ([S-24]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bye {
    /// The highest sequence number of the other end's messages that the sender has processed.
    pub processed: u64,
    /// The time for which the client is asked to stay away, in milliseconds; `None`: for good.
    pub retry_after: Option<u64>,
    /// `true` if each client was given a different time, so that none adds jitter.
    pub paced: bool,
    /// The reason, in words for people.
    pub reason: Option<String>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { messages: 8192, bytes: 4 << 20, message_bytes: 1 << 20 }
    }
}

impl Limits {
    /// Whether one more message fits beside what is held.
    #[inline]
    pub(crate) fn admit(&self, messages: usize, bytes: u64) -> bool {
        messages == 0 || messages < usize::try_from(self.messages).unwrap_or(usize::MAX) && bytes < self.bytes
    }
}

impl fmt::Debug for Resume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resume")
            .field("session", &self.session)
            .field("connection", &self.connection)
            .field("processed", &self.processed)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Welcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Welcome")
            .field("session", &self.session)
            .field("resumed", &self.resumed)
            .field("processed", &self.processed)
            .field("previous", &self.previous)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "the server does not know it",
            Self::Expired => "it was not resumed in time",
            Self::Evicted => "the server had to make room",
            Self::Restarted => "the server restarted",
            Self::Ended => "it was ended",
            Self::Violated => "a rule of the protocol was broken",
            Self::Denied => "the token or the principal is not the session's",
            Self::Other => "for a reason that this version does not know",
        })
    }
}
