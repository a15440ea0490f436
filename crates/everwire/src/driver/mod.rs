//! The task behind a client: it owns the transport, the machine decides.
//!
//! - [`Driver`] (`task`): one turn after the other: read, tell the machine, do what it wants, write, sleep
//! - `link`: a connection that is dialled, open or absent; `open_connection`: what the driver needs of an open one
//! - `effects`: the machine's outputs, sorted
//! - `platform`: how a connection is dialled, read and written: `native` by sockets, `browser` by a page's WebSocket
//! - `attempt`: what is known of an attempt before it is dialled; `reading`: why reading stopped
//! - `hook_socket`: what the hook for new connections needs of a socket
//! - `text_pings`: texts in place of pings; `secrets`: what of a request must not show in errors and logs
//! - `log`: what goes to `tracing`

mod attempt;
#[cfg(target_arch = "wasm32")]
pub(crate) mod browser;
mod effects;
mod hook_socket;
mod link;
mod log;
#[cfg(not(target_arch = "wasm32"))]
mod native;
mod open_connection;
mod reading;
mod secrets;
mod task;
mod text_pings;

#[cfg(target_arch = "wasm32")]
use self::browser as platform;
pub(crate) use self::hook_socket::HookSocket;
#[cfg(not(target_arch = "wasm32"))]
use self::native as platform;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use self::native::{Connector, KnownHost, Routes, Stopwatch, Stream, TcpSettings, Tls, TlsSettings, once};
#[cfg(not(target_arch = "wasm32"))]
pub use self::native::{Stream as Transport, TlsProvider};
pub(crate) use self::platform::{FreshSocket, Hook, HookFuture, Plan};
pub(crate) use self::task::Driver;
