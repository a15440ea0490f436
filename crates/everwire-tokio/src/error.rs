use std::fmt;
use std::io;

use everwire_ws::ProtocolError;
use everwire_ws::handshake::{HandshakeError, Rejection, RequestError};

/// The cause of a socket's end.
#[derive(Debug)]
#[non_exhaustive]
pub enum SocketError {
    /// The transport failed.
    Io(io::Error),
    /// The peer broke the protocol; a close frame that says so is queued.
    Protocol(ProtocolError),
    /// The stream ended without a close frame.
    UnexpectedEnd,
    /// A close frame is queued: no message may be sent after it.
    Closing,
}

impl fmt::Display for SocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Io(_) => "the transport failed",
            Self::Protocol(_) => "the peer broke the WebSocket protocol",
            Self::UnexpectedEnd => "the stream ended without a close frame",
            Self::Closing => "a close frame is queued: nothing more can be sent on this connection",
        })
    }
}

impl std::error::Error for SocketError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Protocol(error) => Some(error),
            Self::UnexpectedEnd | Self::Closing => None,
        }
    }
}

impl From<io::Error> for SocketError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<ProtocolError> for SocketError {
    fn from(error: ProtocolError) -> Self {
        Self::Protocol(error)
    }
}

/// The reason why a stream did not become a WebSocket.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// The transport failed.
    Io(io::Error),
    /// A client's handshake was refused, was invalid, or the answer was not HTTP.
    Handshake(HandshakeError),
    /// A server could not read the request; it has sent the client a response that says so.
    Request(RequestError),
    /// The request breaks a rule; the server has sent the client a response that says so.
    Rejected(Box<Rejection>),
    /// The client went away before its request was complete.
    UnexpectedEnd,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Io(_) => "the transport failed during the opening handshake",
            Self::Handshake(_) => "the opening handshake failed",
            Self::Request(_) => "the upgrade request could not be read",
            Self::Rejected(_) => "the upgrade request was rejected",
            Self::UnexpectedEnd => "the stream ended before the upgrade request was complete",
        })
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Handshake(error) => Some(error),
            Self::Request(error) => Some(error),
            Self::Rejected(rejection) => Some(&**rejection),
            Self::UnexpectedEnd => None,
        }
    }
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<HandshakeError> for OpenError {
    fn from(error: HandshakeError) -> Self {
        Self::Handshake(error)
    }
}
