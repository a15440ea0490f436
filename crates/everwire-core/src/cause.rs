//! Why openings fail and connections end.

use std::{fmt, time::Duration};

use everwire_ws::{CloseCode, CloseFrame};

use crate::{Seconds, retry, session::code};

/// Phase of an opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// The request is prepared (URL, headers, credentials).
    Request,
    /// The name is resolved.
    Dns,
    /// The TCP connection is made.
    Tcp,
    /// The proxy is asked for a tunnel.
    Proxy,
    /// The TLS handshake takes place.
    Tls,
    /// The WebSocket opening handshake takes place.
    Upgrade,
    /// The session is opened or resumed.
    Session,
    /// The WebSocket is open, and the user's hook exchanges messages with the server before anything else is sent.
    OnOpen,
}

/// The reason why an opening failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenFailure {
    /// The phase in which it failed.
    pub phase: Phase,
    /// The kind of failure.
    pub kind: OpenFailureKind,
    /// The same in words, one line.
    pub detail: String,
}

/// Kinds of failure, as far as they matter for trying again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenFailureKind {
    /// An I/O error.
    Io,
    /// The peer's certificate was not accepted.
    Certificate,
    /// The server's certificate is valid, but its public key is none of those that the user has pinned.
    PinMismatch,
    /// A SOCKS proxy refuses the credentials, requires credentials, or makes no connections at all. The answer of an
    /// HTTP proxy is [`Refused`](Self::Refused) in [`Phase::Proxy`].
    ProxyDenied,
    /// The server refused the upgrade, or an HTTP proxy ([`Phase::Proxy`]) the tunnel.
    Refused {
        /// The HTTP status.
        status: u16,
        /// `Retry-After`, if given, relative to now.
        retry_after: Option<Duration>,
        /// `true` if each attempt asks for new credentials, so that a 401 may be temporary.
        fresh_credentials: bool,
    },
    /// The server does not speak WebSocket, or breaks the rules of the opening handshake.
    NotWebSocket,
    /// The user's hook failed: the one for requests ([`Phase::Request`]), or that for new connections ([`Phase::OnOpen`]).
    Hook,
    /// The user's hook returned an error that says that trying again would not help.
    PermanentError,
    /// The server closed the connection while the user's hook for new connections ran, with this frame.
    Closed(Option<Box<CloseFrame>>),
    /// The request can never work: a bad header, a bad URL.
    BadRequest,
    /// The server does not speak the session protocol that the client insists on.
    NoSession,
    /// The server broke the session protocol before the session was open.
    BadSession,
    /// The opening took longer than [`OpenConfig::timeout`](crate::OpenConfig::timeout). Only the machine reports this.
    Timeout,
}

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

impl OpenFailure {
    /// Whether it is what answers at one address that has failed, and not the request, the proxy or a hook.
    pub(crate) fn is_of_this_address(&self) -> bool {
        match self.phase {
            Phase::Tls | Phase::Upgrade | Phase::Session => true,
            Phase::Request | Phase::Dns | Phase::Tcp | Phase::Proxy | Phase::OnOpen => false,
        }
    }

    /// Whether a server refuses so that does not know what it was offered.
    pub(crate) fn may_be_about_an_offer(&self) -> bool {
        self.phase == Phase::Upgrade && matches!(self.kind, OpenFailureKind::Refused { status: 400 | 403 | 406, .. })
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
            Self::Lost(Loss::Protocol(code, words)) => write!(f, "the peer broke the protocol ({}): {words}", code.0),
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

fn closed_with(f: &mut fmt::Formatter<'_>, frame: Option<&CloseFrame>) -> fmt::Result {
    match frame {
        Some(frame) if frame.reason.is_empty() => write!(f, "closed by the peer with {}", frame.code.0),
        Some(frame) => write!(f, "closed by the peer with {}: {}", frame.code.0, frame.reason),
        None => f.write_str("closed by the peer without a code"),
    }
}

impl fmt::Display for OpenFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.detail.is_empty() {
            write!(f, "{} failed: {}", self.phase, self.kind)
        } else {
            write!(f, "{} failed: {}", self.phase, self.detail)
        }
    }
}

impl fmt::Display for OpenFailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io => f.write_str("input/output error"),
            Self::Certificate => f.write_str("certificate not accepted"),
            Self::PinMismatch => f.write_str("the server's public key is none of those pinned"),
            Self::ProxyDenied => f.write_str("the proxy does not let us through"),
            Self::Refused { status, .. } => write!(f, "refused with HTTP status {status}"),
            Self::NotWebSocket => f.write_str("the answer is no WebSocket handshake"),
            Self::Hook => f.write_str("the hook failed"),
            Self::PermanentError => f.write_str("the hook gave up"),
            Self::Closed(frame) => closed_with(f, frame.as_deref()),
            Self::BadRequest => f.write_str("the request is not valid"),
            Self::NoSession => f.write_str("the server does not speak everwire.v1"),
            Self::BadSession => f.write_str("expected a session `welcome` frame"),
            Self::Timeout => f.write_str("timed out"),
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Request => "preparing the request",
            Self::Dns => "resolving the name",
            Self::Tcp => "connecting",
            Self::Proxy => "asking the proxy",
            Self::Tls => "the TLS handshake",
            Self::Upgrade => "the WebSocket handshake",
            Self::Session => "opening the session",
            Self::OnOpen => "the exchange before the first message",
        })
    }
}
