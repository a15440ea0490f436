//! The accept loop: limits on what a connection costs before it is a WebSocket, on their number, and the shutdown.
//!
//! - `accept`: one listener, from its start to its end
//! - `connection`: one connection, from its first byte to its upgrade
//! - `places`: how many there are, in all and by address
//! - `stream`: the stream below a connection: it holds a place, and gives up on a peer that does not read
//! - `body`: a request's body, bounded in size and time
//! - `refuse`: the answer to connections beyond a limit
//! - `stats`: what can be counted

mod accept;
mod body;
mod connection;
mod places;
mod progress;
mod refuse;
mod stats;
mod stream;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Buf;
use http::{Request, Response};
use hyper::body::Body;
use hyper::service::Service;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

use crate::clock::NEVER;

pub use body::{BodyError, RequestBody};
pub(crate) use connection::Bond;
pub use stats::Stats;

/// Accepts TCP connections, speaks HTTP/1.1 on them, and hands their requests to a service: an axum `Router`
/// ([`serve_router`](Self::serve_router)) or any hyper service ([`serve`](Self::serve)).
///
/// Unlike a bare loop over `accept`, it bounds what a peer costs before it is a WebSocket, and it shuts down in bounded
/// time:
///
/// | what a peer does | what happens |
/// |---|---|
/// | sends its request's head slowly, or nothing | closed after [`opening_timeout`](Self::opening_timeout); so is an idle kept-alive connection |
/// | sends a head that is too large | 431, [`max_head`](Self::max_head) |
/// | sends a body that is too large or slow | reading the body fails ([`BodyError`]) |
/// | does not read the response | closed after [`opening_timeout`](Self::opening_timeout) |
/// | does not speak HTTP/1.1 | 400, or closed |
/// | opens too many connections itself | 429, [`max_per_address`](Self::max_per_address) |
/// | is beyond the limit on all connections | 503 with `Retry-After`, [`max_connections`](Self::max_connections) |
///
/// Once it is a WebSocket, its [`Limits`](crate::Limits) and its handler bound it. Each request carries its
/// [`PeerAddress`]; with the feature `axum` also an `axum::extract::ConnectInfo<SocketAddr>`.
///
/// ```
/// use everwire_server::{Server, Upgrade};
/// use hyper::service::service_fn;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let service = service_fn(async |mut request| {
///     Ok::<_, std::convert::Infallible>(match Upgrade::from_request(&mut request) {
///         Ok(upgrade) => upgrade.on_upgrade(async |mut socket| while let Ok(Some(_)) = socket.recv().await {}),
///         Err(rejection) => rejection.into_response(),
///     })
/// });
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// let until = async {}; // in a program: until a signal comes
/// let ended = Server::new().max_connections(1000).serve(listener, service, until).await;
/// assert_eq!(ended.cut, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Server {
    max_connections: usize,
    max_per_address: Option<usize>,
    opening_timeout: Duration,
    grace: Duration,
    max_head: usize,
    max_body: usize,
    stats: Stats,
}

/// The result of a server's shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// The number of connections that were still open when the [grace](Server::grace) was over, and were closed without
    /// a closing handshake.
    pub cut: usize,
}

/// The address that a request's connection comes from, among the request's extensions. Behind a proxy it is the proxy's
/// address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddress(pub SocketAddr);

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

