//! The accepting side of Everwire: WebSockets in an axum application or on bare hyper.
//!
//! [`Upgrade`] checks the request, chooses the subprotocol and the limits, and hands the open [`Socket`] to a handler
//! that runs in a task of its own. With the feature `axum` it is an extractor:
//!
//! ```
//! # #[cfg(feature = "axum")]
//! # fn app() -> axum::Router {
//! use axum::{Router, routing::get};
//! use everwire_server::{Incoming, Upgrade};
//!
//! Router::new().route("/echo", get(async |upgrade: Upgrade| {
//!     upgrade.on_upgrade(async |mut socket| {
//!         while let Ok(Some(Incoming::Message(message))) = socket.recv().await {
//!             let _ = socket.send(&message).await; // fails once the peer has gone; `recv` then ends the loop
//!         }
//!     })
//! }))
//! # }
//! ```
//!
//! On bare hyper, [`Upgrade::from_request`] does the same for a request whose connection was served
//! [with upgrades](hyper::server::conn::http1::Connection::with_upgrades).

#[cfg(feature = "axum")]
mod axum;
mod rejection;
mod upgrade;

pub use everwire_tokio::SocketError;
pub use everwire_ws::{CloseCode, CloseFrame, Deflate, Incoming, Limits, Message, Phase, ProtocolError};

pub use rejection::UpgradeRejection;
pub use upgrade::{Socket, Stream, Upgrade};
