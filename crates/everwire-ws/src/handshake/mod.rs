//! The opening handshake (RFC 6455 section 4) as values: bytes to write, and responses and requests that were read.
//!
//! A client uses [`ClientHandshake`], which makes the bytes of the request and reads the response. A server behind an
//! HTTP library checks the request with [`accept`]; a server on a bare transport reads the request with
//! [`ServerHandshake`] before, and writes [`response_bytes`].
//!
//! ```
//! use bytes::BytesMut;
//! use everwire_ws::handshake::{ClientHandshake, ServerHandshake, accept, response_bytes};
//! use http::Request;
//!
//! let request = Request::get("ws://example.org/feed?room=1").body(())?;
//! // The nonce must come from the operating system's randomness in a real client.
//! let mut client = ClientHandshake::new(&request, &["chat.v1".into()], [7; 16])?;
//!
//! let mut arrived = BytesMut::from(&client.request_bytes()[..]);
//! let request = ServerHandshake::new().receive(&mut arrived)?.expect("the request is complete");
//! assert_eq!(request.uri(), "/feed?room=1");
//! let answer = accept(&request, |offered| offered.first().map(|s| s.to_string()))?;
//!
//! let mut arrived = BytesMut::from(&response_bytes(&answer.response)[..]);
//! let accepted = client.receive(&mut arrived, false)?.expect("the response is complete");
//! assert_eq!(accepted.subprotocol.as_deref(), Some("chat.v1"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod accept;
mod body;
mod client;
mod error;
mod extensions;
mod fields;
mod head;
mod header_case;
mod key;
mod request;
mod server;

use http::Response;

pub use accept::{Rejection, accept, accept_with, check};
pub use client::ClientHandshake;
pub use error::{HandshakeError, Refused, RequestError};
pub use extensions::Extensions;
pub use head::{MAX_HEAD, MAX_HEADERS};
pub use header_case::HeaderCase;
pub use server::{AsBody, ServerHandshake, response_bytes};

/// The result of an accepted upgrade.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The negotiated subprotocol, one of those offered.
    pub subprotocol: Option<String>,
    /// The negotiated extensions, for [`Config`](crate::Config).
    pub extensions: Extensions,
    /// The whole response, with status 101: the one received by a client, the one to send by a server.
    pub response: Response<()>,
}
