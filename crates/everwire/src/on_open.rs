//! What happens on a new connection before anything else is sent on it: logging in, subscribing.

use std::error::Error;
use std::future::poll_fn;
use std::mem;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker, ready};

use everwire_core::{Cause, OpenFailure, Phase};
use everwire_ws::Message;

use crate::clock;
use crate::driver::{FreshSocket, HookFuture, HookSocket};
use crate::hook_error::{self, ConnectionEnded};
use crate::shared::Shared;
use crate::sync::lock;
use crate::{MaybeSend, MaybeSync};

/// What is done with a socket that has just opened, before the client has it. Nothing else names the hook, so a program
/// without one does not contain the hook's code.
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
    pub(crate) leave: Leave,
}

/// The result of a hook.
pub(crate) type HookResult = Result<(), Box<dyn Error + Send + Sync>>;

/// Runs the hook on each new connection.
pub(crate) fn run<F, Fut>(hook: F) -> OnOpen
where
    F: Fn(NewConnection) -> Fut + MaybeSend + MaybeSync + 'static,
    Fut: Future<Output = HookResult> + MaybeSend + 'static,
{
    Box::new(move |Fresh { socket, subprotocol, attempt, last_cause, leave }| {
        let lent = Lent(Arc::new(Mutex::new(Held { socket: Some(socket), ..Held::default() })));
        let said = hook(NewConnection { subprotocol, attempt, last_cause, leave, held: Arc::clone(&lent.0) });
        Box::pin(async move { lent.back(said.await) })
    })
}

/// What the hook has, until it is done or given up: then nobody has it any more.
struct Lent(Arc<Mutex<Held>>);

impl Lent {
    fn end(&self) -> Held {
        let mut ended =
            mem::replace(&mut *lock(&self.0), Held { end: Some(ConnectionEnded::over()), ..Held::default() });
        ended.waker.take().into_iter().for_each(Waker::wake);
        ended
    }

    /// The socket, if all went well.
    fn back(self, said: HookResult) -> Result<FreshSocket, OpenFailure> {
        let Held { socket, end, .. } = self.end();
        // A hook that has overlooked the end has not changed it; one that says something of its own knows better.
        let error = match (said, end) {
            (Ok(()), None) => None,
            (Ok(()), Some(end)) => Some(end.into()),
            (Err(error), _) => Some(error),
        };
        match (error, socket) {
            (None, Some(socket)) => Ok(socket),
            (error, socket) => {
                if let Some(socket) = socket {
                    socket.dismiss();
                }
                let error = error.unwrap_or_else(|| ConnectionEnded::over().into());
                Err(hook_error::failure(Phase::OnOpen, &*error))
            }
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.end();
    }
}

/// A connection that has just opened, as the hook of [`Builder::on_open`](crate::Builder::on_open) gets it.
///
/// It can be used as long as the hook's future runs; afterwards its methods fail with [`ConnectionEnded`].
#[derive(Debug)]
pub struct NewConnection {
    subprotocol: Option<String>,
    attempt: u32,
    last_cause: Option<Cause>,
    leave: Leave,
    held: Arc<Mutex<Held>>,
}

#[derive(Debug, Default)]
struct Held {
    socket: Option<FreshSocket>,
    /// Why it is over.
    end: Option<ConnectionEnded>,
    /// Wakes the task that waits for the socket.
    waker: Option<Waker>,
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

    /// The reason why the last attempt or connection ended; `None` for the very first one.
    #[must_use]
    pub fn last_cause(&self) -> Option<&Cause> {
        self.last_cause.as_ref()
    }

    /// Sends a message: waits until the [send rate](crate::Builder::send_rate) allows it, then until it is written. It
    /// has no outcome and is in no statistics: if the connection fails, the hook runs again on the next one. If the
    /// future is dropped, the message may still go out.
    ///
    /// # Errors
    /// When the connection has ended.
    pub async fn send(&mut self, message: impl Into<Message>) -> Result<(), ConnectionEnded> {
        self.leave.given().await;
        let message = message.into();
        let mut queued = None;
        poll_fn(|cx| {
            self.poll(cx, |socket, cx| {
                if *queued.get_or_insert_with(|| socket.queue_first(&message)) && ready!(socket.poll_written(cx)) {
                    return Poll::Ready(Ok(()));
                }
                // Why, the reading side knows: the close frame may be there. What comes before it, nobody asks for now.
                queued = Some(false);
                loop {
                    if let Err(end) = ready!(socket.poll_message(cx)) {
                        return Poll::Ready(Err(end));
                    }
                }
            })
        })
        .await
    }

    /// The next message from the server. What the hook does not receive, the client's [`Inbox`](crate::Inbox) does.
    /// Cancel-safe.
    ///
    /// # Errors
    /// When the connection has ended.
    pub async fn recv(&mut self) -> Result<Message, ConnectionEnded> {
        poll_fn(|cx| self.poll(cx, |socket, cx| socket.poll_message(cx))).await
    }

    fn poll<T>(
        &self,
        cx: &mut Context<'_>,
        act: impl FnOnce(&mut FreshSocket, &mut Context<'_>) -> Poll<Result<T, ConnectionEnded>>,
    ) -> Poll<Result<T, ConnectionEnded>> {
        let mut held = lock(&self.held);
        let Held { socket: Some(socket), end: None, .. } = &mut *held else {
            return Poll::Ready(Err(held.end.clone().unwrap_or_else(ConnectionEnded::over)));
        };
        let polled = act(socket, cx);
        match &polled {
            Poll::Pending => held.waker = Some(cx.waker().clone()),
            Poll::Ready(Err(end)) => held.end = Some(end.clone()),
            Poll::Ready(Ok(_)) => {}
        }
        polled
    }
}

/// The send rate's leave for what a hook sends.
#[derive(Debug)]
pub(crate) struct Leave(pub(crate) Arc<Shared>);

impl Leave {
    async fn given(&self) {
        loop {
            let now = self.0.now();
            let given = self.0.lock().machine.admit(now);
            match given {
                Ok(()) => return,
                Err(at) => clock::sleep(at.since(now)).await,
            }
        }
    }
}
