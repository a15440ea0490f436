//! The chat in a pipe: each event is one line, and each line of stdin is sent.
//!
//! - [`session`]: everything that happens, until it ends
//! - [`ending`]: the flush, the farewell, and the exit code
//! - [`input`]: where lines come from
//! - [`own`]: our own lines and where they stand
//! - [`lines`]: what is shown, without I/O

mod ending;
mod input;
mod lines;
mod own;
mod session;

pub(super) use session::run;
