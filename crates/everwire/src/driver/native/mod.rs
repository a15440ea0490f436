//! The transport of the operating system: sockets, TLS, proxies.
//!
//! - [`Connection`]: reading and writing an open connection in batches
//! - `dial`: one attempt, from the request hook to the open WebSocket, and which `redirect`s it follows
//! - `once`: one attempt without a client
//! - `route`: the way to a server, made of `connector` (names and TCP), `tunnel` (proxies), `tls` (rustls); `stream` is any
//! - `addresses`: in which order a server's addresses are tried, `race`: side by side, `tcp`: one of them
//! - `stopwatch`: how long the phases of that take, and what is told of it
//! - `failure`: errors as causes, in words
//! - `fresh_socket`: a new connection in the hands of the user's hook
//! - [`Hints`]: what the operating system reports of the network

mod addresses;
mod connection;
mod connector;
mod dial;
mod failure;
mod fresh_socket;
mod future;
mod hints;
mod once;
mod race;
mod redirect;
mod route;
mod stopwatch;
mod stream;
mod tcp;
mod tls;
mod tunnel;

pub(super) use self::connection::Connection;
pub(crate) use self::connector::{Connector, KnownHost};
pub(super) use self::dial::Opened;
pub(crate) use self::dial::{Hook, Plan};
pub(crate) use self::fresh_socket::FreshSocket;
pub(crate) use self::future::BoxFuture as HookFuture;
pub(super) use self::hints::Hints;
pub(crate) use self::once::once;
pub(crate) use self::route::Routes;
pub(crate) use self::stopwatch::Stopwatch;
pub use self::stream::Stream;
pub(crate) use self::tcp::TcpSettings;
pub use self::tls::TlsProvider;
pub(crate) use self::tls::{Settings as TlsSettings, Tls};
