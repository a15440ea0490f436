//! What every implementation of the stores has to do: `message_store!` and `account_store!` make tests of it.

#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

pub(super) mod accounts;
pub(super) mod messages;

pub(super) use accounts::{AccountFixture, account_store};
pub(super) use messages::{Log, MessageFixture, collect, ids, message_store, post};
