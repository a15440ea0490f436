//! The simulator: it is the same every time, it finds what is broken on purpose, and what it found once stays mended.
#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

mod calls;
mod descriptions;
mod kept;
mod promises;
mod small_worlds;
mod users_and_peers;
