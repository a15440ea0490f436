//! The chat on Everwire: what goes over the wire, the rules of statuses and order, and [`ChatClient`].
//!
//! | module | what |
//! |---|---|
//! | [`wire`] | the JSON that chat clients and servers exchange |
//! | [`status`] | how far a message is known to have come, and which moves are allowed |
//! | [`timeline`] | one room's messages as a reader sees them: ordered, each once, bounded |
//! | [`typing`] | who is typing |
//! | [`signal`] | when others are told that we type, and that we are away |
//! | [`mention`] | who is addressed by `@name` |
//! | [`rooms`] | what a server answers about rooms over HTTP |
//! | [`limits`] | what texts, names and ids may be |
//! | [`client`] | the client: all of the above on an [`everwire::Client`] |
//!
//! All but `client` is pure: no clock, no I/O.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod characters;
pub mod client;
pub mod limits;
pub mod mention;
pub mod rooms;
pub mod signal;
pub mod status;
pub mod timeline;
pub mod typing;
pub mod wire;

pub use client::{
    Builder, ChatClient, ChatError, ChatEvent, FailedMessage, LoadError, Memory, ReadPosition, SendError,
    TakeBackError, Updates,
};
pub use status::{Failure, Rejection, Status};
pub use timeline::{Change, Entry, Missing, Timeline};
pub use wire::{Event, TextMessage, User};
