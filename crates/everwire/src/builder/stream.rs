//! The way to a server without a WebSocket on it.

use std::error::Error;
use std::fmt;
use std::io::{self, IoSlice};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use everwire_core::OpenFailure;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::network::variable;
use super::{BuildError, Builder};
use crate::driver::{Stopwatch, Stream, Tls};
use crate::target::Target;

/// A connection to a server that carries nothing yet: TCP, or TLS over TCP. See [`Builder::open_stream`].
#[derive(Debug)]
pub struct ServerStream(Stream);

/// The reason why there is no [`ServerStream`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StreamError {
    /// A setting is wrong.
    Setting(BuildError),
    /// The server was not reached, or its certificate or key was not accepted.
    Open(OpenFailure),
}

impl Builder {
    /// Opens a connection to the URL's server without a WebSocket on it: name resolution, TCP, the proxy, and for `wss`
    /// TLS with the settings' roots, client certificate and pins. It is for other requests to the same server, such as
    /// a sign-in over HTTP/1.1, which then reach the same server as the WebSocket. Other settings do not apply: no
    /// header is sent, no redirect followed, no hook called, and there is no time limit.
    ///
    /// ```no_run
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tokio::io::{AsyncReadExt, AsyncWriteExt};
    ///
    /// let mut stream = everwire::Client::builder("wss://example.org/feed").open_stream().await?;
    /// stream.write_all(b"GET /health HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n").await?;
    /// let mut answer = String::new();
    /// stream.read_to_string(&mut answer).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// Cancel-safe: dropping the future gives up the connection.
    ///
    /// # Errors
    /// [`StreamError`].
    pub async fn open_stream(mut self) -> Result<ServerStream, StreamError> {
        let target = Target::parse(&self.url).map_err(|error| StreamError::Setting(BuildError::Url(error)))?;
        let tls = Tls::new(mem::take(&mut self.tls)).map_err(|error| StreamError::Setting(BuildError::Tls(error)))?;
        let network = mem::take(&mut self.network);
        let routes = network.routes(&target, tls, variable).map_err(StreamError::Setting)?;
        let stopwatch = Stopwatch::start(|_| {});
        let reached = routes.reach(&target, &stopwatch).await.map_err(StreamError::Open)?;
        Ok(ServerStream(reached.stream))
    }
}

impl AsyncRead for ServerStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for ServerStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting(error) => error.fmt(f),
            Self::Open(failure) => failure.fmt(f),
        }
    }
}

impl Error for StreamError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Setting(error) => error.source(),
            Self::Open(_) => None,
        }
    }
}
