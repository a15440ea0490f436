//! The WebSocket protocol of [RFC 6455], both roles, **sans-IO**.
//!
//! What is absent: sockets, a runtime, a clock, operating-system randomness, the environment and unsafe code. Bytes
//! come in, messages come out, and the other way round; the same inputs always give the same outputs. The caller does
//! the reading and writing, so no cancelled read can lose anything.
//!
//! | step | client | server |
//! |---|---|---|
//! | opening handshake | [`handshake::ClientHandshake`] | [`handshake::accept`], or [`handshake::ServerHandshake`] for raw bytes |
//! | the connection | [`Connection`] with [`Role::Client`] | [`Connection`] with [`Role::Server`] |
//!
//! ```
//! use everwire_ws::{Config, Connection, Incoming, Message, Role};
//!
//! // The seed of the masking keys must come from the operating system's randomness in a real client.
//! let mut client = Connection::new(Role::Client, Config::default(), [7; 32]);
//! let mut server = Connection::new(Role::Server, Config::default(), [0; 32]);
//!
//! assert!(client.send(&Message::text("hello")));
//! server.receive(&client.outgoing().split()); // in a program: write, then read
//!
//! let incoming = server.next_incoming()?;
//! assert_eq!(incoming, Some(Incoming::Message(Message::text("hello"))));
//! # Ok::<(), everwire_ws::ProtocolError>(())
//! ```
//!
//! [RFC 6455]: https://www.rfc-editor.org/rfc/rfc6455

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod close;
mod connection;
mod decode;
mod deflate;
mod encode;
mod error;
mod fragmented;
mod frame;
pub mod handshake;
mod limits;
mod message;
mod output;
mod pongs;

pub use close::{CloseCode, CloseFrame};
pub use connection::{Config, Connection, Phase, Role};
pub use deflate::{Agreement, Compress, Deflate, Prepared, WindowBits};
pub use error::ProtocolError;
pub use fragmented::Fragmented;
pub use handshake::Extensions;
pub use limits::Limits;
pub use message::{Incoming, Message, MessageRef};

/// The examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
