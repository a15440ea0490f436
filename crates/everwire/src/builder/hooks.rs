//! Hooks that run on every attempt and every new connection.

use std::error::Error;
use std::future::Future;

use super::Builder;
use crate::{AttemptRequest, MaybeSend, MaybeSync, NewConnection, on_open};

impl Builder {
    /// A hook that is called before every attempt and may change its URL, headers and
    /// subprotocols: the place for a fresh token. It counts into
    /// [`connect_timeout`](Self::connect_timeout). If it fails, so does the attempt, and the next one comes after the usual
    /// delay, unless the error is [`PermanentError`](crate::PermanentError). If it panics, the client ends.
    ///
    /// With a hook a 401 is retried, since the next token may be better; without one it is final.
    ///
    /// ```no_run
    /// # async fn fetch_token() -> Result<String, std::io::Error> { Ok(String::new()) }
    /// # #[tokio::main] async fn main() -> Result<(), everwire::BuildError> {
    /// let client = everwire::Client::builder("wss://example.org/feed")
    ///     .before_attempt(async |mut request| {
    ///         let token = format!("Bearer {}", fetch_token().await?);
    ///         request.headers.insert("authorization", token.parse()?);
    ///         Ok(request)
    ///     })
    ///     .build()?;
    /// # Ok(()) }
    /// ```
    pub fn before_attempt<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(AttemptRequest) -> Fut + MaybeSend + MaybeSync + 'static,
        Fut: Future<Output = Result<AttemptRequest, Box<dyn Error + Send + Sync>>> + MaybeSend + 'static,
    {
        self.hook = Some(Box::new(move |request| Box::pin(hook(request))));
        self
    }

    /// A hook that has each new connection to itself, before anything that waits in the outbox is sent on it: the place to
    /// log in and to subscribe, with a server that forgets both when a connection ends. The client is connected, and sends,
    /// when the hook's future is done. It counts into [`connect_timeout`](Self::connect_timeout). If it panics, the client
    /// ends. Default: none.
    ///
    /// If it fails, the attempt has failed, and the next one comes after the usual delay, unless the error is
    /// [`PermanentError`](crate::PermanentError); if the server closes the connection meanwhile, its close code decides
    /// ([`ConnectionEnded`](crate::ConnectionEnded)). What the hook leaves unread goes to the [`Inbox`](crate::Inbox). Not for [sessions](Self::session), which
    /// have nothing to repeat. What it sends counts into the [`send_rate`](Self::send_rate), and waits for it.
    ///
    /// ```no_run
    /// # #[tokio::main] async fn main() -> Result<(), everwire::BuildError> {
    /// use everwire::PermanentError;
    ///
    /// let client = everwire::Client::builder("wss://example.org/feed")
    ///     .on_open(async |mut connection| {
    ///         connection.send(r#"{"op":"login","key":"secret"}"#).await?;
    ///         match connection.recv().await?.as_text() {
    ///             Some(r#"{"login":"ok"}"#) => {}
    ///             Some(r#"{"login":"denied"}"#) => return Err(PermanentError::new("the key is not valid").into()), // ends the client
    ///             other => return Err(format!("the server says {other:?}").into()), // is tried again
    ///         }
    ///         Ok(connection.send(r#"{"op":"subscribe","to":"prices"}"#).await?)
    ///     })
    ///     .build()?;
    /// # Ok(()) }
    /// ```
    pub fn on_open<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(NewConnection) -> Fut + MaybeSend + MaybeSync + 'static,
        Fut: Future<Output = Result<(), Box<dyn Error + Send + Sync>>> + MaybeSend + 'static,
    {
        self.on_open = Some(on_open::talk(hook));
        self
    }
}
