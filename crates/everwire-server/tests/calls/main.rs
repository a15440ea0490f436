//! Calls and streams over real sockets: Everwire's client, its server, and a network between them that is cut.
#![cfg(all(feature = "axum", feature = "calls"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how a test fails")]

mod bytes;
mod failures;
mod floods;
mod lost;
#[cfg(feature = "metrics")]
mod metrics;
#[path = "../session/support.rs"]
#[allow(dead_code, reason = "what the tests of sessions use")]
mod support;
mod well;
mod world;
