//! The chat's wire format and its rules, as client and server share them. Sans-IO: no clock, no randomness, no socket; a lint
//! refuses them (`clippy.toml`).
//!
//! | module | what |
//! |---|---|
//! | [`wire`] | the JSON that chat clients and servers exchange |
//! | [`limits`] | what texts, names and ids may be |
//! | [`status`] | how far a message is known to have come, and which moves are allowed |
//! | [`timeline`] | one room's messages as a reader sees them: ordered, each once, bounded |
//! | [`typing`] | which users are typing |
//! | [`mention`] | who is addressed by `@name` |
//! | [`rooms`] | what a server answers about rooms over HTTP |
//!
//! The client on top of it is `everwire-chat`, the server `everwire-chat-server`.
//!
//! ```
//! use everwire_chat_core::wire::{Event, parse};
//!
//! let parsed = parse(r#"{"type":"typing","id":"1","userId":"ana","userName":"Ana","isTyping":true,"timestamp":7}"#);
//! assert!(matches!(&parsed.events[..], [Event::Typing(typing)] if typing.is_typing));
//! ```

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod characters;
pub mod limits;
pub mod mention;
pub mod rooms;
pub mod status;
pub mod timeline;
pub mod typing;
pub mod wire;

pub use status::{Failure, Rejection, Status};
pub use timeline::{Change, Entry, Missing, Timeline};
pub use wire::{Event, TextMessage, User};

/// The examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
