//! `everwire proxy`: the real binary between real clients and servers.

#[allow(dead_code, clippy::expect_used, clippy::panic, reason = "each test file uses a part; it is all test code")]
#[path = "../support/mod.rs"]
mod support;

#[allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "it is all test code")]
mod command;
#[allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "it is all test code")]
mod control;
#[allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "it is all test code")]
mod guide;
#[allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "it is all test code")]
mod http;
