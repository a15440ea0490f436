//! Code that the tests of the whole of Everwire share. The tests themselves are in `tests/`: real processes, foreign peers,
//! the commands of the documents.

#![allow(clippy::expect_used, clippy::panic)] // what supports tests fails by panicking

mod blackhole;
pub mod chat;
mod echo;
mod process;
mod reverse_proxy;
mod tap;

pub use blackhole::{Namespace, Network};
pub use echo::{EchoServer, Seen};
pub use process::{PATIENCE, Process, cargo, everwire, example, free_port, nats_server, root};
pub use reverse_proxy::{ProxyKind, ReverseProxy};
pub use tap::Tap;
