//! Hooks that run on every attempt and every new connection.

use std::error::Error;
use std::future::Future;

use super::Builder;
use crate::{AttemptRequest, MaybeSend, MaybeSync, NewConnection, on_open};

impl Builder {
    /// A hook that is called before every attempt and may change its URL, headers and subprotocols, for example to add
    /// a fresh token. Its time counts towards [`connect_timeout`](Self::connect_timeout). If it fails, so does the
    /// attempt, and the next one comes after the usual delay, unless the error is
    /// [`PermanentError`](crate::PermanentError). If it panics, the client ends. Default: none.
    ///
    /// With a hook a 401 is retried, since the next token may be better, and is final when it comes a fourth time in a
    /// row; without a hook it is final at once.
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

    /// A hook that has each new connection to itself, before anything in the outbox is sent on it: to log in and to
    /// subscribe at a server that forgets both when a connection ends. The client counts as connected, and sends, when
    /// the hook's future is done. Its time counts towards [`connect_timeout`](Self::connect_timeout). If it panics, the
    /// client ends. Default: none.
    ///
    /// If it fails, the attempt has failed, and the next one comes after the usual delay, unless the error is
    /// [`PermanentError`](crate::PermanentError); if the server closes the connection meanwhile, its close code decides
    /// ([`ConnectionEnded`](crate::ConnectionEnded)). What the hook leaves unread goes to the [`Inbox`](crate::Inbox).
    /// What it sends counts towards the [`send_rate`](Self::send_rate), and waits for it. Together with a
    /// [session](Self::session), which is resumed without such a hook, [`build`](Self::build) refuses it.
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
        self.on_open = Some(on_open::run(hook));
        self
    }
}
