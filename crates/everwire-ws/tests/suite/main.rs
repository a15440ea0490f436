//! The protocol from outside, by its rules, by properties, and against another implementation.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail by panicking")]

mod bounds;
mod client_handshake;
mod compression;
mod differential;
mod fragments;
mod garbage;
mod large;
mod prepared;
mod properties;
mod receiving;
mod sending;
mod server_handshake;
mod support;
