//! A TCP proxy that does to real connections what a [`Schedule`](crate::faults::Schedule) says, for any client and any
//! server.
//!
//! ```
//! # async fn server() -> std::io::Result<tokio::net::TcpListener> { tokio::net::TcpListener::bind("127.0.0.1:0").await }
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use everwire_testkit::faults::{Ending, Schedule};
//! use everwire_testkit::proxy::Proxy;
//!
//! let server = server().await?;
//! let schedule = Schedule::parse("[[rule]]\nfault = \"delay\"\nby = \"20ms\"\njitter = \"30ms\"")?;
//! let proxy = Proxy::builder(server.local_addr()?.to_string()).schedule(schedule).start().await?;
//!
//! // The program under test connects to `proxy.address()` instead of the server. Then, whenever the test wants it:
//! let client = tokio::net::TcpStream::connect(proxy.address()).await?;
//! proxy.black_hole(true); // nobody hears anything any more …
//! proxy.black_hole(false); // … and now they do
//! proxy.cut_all(Ending::Reset);
//! proxy.refuse(true); // as if the server were not running
//!
//! let stats = proxy.stop().await;
//! assert_eq!(stats.open, 0);
//! # Ok(()) }
//! ```
//!
//! # How real it is
//!
//! - A refusal of all connections (by [`Proxy::refuse`], or by a rule for all of them) closes the listening socket, so that
//!   clients see what they see without a server; the port stays reserved where the system allows it. A refusal of some
//!   connections can only reset them as soon as they are accepted.
//! - What is held is first held in the proxy, up to a bound, and then in the sender's socket, because the proxy stops
//!   reading: a sender in a black hole finds its buffers full some day, as in life.
//! - A reset may overtake bytes that lie in the operating systems' buffers, as in life. An orderly end does not.
//! - The server is dialled once a connection has been accepted; if it can't be reached, the client's connection is reset.
//!
//! A proxy runs on the tokio runtime in which it is started, which needs its I/O and time drivers.

mod accept;
mod builder;
mod connection;
mod door;
mod error;
mod events;
mod handle;
mod opening;
mod shared;
mod side;
mod stats;

pub use self::builder::Builder;
pub use self::error::StartError;
pub use self::events::{Control, EndedBy, Event, EventKind, Events};
pub use self::handle::Proxy;
pub use self::stats::{OpenConnection, Stats};

/// The guide's example is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../../../docs/proxy.md")]
struct Guide;
