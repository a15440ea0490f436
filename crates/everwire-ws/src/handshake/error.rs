use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};

/// The reason why a client's opening handshake failed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The server answered, but not with 101.
    Refused(Box<Refused>),
    /// The server answered 101 and broke a rule: wrong accept key, a subprotocol or extension nobody asked for, ….
    Invalid(Cow<'static, str>),
    /// The server answered 101 and uses compression otherwise than it was offered or than RFC 7692 allows.
    Compression(&'static str),
    /// The server's answer is not an HTTP/1.1 response.
    Malformed(String),
    /// The response's head is longer than [`MAX_HEAD`](super::MAX_HEAD) or has more fields than
    /// [`MAX_HEADERS`](super::MAX_HEADERS).
    TooLarge,
    /// The stream ended before the response was complete.
    Incomplete,
    /// The request can't be made: its URL, a header or a subprotocol is not possible.
    BadRequest(String),
}

/// A refused upgrade: the server's response in place of 101.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The status, such as 401, 404, 429 or 503.
    pub status: StatusCode,
    /// The reason phrase as the server wrote it; often empty.
    pub reason: String,
    /// All headers, `Retry-After`, `Location` and `WWW-Authenticate` included.
    pub headers: HeaderMap,
    /// The start of the body, at most 4 KiB: what had arrived with the head, and more only if a `Content-Length`
    /// announces it.
    pub body: Bytes,
}

impl Refused {
    /// The status and the reason phrase as the server wrote them, such as `500 Unable to connect`; with the usual
    /// phrase where the server gave none.
    #[must_use]
    pub fn status_line(&self) -> String {
        if self.reason.is_empty() {
            self.status.to_string()
        } else {
            format!("{} {}", self.status.as_str(), self.reason)
        }
    }
}

impl HandshakeError {
    /// Returns `true` if the same attempt may succeed later: after a connection that ended early, and after the
    /// statuses 408, 425, 429 and 5xx except 501 and 505. Other errors remain until the request or the server changes.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Refused(refused) => match refused.status.as_u16() {
                408 | 425 | 429 => true,
                501 | 505 => false,
                status => status >= 500,
            },
            Self::Incomplete => true,
            Self::Invalid(_) | Self::Compression(_) | Self::Malformed(_) | Self::TooLarge | Self::BadRequest(_) => {
                false
            }
        }
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => write!(f, "the server refused the upgrade with status {}", refused.status_line()),
            Self::Invalid(why) => write!(f, "the server's handshake is invalid: {why}"),
            Self::Compression(why) => write!(f, "the server's handshake is invalid: permessage-deflate: {why}"),
            Self::Malformed(why) => write!(f, "the server's answer is not HTTP: {why}"),
            Self::TooLarge => f.write_str("the head of the server's answer is too large"),
            Self::Incomplete => f.write_str("the server ended the connection before its answer was complete"),
            Self::BadRequest(why) => write!(f, "the request can't be made: {why}"),
        }
    }
}

impl std::error::Error for HandshakeError {}

/// The reason why a request on a bare transport could not be read. [`response`](Self::response) tells the client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// The bytes are not an HTTP/1.1 request.
    Malformed(String),
    /// The head is longer than [`MAX_HEAD`](super::MAX_HEAD) or has more fields than
    /// [`MAX_HEADERS`](super::MAX_HEADERS).
    TooLarge,
}

impl RequestError {
    /// The response to send before closing: 400 or 431.
    #[must_use]
    pub fn response(&self) -> Response<String> {
        let mut response = Response::new(format!("{self}\n"));
        *response.status_mut() = match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        };
        response
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(why) => write!(f, "not an HTTP/1.1 request: {why}"),
            Self::TooLarge => f.write_str("the request's head is too large"),
        }
    }
}

impl std::error::Error for RequestError {}
