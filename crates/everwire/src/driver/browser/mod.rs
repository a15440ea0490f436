//! The transport in a page: the browser's own WebSocket, timers and events.
//!
//! - [`Connection`]: reading and writing an open connection in batches
//! - [`Plan`]: one attempt
//! - `socket`: the browser's WebSocket, the only file that names it
//! - [`Sleep`]: the alarm
//! - `turn`: what comes together is taken in together
//! - [`Surroundings`]: what the browser says of the network and the page, as hints

mod connection;
mod plan;
mod sleep;
mod socket;
mod surroundings;
mod turn;

pub(super) use self::connection::Connection;
pub(super) use self::plan::{DialFuture, Opened, Which};
pub(crate) use self::plan::{Hook, NO_HEADERS, Plan};
pub(crate) use self::sleep::{Sleep, sleep};
pub(crate) use self::surroundings::Surroundings;
