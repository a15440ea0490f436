//! Sessions: a client's machine and a server's sessions, talking to each other.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

mod anything;
mod ending;
mod limits;
mod migration;
mod never;
mod options;
mod pair;
mod resuming;
mod rules;
mod stored;
mod stored_anything;
mod users_and_peers;
mod volatile;
