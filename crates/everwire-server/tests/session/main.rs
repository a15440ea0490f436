//! Sessions over real sockets: Everwire's client, its server, and a network between them that is cut.
#![cfg(feature = "axum")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how a test fails")]

mod awaiting;
mod cuts;
mod ending;
mod flood;
mod fragments;
#[cfg(feature = "metrics")]
mod metrics;
mod mixed;
mod peer;
mod support;