impl Server {
    /// A server with the defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            max_connections: 10_000,
            max_per_address: None,
            opening_timeout: Duration::from_secs(10),
            grace: Duration::from_secs(10),
            max_head: 16 << 10,
            max_body: 64 << 10,
            stats: Stats::default(),
        }
    }

    /// The most connections at a time, WebSockets included; default 10,000. One more is answered 503 with `Retry-After`
    /// and closed. Each needs a file descriptor: raise the process's limit to more than this.
    ///
    /// Too low: users are turned away. Too high: the process runs out of descriptors or memory instead.
    #[must_use]
    pub fn max_connections(mut self, most: usize) -> Self {
        self.max_connections = most;
        self
    }

    /// The most connections at a time from one IP address (with IPv6 from one /64 network, which a single user has);
    /// default: no limit. One more is answered 429 and closed. Behind a proxy, or where an office shares an address, a
    /// limit hits all of them together.
    ///
    /// Too low: an office behind one address is turned away. Too high, or no limit: one machine can use up all
    /// connections.
    #[must_use]
    pub fn max_per_address(mut self, most: Option<usize>) -> Self {
        self.max_per_address = most;
        self
    }

    /// The time that each step of an opening may take; default 10 s. The steps: the handshake below HTTP
    /// ([`serve_with`](Self::serve_with)), a request's head, its body, and the peer's taking the response.
    ///
    /// Too short: slow clients never get in. Too long: clients that open a connection and send nothing hold it that
    /// long.
    #[must_use]
    pub fn opening_timeout(mut self, limit: Duration) -> Self {
        // hyper adds it to a time.
        self.opening_timeout = limit.min(NEVER);
        self
    }

    /// The time that connections may take to end once the server shuts down; default 10 s. Those that are left are
    /// closed without a closing handshake.
    ///
    /// Too short: responses are cut off. Too long: the program ends that much later when a client does not close its
    /// connection.
    #[must_use]
    pub fn grace(mut self, limit: Duration) -> Self {
        self.grace = limit;
        self
    }

    /// The most bytes in a request's line and header fields; default 16 KiB. A larger head is answered 431, as is one
    /// with more than 100 fields.
    ///
    /// Too small: requests with long cookies or tokens are refused. Too large: each opening may cost that much memory.
    #[must_use]
    pub fn max_head(mut self, bytes: usize) -> Self {
        self.max_head = bytes;
        self
    }

    /// The most bytes in a request's body; default 64 KiB. Reading a larger one fails with [`BodyError::TooLarge`].
    ///
    /// Too small: larger uploads fail. Too large: each request may cost that much memory.
    #[must_use]
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// The counters of the server, during and after serving. Clones of this server share them.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats.clone()
    }

    /// Serves an axum router; see [`serve`](Self::serve).
    #[cfg(feature = "axum")]
    pub async fn serve_router(
        self,
        listener: TcpListener,
        router: axum::Router,
        until: impl Future<Output = ()>,
    ) -> ShutdownReport {
        self.serve(listener, hyper_util::service::TowerToHyperService::new(router), until).await
    }

    /// Serves an axum router over the stream that `handshake` makes of each TCP connection; see
    /// [`serve_with`](Self::serve_with).
    #[cfg(feature = "axum")]
    pub async fn serve_router_with<H, Fut, IO>(
        self,
        listener: TcpListener,
        handshake: H,
        router: axum::Router,
        until: impl Future<Output = ()>,
    ) -> ShutdownReport
    where
        H: Fn(TcpStream) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = io::Result<IO>> + Send,
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        self.serve_with(listener, handshake, hyper_util::service::TowerToHyperService::new(router), until).await
    }

    /// Serves until `until` is ready, then shuts down: no connection is accepted any more, those without a request are
    /// dropped, requests under way are answered, and WebSockets may go on until the [`grace`](Self::grace) is over; it
    /// is up to the application to tell its clients. Connections that are left then are closed, and the handlers of
    /// [`Upgrade::on_upgrade`](crate::Upgrade::on_upgrade) are dropped, so this returns in bounded time.
    ///
    /// When accepting fails, for example for lack of file descriptors, the error is logged and accepting is tried again
    /// after 1 s.
    ///
    /// Dropping the future closes all connections at once.
    pub async fn serve<S, B>(self, listener: TcpListener, service: S, until: impl Future<Output = ()>) -> ShutdownReport
    where
        S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
        B: Body<Data: Buf + Send, Error: Into<BoxError>> + Send + 'static,
    {
        let plain = |stream| std::future::ready(Ok::<TcpStream, io::Error>(stream));
        accept::run(self, listener, accept::Below::Nothing(plain), service, until).await
    }

    /// [`serve`](Self::serve) over the stream that `handshake` makes of each TCP connection, such as a TLS stream. The
    /// handshake runs in a separate task, for no longer than the [`opening_timeout`](Self::opening_timeout).
    /// Connections beyond a limit are closed without an answer, since they do not speak HTTP yet.
    pub async fn serve_with<H, Fut, IO, S, B>(
        self,
        listener: TcpListener,
        handshake: H,
        service: S,
        until: impl Future<Output = ()>,
    ) -> ShutdownReport
    where
        H: Fn(TcpStream) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = io::Result<IO>> + Send,
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
        B: Body<Data: Buf + Send, Error: Into<BoxError>> + Send + 'static,
    {
        accept::run(self, listener, accept::Below::Handshake(handshake), service, until).await
    }
}

/// What hyper makes of any error.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;
