//! A single connection, for code that wants a socket and nothing around it.

use std::error::Error;
use std::fmt;

use everwire_core::retry::{Advice, advice};
use everwire_core::{Cause, OpenFailure};
use everwire_tokio::Socket;
use everwire_ws::Deflate;

use crate::driver::Transport;
use crate::{BuildError, Client, Opening};

/// A WebSocket that [`connect`] has opened: a `Stream` and a `Sink` of [`Message`](crate::Message)s that also has the
/// methods of [`Socket`].
pub type WebSocket = Socket<Transport>;

/// Opens one connection within 10 s: through the proxy that the environment names, to any of the addresses of the name,
/// for `wss` with TLS and the system's roots. It offers permessage-deflate (RFC 7692). It does nothing of what a
/// [`Client`] does afterwards: there is no task, no heartbeat and no reconnecting.
///
/// It is for code that was written for `tokio_tungstenite::connect_async`. For other settings there is
/// [`Builder::connect_once`](crate::Builder::connect_once). `Client::builder(url).connect_once()` is the same without
/// compression; that matters where secrets are compressed together with data that an attacker chooses, which can reveal
/// the secrets by the length of the result.
///
/// Cancel-safe: dropping the future gives up the attempt and leaves nothing behind. The socket's own methods are
/// cancel-safe too: nothing received is lost, and nothing is sent twice.
///
/// ```no_run
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use everwire::{Message, connect};
/// use futures_util::{SinkExt, StreamExt};
///
/// let (socket, opening) = connect("wss://example.org/feed").await?;
/// println!("{opening}");
/// let (mut writer, mut reader) = socket.split();
/// writer.send(Message::text("hello")).await?;
/// while let Some(message) = reader.next().await {
///     println!("{:?}", message?);
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// [`ConnectError`]; [`is_retryable`](ConnectError::is_retryable) tells whether another try makes sense.
pub async fn connect(url: impl AsRef<str>) -> Result<(WebSocket, Opening), ConnectError> {
    Client::builder(url).compression(Deflate::default()).connect_once().await
}

/// The reason why there is no connection. Its text is one line that says what happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// A setting, or the URL, is not valid; nothing was tried.
    Setting(BuildError),
    /// The attempt has failed.
    Failed(OpenFailure),
}

impl ConnectError {
    /// Returns `true` if another try may succeed, by the table at [`advice`](crate::advice()).
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Setting(_) => false,
            Self::Failed(failure) => !matches!(advice(&Cause::OpenFailed(failure.clone())), Advice::Stop | Advice::End),
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting(error) => error.fmt(f),
            Self::Failed(failure) => failure.fmt(f),
        }
    }
}

impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Setting(error) => error.source(),
            Self::Failed(_) => None,
        }
    }
}
