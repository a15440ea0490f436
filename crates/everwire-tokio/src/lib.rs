//! A WebSocket on any tokio stream: [`everwire_ws`] with reading and writing.
//!
//! [`client()`] and [`server()`] do the opening handshake on a stream and return a [`Socket`]; a server behind an HTTP
//! library makes one from the upgraded stream with [`Socket::new`]. A socket is also a `Stream` and a `Sink` of
//! messages. All methods of a socket are cancel-safe. A socket starts no task: time limits, heartbeats and reconnecting
//! are up to the caller.
//!
//! ```
//! use everwire_tokio::{client, server};
//! use everwire_ws::handshake::ClientHandshake;
//! use everwire_ws::{CloseCode, Config, Incoming, Message};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (near, far) = tokio::io::duplex(1024); // in a program: a TcpStream, or TLS on top of one
//! let echo = async {
//!     let (mut socket, opened) = server(far, Config::default(), |_offered| None).await?;
//!     assert_eq!(opened.request.uri(), "/feed");
//!     while let Some(incoming) = socket.recv().await? {
//!         if let Incoming::Message(message) = incoming {
//!             socket.send(&message).await?;
//!         }
//!     }
//!     Ok::<_, Box<dyn std::error::Error>>(())
//! };
//! let talk = async {
//!     let request = http::Request::get("ws://example.org/feed").body(())?;
//!     // Nonce and seed must come from the operating system's randomness in a real client.
//!     let handshake = ClientHandshake::new(&request, &[], [1; 16])?;
//!     let (mut socket, _accepted) = client(near, handshake, Config::default(), [2; 32]).await?;
//!     socket.send(&Message::text("hello")).await?;
//!     assert_eq!(socket.recv().await?, Some(Incoming::Message(Message::text("hello"))));
//!     socket.close(CloseCode::NORMAL, "done").await?;
//!     Ok::<_, Box<dyn std::error::Error>>(())
//! };
//! tokio::try_join!(echo, talk)?;
//! # Ok(())
//! # }
//! ```

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod error;
mod halves;
mod large;
mod open;
mod reader;
mod socket;
mod stream;
mod writer;

pub use error::{OpenError, SocketError};
pub use large::{Held, Large};
pub use open::{Opened, client, server};
pub use socket::Socket;

/// The examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
