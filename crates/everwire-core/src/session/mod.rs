//! `everwire.v1`: sessions that outlive connections. The rules stand in `docs/protocol.md`, and their numbers here.
//!
//! - [`frame`](Frame): what goes over the wire, and its reading
//! - [`body`](Hello): what the four JSON frames hold; `body_json`: how that is read and written
//! - [`code`]: the close codes, in one table for both ends
//! - [`config`](SessionConfig): the settings of either end
//! - `prefix`: what goes before the payload of a data frame
//! - `receiver`: the receiving half, the same on both ends. The sending half is the outbox.
//! - [`run`](MessageRun): reliable messages one behind the other
//! - [`replies`](Replies): a bound on the answers that a peer's frames cause
//! - [`reading`](Reading): what has been read of a connection, for the server's end of its session
//! - `link`: how one end stands to its present connection: what it has yet to say there
//! - `client`: what a client keeps of its session
//! - `of_session`: what only a session has, and is left out without the feature `session`
//! - [`server`](ServerSession): the server's end of one session
//! - [`registry`](Registry): all sessions of a server
//! - `owners`: whose they are, and who makes room for others; [`id`](SessionId): their names
//! - [`token`](Token): what proves that a client may resume

mod body;
mod body_json;
pub(crate) mod client;
pub mod code;
mod config;
mod frame;
#[cfg(feature = "session")]
mod id;
pub(crate) mod link;
pub(crate) mod of_session;
#[cfg(feature = "session")]
mod owners;
mod prefix;
#[cfg(feature = "session")]
mod reading;
pub(crate) mod receiver;
#[cfg(feature = "session")]
mod registry;
mod replies;
mod run;
#[cfg(feature = "session")]
mod server;
#[cfg(feature = "session")]
mod token;

pub use body::{Bye, GoAway, Gone, Hello, Limits, Previous, Resume, Welcome};
pub use config::{ServerConfig, SessionConfig, SessionMode};
pub use frame::{Frame, FrameError};
#[cfg(feature = "session")]
pub use id::SessionId;
pub use prefix::{MAX_SEQUENCE, Prefix, PrefixBytes};
#[cfg(feature = "session")]
pub use reading::Reading;
#[cfg(feature = "session")]
pub use registry::{Admission, Registry, RegistryConfig};
pub use replies::Replies;
pub use run::MessageRun;
#[cfg(feature = "session")]
pub use server::{Attached, ComeBack, ServerInput, ServerSession};
#[cfg(feature = "session")]
pub use token::Token;

/// The subprotocol by which both ends agree on sessions (RFC 6455 section 1.9).
pub const SUBPROTOCOL: &str = "everwire.v1";
