//! What the tests over the whole of Everwire share. The tests themselves are in `tests/`: real processes, foreign peers,
//! the documents' own commands.

#![allow(clippy::expect_used, clippy::panic)] // what supports tests fails by panicking

mod echo;
mod hole;
mod process;
mod tap;

pub use echo::{EchoServer, Seen};
pub use hole::{Namespace, Network};
pub use process::{PATIENCE, Process, cargo, everwire, example, free_port, root};
pub use tap::Tap;
