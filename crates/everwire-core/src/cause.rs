//! Why there is no connection.

use std::{fmt, time::Duration};

use everwire_ws::{CloseCode, CloseFrame};

use crate::open_failure::{OpenFailure, OpenFailureKind, closed_with};
use crate::{Seconds, retry, session::code};

/// The way a connection was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loss {
    /// The stream ended without a close frame.
    Ended,
    /// An I/O error, in words.
    Io(String),
    /// The peer broke the protocol: the code with which this end closed, and the rule in words.
    Protocol(CloseCode, String),
    /// A compressed message of the peer inflated to more than the allowed multiple of its size, and this end closed with
    /// 1009: the rule in words. A larger limit for messages does not help.
    InflatedTooFar(String),
    /// This end gave it up: the inbox was full to its hard limit and no message was taken out of it, although a message
    /// that was sent awaited evidence that may come behind. A task that reads the inbox must not await an outcome for
    /// so long that the inbox fills up to that limit.
    Unread {
        /// For how long.
        stalled_for: Duration,
    },
}

/// The reason why there is no connection, for users.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The opening failed.
    OpenFailed(OpenFailure),
    /// The peer closed, with this frame. Where its reason repeats secrets of the request (the query, credentials), the
    /// client replaces them by `…`.
    PeerClosed(Option<CloseFrame>),
    /// The transport was lost.
    Lost(Loss),
    /// The peer gave no sign of life.
    Dead {
        /// For how long.
        silent_for: Duration,
    },
    /// The server has ended the session in order.
    Bye {
        /// The time that the client is asked to stay away; `None`: for good.
        retry_after: Option<Duration>,
        /// `true` if the server gave each of its clients a different time, so that none needs jitter.
        paced: bool,
        /// The server's reason, in words; may be empty.
        reason: String,
    },
    /// A newer connection, of another process with the same credentials, has taken the session over.
    Superseded,
    /// The user disconnected or closed.
    ByUser,
}

impl Cause {
    /// The close code or HTTP status, where there is one.
    ///
    /// A close frame without a code is 1005, an end without a close frame 1006 (RFC 6455 section 7.1.5).
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::OpenFailed(OpenFailure { kind: OpenFailureKind::Refused { status, .. }, .. }) => Some(*status),
            Self::OpenFailed(OpenFailure { kind: OpenFailureKind::Closed(frame), .. }) => {
                Some(code_of(frame.as_deref()))
            }
            Self::OpenFailed(_)
            | Self::Dead { .. }
            | Self::Lost(Loss::Unread { .. })
            | Self::Bye { .. }
            | Self::ByUser => None,
            Self::Superseded => Some(code::SUPERSEDED.0),
            Self::PeerClosed(frame) => Some(code_of(frame.as_ref())),
            Self::Lost(Loss::Ended | Loss::Io(_)) => Some(CloseCode::ABNORMAL.0),
            Self::Lost(Loss::Protocol(code, _)) => Some(code.0),
            Self::Lost(Loss::InflatedTooFar(_)) => Some(CloseCode::MESSAGE_TOO_BIG.0),
        }
    }

    /// Whether the peer has closed with 1000.
    pub(crate) fn is_normal_close(&self) -> bool {
        match self {
            Self::PeerClosed(_) | Self::OpenFailed(OpenFailure { kind: OpenFailureKind::Closed(_), .. }) => {
                self.code() == Some(CloseCode::NORMAL.0)
            }
            _ => false,
        }
    }

    /// Returns `true` if trying again makes sense by the table of [`retry::advice()`], without the user's overrides.
    pub fn is_retryable(&self) -> bool {
        retry::advice(self).is_retry()
    }
}

fn code_of(frame: Option<&CloseFrame>) -> u16 {
    frame.map_or(CloseCode::NO_STATUS.0, |frame| frame.code.0)
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpenFailed(failure) => failure.fmt(f),
            Self::PeerClosed(frame) => closed_with(f, frame.as_ref()),
            Self::Lost(Loss::Ended) => f.write_str("the connection ended without a close frame"),
            Self::Lost(Loss::Io(words)) => write!(f, "the connection failed: {words}"),
            Self::Lost(Loss::Protocol(code, words)) => broke_protocol(f, *code, words),
            Self::Lost(Loss::InflatedTooFar(words)) => broke_protocol(f, CloseCode::MESSAGE_TOO_BIG, words),
            Self::Lost(Loss::Unread { stalled_for }) => write!(
                f,
                "the inbox is full and nobody has taken a message for {}, so that what was sent could not be proven: take \
                 messages while you wait for outcomes",
                Seconds(*stalled_for)
            ),
            Self::Dead { silent_for } => {
                write!(f, "no sign of life from the peer for {}", Seconds(*silent_for))
            }
            Self::Bye { reason, .. } if reason.is_empty() => f.write_str("the server ended the session"),
            Self::Bye { reason, .. } => write!(f, "the server ended the session: {reason}"),
            Self::Superseded => f.write_str("a newer connection has taken the session over"),
            Self::ByUser => f.write_str("asked for by the user"),
        }
    }
}

fn broke_protocol(f: &mut fmt::Formatter<'_>, code: CloseCode, words: &str) -> fmt::Result {
    write!(f, "the peer broke the protocol ({}): {words}", code.0)
}
