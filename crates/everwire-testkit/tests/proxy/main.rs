//! The proxy over real sockets.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // a test fails by panicking

mod client;
mod control;
mod ends;
mod faults;
mod opening;
mod support;
