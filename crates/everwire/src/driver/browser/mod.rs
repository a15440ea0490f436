//! The transport in a page: the browser's own WebSocket, timers and events.
//!
//! - [`Connection`]: reading and writing an open connection in batches
//! - [`Plan`]: one attempt
//! - `socket`: the browser's WebSocket, the only file that names it
//! - [`SocketFactory`]: WebSockets of another make
//! - `leaving`: when a page is put away without being closed; `listener`: its events
//! - [`Sleep`]: the alarm
//! - `turn`: what comes together is taken in together
//! - `hook_socket`: what the hook for new connections needs of a socket
//! - [`Surroundings`]: what the browser says of the network and the page, as hints

mod connection;
mod factory;
mod hook_socket;
mod leaving;
mod listener;
mod plan;
mod sleep;
mod socket;
mod surroundings;
mod turn;

pub(super) use self::connection::Connection;
pub use self::factory::SocketFactory;
pub(super) use self::plan::Opened;
pub(crate) use self::plan::{Hook, HookFuture, NO_HEADERS, Plan};
pub(crate) use self::sleep::{Sleep, sleep};
pub(crate) use self::socket::Socket as FreshSocket;
pub(super) use self::surroundings::Surroundings as Hints;
