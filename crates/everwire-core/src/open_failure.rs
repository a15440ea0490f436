//! Why openings fail, as kinds for programs and in words for people.

use std::{fmt, time::Duration};

use everwire_ws::CloseFrame;

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

/// Kinds of failure, as far as they matter for trying again and for what to do about it. With the phase they say all that
/// a program has to know; [`OpenFailure::detail`] is for people only, and its words may change.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenFailureKind {
    /// An I/O error that is none of the other kinds.
    Io,
    /// The server, or the proxy on the way to it, can't be reached: its name has no address ([`Phase::Dns`]), or no TCP
    /// connection is made ([`Phase::Tcp`]).
    Unreachable {
        /// `true` if it is the proxy that can't be reached.
        is_proxy: bool,
        /// The reason.
        problem: ReachProblem,
    },
    /// The server's certificate ([`Phase::Proxy`]: the proxy's) was not accepted, or the server does not accept this
    /// client's.
    Certificate(CertificateProblem),
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
        /// What the answer says beyond its status.
        reason: RefusalReason,
    },
    /// The server does not speak WebSocket, or breaks the rules of the opening handshake.
    NotWebSocket,
    /// The server's answer to the offer of compression breaks RFC 7692, or asks for what the client can't do.
    Compression,
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

/// The reason why a server or a proxy can't be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReachProblem {
    /// Its name has no address, or the name server does not answer.
    NoAddress,
    /// Nothing listens on the port: the machine refuses the connection.
    Refused,
    /// The network or the machine is unreachable from here.
    NoRoute,
    /// Nothing answers: the machine is down, or a firewall drops the packets.
    NoAnswer,
    /// Another error, or a different one for each of several addresses.
    Other,
}

/// The reason why a certificate was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateProblem {
    /// No root certificate that is trusted here has issued it.
    UnknownIssuer,
    /// It has expired.
    Expired,
    /// It is not valid yet.
    NotYetValid,
    /// It is for other names than the one that was connected to, or names none.
    WrongName,
    /// It was revoked.
    Revoked,
    /// The server requires a certificate of the client, or does not accept the one that it was given.
    OfClient,
    /// Another fault.
    Other,
}

/// The meaning of a refusal beyond its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusalReason {
    /// Nothing beyond the status.
    Status,
    /// The server speaks other versions of the WebSocket protocol than 13 (RFC 6455 section 4.4).
    OtherVersion,
    /// A proxy or gateway in front of the server states that the answer is its own (`Proxy-Status` of RFC 9209, or
    /// `X-Squid-Error`).
    Intermediary,
    /// A redirect to an address where this attempt has been before.
    RedirectLoop,
    /// A redirect from `wss://` to `ws://`.
    RedirectToPlain,
    /// One redirect more than the client follows.
    TooManyRedirects,
    /// A redirect without an address, or to one that can't be connected to.
    InvalidRedirect,
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
            Self::Unreachable { .. } => f.write_str("no connection"),
            Self::Certificate(_) => f.write_str("certificate not accepted"),
            Self::PinMismatch => f.write_str("the server's public key is none of those pinned"),
            Self::ProxyDenied => f.write_str("the proxy does not let us through"),
            Self::Refused { status, .. } => write!(f, "refused with HTTP status {status}"),
            Self::NotWebSocket | Self::Compression => f.write_str("the answer is no WebSocket handshake"),
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

/// A close frame in words.
pub(crate) fn closed_with(f: &mut fmt::Formatter<'_>, frame: Option<&CloseFrame>) -> fmt::Result {
    match frame {
        Some(frame) if frame.reason.is_empty() => write!(f, "closed by the peer with {}", frame.code.0),
        Some(frame) => write!(f, "closed by the peer with {}: {}", frame.code.0, frame.reason),
        None => f.write_str("closed by the peer without a code"),
    }
}
