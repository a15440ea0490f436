//! The client of Everwire's chat: [`ChatClient`], the wire format, and the rules of statuses and order.
//!
//! | module | what |
//! |---|---|
//! | [`wire`] | the JSON that chat clients and servers exchange |
//! | [`status`] | how far a message is known to have come, and which moves are allowed |
//! | [`timeline`] | one room's messages as a reader sees them: ordered, each once, bounded |
//! | [`typing`] | which users are typing |
//! | [`signal`] | when others are told that we type, and that we are away |
//! | [`mention`] | who is addressed by `@name` |
//! | [`rooms`] | what a server answers about rooms over HTTP |
//! | [`limits`] | what texts, names and ids may be |
//! | [`client`] | the client: all of the above on an [`everwire::Client`] |
//!
//! Everything except `client`, `signal` and [`new_id`] is pure (no clock, no I/O) and comes from `everwire-chat-core`, which the
//! server uses too.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

pub mod client;
mod id;
pub mod signal;

pub use client::{
    Builder, ChatClient, ChatError, ChatEvent, FailedMessage, LoadError, Memory, ReadPosition, SendError,
    TakeBackError, Updates,
};
pub use everwire_chat_core::{limits, mention, rooms, status, timeline, typing, wire};
pub use id::new_id;
pub use status::{Failure, Rejection, Status};
pub use timeline::{Change, Entry, Missing, Timeline};
pub use wire::{Event, TextMessage, User};

/// The examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
