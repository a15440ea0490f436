//! What an attempt asks the server for.

use everwire_core::Cause;
use http::{HeaderMap, Uri};

/// The request of one attempt;
/// [`Builder::before_attempt`](crate::Builder::before_attempt) may change it.
///
/// Every attempt starts from the builder's settings: what the hook changed for the last one is
/// not kept.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AttemptRequest {
    /// The `ws` or `wss` URL to connect to. A user and password in it become an `Authorization` header, unless there is
    /// one in `headers`.
    pub url: Uri,
    /// Headers besides those that the opening handshake sets itself.
    pub headers: HeaderMap,
    /// Subprotocols offered, in order of preference.
    pub subprotocols: Vec<String>,
    /// Number of the attempt, from 1 since the last useful connection.
    pub attempt: u32,
    /// The reason why the last attempt or connection ended; `None` for the very first one. A 401 here says
    /// that the credentials of the last attempt were refused.
    pub last_cause: Option<Cause>,
}
