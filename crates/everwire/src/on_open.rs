//! What happens on a new connection before anything else is sent on it: logging in, subscribing.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use everwire_core::{Cause, OpenFailure, OpenFailureKind, Phase};
use everwire_ws::{CloseFrame, Message};

use crate::driver::{FreshSocket, HookFuture};
use crate::sync::lock;
use crate::{MaybeSend, MaybeSync};

/// What is done with a socket that has just opened, before the client has it. Nothing else names the hook, so whoever has
/// none does not carry what belongs to it.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) type OnOpen = Box<dyn Fn(Fresh) -> HookFuture<Result<FreshSocket, OpenFailure>> + Send + Sync>;
#[cfg(target_arch = "wasm32")]
pub(crate) type OnOpen = Box<dyn Fn(Fresh) -> HookFuture<Result<FreshSocket, OpenFailure>>>;

/// A socket that has just opened.
pub(crate) struct Fresh {
    pub(crate) socket: FreshSocket,
    pub(crate) subprotocol: Option<String>,
    pub(crate) attempt: u32,
    pub(crate) last_cause: Option<Cause>,
}

/// Has the hook talk on each.
pub(crate) fn talk<F, Fut>(hook: F) -> OnOpen
where
    F: Fn(NewConnection) -> Fut + MaybeSend + MaybeSync + 'static,
    Fut: Future<Output = Result<(), OnOpenError>> + MaybeSend + 'static,
{
    Box::new(move |Fresh { socket, subprotocol, attempt, last_cause }| {
        let held = Arc::new(Mutex::new(Held { socket: Some(socket), end: None }));
        let said = hook(NewConnection { subprotocol, attempt, last_cause, held: Arc::clone(&held) });
        Box::pin(async move { take_back(said.await, &held) })
    })
}

/// The socket, if all went well.
fn take_back(said: Result<(), OnOpenError>, held: &Mutex<Held>) -> Result<FreshSocket, OpenFailure> {
    let Held { socket, end } = mem::replace(&mut *lock(held), Held { socket: None, end: None });
    // A hook that has overlooked the end has not changed it; one that says something of its own knows better.
    match (said, end, socket) {
        (Ok(()), None, Some(socket)) => Ok(socket),
        (said, end, socket) => {
            if let Some(socket) = socket {
                socket.dismiss();
            }
            let error = said.err().or(end).unwrap_or_else(OnOpenError::over);
            let detail = error.detail.split(char::is_control).collect::<Vec<_>>().join(" ");
            Err(OpenFailure { phase: Phase::OnOpen, kind: error.kind, detail })
        }
    }
}

/// A connection that has just opened, in the hands of the hook of [`Builder::on_open`](crate::Builder::on_open).
///
/// It lasts as long as the hook's future: kept beyond that, it only says that it is over.
#[derive(Debug)]
pub struct NewConnection {
    subprotocol: Option<String>,
    attempt: u32,
    last_cause: Option<Cause>,
    held: Arc<Mutex<Held>>,
}

#[derive(Debug)]
struct Held {
    socket: Option<FreshSocket>,
    /// Why it is over.
    end: Option<OnOpenError>,
}

impl NewConnection {
    /// The subprotocol that the server chose (RFC 6455 section 4.2.2).
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.subprotocol.as_deref()
    }

    /// Number of the attempt, from 1 since the last useful connection.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Why the last attempt or connection ended; `None` for the very first one.
    #[must_use]
    pub fn last_cause(&self) -> Option<&Cause> {
        self.last_cause.as_ref()
    }

    /// Sends a message, and waits until it is written. Nothing is said of its outcome: if the connection fails, the hook
    /// runs again on the next one. If it is given up halfway, the message may still go out.
    ///
    /// # Errors
    /// When the connection has ended.
    pub async fn send(&mut self, message: impl Into<Message>) -> Result<(), OnOpenError> {
        let message = message.into();
        let mut queued = false;
        poll_fn(|cx| {
            self.poll(|socket| {
                if !queued {
                    queued = true;
                    if !socket.queue_first(&message) {
                        return Poll::Ready(Err(OnOpenError::over()));
                    }
                }
                socket.poll_written(cx)
            })
        })
        .await
    }

    /// The next message from the server. What the hook does not receive, the client's [`Inbox`](crate::Inbox) does.
    /// Cancel-safe.
    ///
    /// # Errors
    /// When the connection has ended.
    pub async fn recv(&mut self) -> Result<Message, OnOpenError> {
        poll_fn(|cx| self.poll(|socket| socket.poll_message(cx))).await
    }

    fn poll<T>(
        &self,
        act: impl FnOnce(&mut FreshSocket) -> Poll<Result<T, OnOpenError>>,
    ) -> Poll<Result<T, OnOpenError>> {
        let mut held = lock(&self.held);
        let Held { socket: Some(socket), end: None } = &mut *held else {
            return Poll::Ready(Err(held.end.clone().unwrap_or_else(OnOpenError::over)));
        };
        let polled = act(socket);
        if let Poll::Ready(Err(error)) = &polled {
            held.end = Some(error.clone());
        }
        polled
    }
}

/// Why the hook of [`Builder::on_open`](crate::Builder::on_open) does not let a connection be used.
///
/// Any error becomes one by `?`, and then the client tries again with the usual delays, as it does when the connection ends
/// under the hook's hands (there the close code decides). It is no [`Error`] itself, so that it can take all that are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnOpenError {
    kind: OpenFailureKind,
    detail: String,
}

impl OnOpenError {
    /// It did not work, in words; it may the next time.
    pub fn failed(why: impl fmt::Display) -> Self {
        Self { kind: OpenFailureKind::Hook, detail: why.to_string() }
    }

    /// The server does not want us, and would not the next time: the client ends
    /// ([`Closed::Refused`](crate::Closed::Refused)) with these words.
    pub fn unwanted(why: impl fmt::Display) -> Self {
        Self { kind: OpenFailureKind::Unwanted, detail: why.to_string() }
    }

    /// The server closed it.
    pub(crate) fn closed(frame: Option<CloseFrame>) -> Self {
        Self { kind: OpenFailureKind::Closed(frame.map(Box::new)), detail: String::new() }
    }

    /// The connection was lost.
    pub(crate) fn lost(detail: String) -> Self {
        Self { kind: OpenFailureKind::Io, detail }
    }

    fn over() -> Self {
        Self::failed("the connection is over")
    }
}

impl<E: Error> From<E> for OnOpenError {
    fn from(error: E) -> Self {
        let mut words = error.to_string();
        let mut next = error.source();
        while let Some(error) = next {
            words = format!("{words}: {error}");
            next = error.source();
        }
        Self::failed(words)
    }
}

impl fmt::Display for OnOpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.detail.is_empty() {
            true => self.kind.fmt(f),
            false => f.write_str(&self.detail),
        }
    }
}

/// What a hook needs of a socket, on each platform.
pub(crate) trait Talk {
    /// Puts a message into the socket's buffer. `false` when it is closing.
    fn queue_first(&mut self, message: &Message) -> bool;
    fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), OnOpenError>>;
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, OnOpenError>>;
    /// Tells the server that it won't be used, as far as that works at once.
    fn dismiss(self);
}
