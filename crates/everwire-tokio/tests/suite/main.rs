//! Sockets over streams in memory: scripted ones, and other implementations at the far end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail by panicking")]

mod buffers;
mod cancelling;
mod closing;
mod compression;
mod interop;
mod opening;
mod stream_and_sink;
mod streams;
mod writing;
