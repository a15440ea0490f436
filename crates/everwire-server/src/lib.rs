//! The accepting side of Everwire: WebSockets in an axum application or on bare hyper.
//!
//! [`Upgrade`] checks the request and its [origin](Origins), chooses the subprotocol and the limits, and hands the open
//! [`Socket`] to a handler that runs in a task of its own. With the feature `axum` it is an extractor. [`Server`]
//! accepts the TCP connections, and bounds what connections cost that never become a WebSocket:
//!
//! ```
//! # #[cfg(feature = "axum")]
//! # async fn example() -> std::io::Result<()> {
//! use axum::{Router, routing::get};
//! use everwire_server::{Incoming, Server, Upgrade};
//!
//! let app = Router::new().route("/echo", get(async |upgrade: Upgrade| {
//!     upgrade.on_upgrade(async |mut socket| {
//!         while let Ok(Some(incoming)) = socket.recv().await {
//!             if let Incoming::Message(message) = incoming {
//!                 let _ = socket.send(&message).await; // fails once the peer has gone; `recv` then ends the loop
//!             }
//!         }
//!     })
//! }));
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! Server::new().serve_router(listener, app, std::future::pending()).await; // in a program: until a signal comes
//! # Ok(())
//! # }
//! ```
//!
//! [`Upgrade`] also works behind another accept loop (`axum::serve`, or bare hyper with
//! [upgrades](hyper::server::conn::http1::Connection::with_upgrades)); that loop then has to bound slow openers and the
//! number of connections.
//!
//! Log records go to `tracing` under the targets of this crate's modules (`everwire_server::…`), those of calls under
//! `everwire::calls`.
//!
//! | module | what |
//! |---|---|
//! | `upgrade`, `rejection` | one request that asks for a WebSocket |
//! | `origin` | which web pages may connect |
//! | `session` | sessions that outlive connections; calls and streams in them with the feature `calls` (`docs/calls.md`) |
//! | `server` | the accept loop, its limits, and its shutdown |
//! | `axum` | the extractor |
//! | `clock` | durations that may be "never" |
//! | `metrics` | metrics by the crate `metrics`, with the feature `metrics` (`docs/metrics.md`) |

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

#[cfg(feature = "axum")]
mod axum;
mod clock;
mod metrics;
mod origin;
mod rejection;
mod server;
mod session;
mod upgrade;

pub use clock::after;
pub use everwire_core::session::{
    ComeBack, Limits as SessionLimits, RegistryConfig, SUBPROTOCOL, ServerConfig, SessionId,
};
pub use everwire_core::{
    ConfigError, DropPolicy, HeartbeatConfig, OutboxConfig, Overflow, Priority, SendError, SendOptions,
};
pub use everwire_tokio::SocketError;
pub use everwire_ws::{
    CloseCode, CloseFrame, Compress, Deflate, Incoming, Limits, Message, Phase, Prepared, ProtocolError, WindowBits,
};

#[cfg(feature = "calls")]
pub use everwire_peer::{
    Call, CallError, CallInfo, CallOptions, CallStream, Calls, CallsConfig, Execution, Extension, Failure, FromCall,
    Handler, Incoming as IncomingCall, IntoPayload, Json, JsonRpc, Peer, PlainMessages, RpcError, StreamHandler,
    TraceParent, Watermark, codes as call_codes, own_message,
};
pub use origin::{OriginError, Origins};
pub use rejection::UpgradeRejection;
pub use server::{BodyError, PeerAddress, RequestBody, Server, ShutdownReport, Stats};
pub use session::{
    Received, Session, SessionSender, Sessions, SessionsConfig, SessionsStats, WatermarkError, Watermarks,
};
pub use upgrade::{Socket, Stream, Upgrade};
