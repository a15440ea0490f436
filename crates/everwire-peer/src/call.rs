use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use everwire_calls::Kind;
use everwire_ws::Message;
use futures_core::Stream;
use serde::de::DeserializeOwned;
use tracing::Span;

use crate::CallError;
use crate::hub::{Found, Hub};
use crate::payload::from_json;

/// A call: a future that resolves to its one reply, or to the error with which it ended.
///
/// Dropping it before that cancels the call: its message is withdrawn if it was not handed to a connection, else the
/// callee drops its handler. A call with a [key](crate::CallOptions::key) is not cancelled by that: it goes on,
/// `resume_calls` finds it again, and [`cancel`](Self::cancel) ends it.
///
/// The reply of a call with a key counts as processed when its `Call` is dropped. If a crash in between matters, await
/// `&mut call`, store what follows from the reply, and drop the `Call` only then.
///
/// Cancel-safe: `&mut call` can be awaited again after a timeout.
#[must_use = "dropping it cancels the call, unless it has a key"]
pub struct Call {
    handle: Handle,
    failed: Option<Box<CallError>>,
}

/// A stream of items, in order, none twice and none missing. It ends after the last item, or with one error.
///
/// An item counts as processed when the program asks for the next one. At most the stream's window of items is sent
/// ahead of that; the handler goes on as items are processed. Dropping it cancels the stream, unless it has a
/// [key](crate::CallOptions::key).
#[must_use = "dropping it cancels the stream, unless it has a key"]
pub struct CallStream {
    handle: Handle,
    failed: Option<Box<CallError>>,
    /// Of the item that was given last.
    position: u64,
    /// The items behind it that are here already.
    items: VecDeque<(u64, Message)>,
    ended: bool,
}

/// A call that was found again by its key.
#[derive(Debug)]
#[non_exhaustive]
pub struct Resumed {
    /// The handler's name.
    pub name: String,
    /// The application's own name for it.
    pub key: String,
    /// The handle of the call or stream.
    pub handle: ResumedHandle,
}

/// A call or stream that was found again.
#[derive(Debug)]
pub enum ResumedHandle {
    /// A call.
    Call(Call),
    /// A stream; it goes on at the item behind the last one that was processed.
    Stream(CallStream),
}

/// Ours, of a call.
struct Handle {
    hub: Arc<Hub>,
    id: u64,
    keyed: bool,
    /// Whether its end was given out.
    over: bool,
    span: Span,
}

impl Call {
    pub(crate) fn new(hub: Arc<Hub>, id: u64, keyed: bool, span: Span) -> Self {
        Self { handle: Handle { hub, id, keyed, over: false, span }, failed: None }
    }

    pub(crate) fn failed(hub: Arc<Hub>, error: CallError) -> Self {
        Self { handle: Handle::over(hub), failed: Some(Box::new(error)) }
    }

    /// The reply, read as JSON.
    ///
    /// # Errors
    /// Those of the call, and [`CallError::BadReply`].
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, CallError> {
        let reply = self.await?;
        from_json(&reply).map_err(|error| CallError::BadReply(error.to_string()))
    }

    /// Cancels the call, also if it has a key: its handler is dropped.
    pub fn cancel(mut self) {
        self.handle.cancel();
    }
}

impl Future for Call {
    type Output = Result<Message, CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(error) = self.failed.take() {
            return Poll::Ready(Err(*error));
        }
        if self.handle.over {
            // Polled after it was ready.
            return Poll::Pending;
        }
        let poll = self.handle.span.in_scope(|| self.handle.hub.poll_reply(self.handle.id, cx));
        if let Poll::Ready(result) = &poll {
            self.handle.ended(result.as_ref().err());
        }
        poll
    }
}

impl CallStream {
    pub(crate) fn new(hub: Arc<Hub>, id: u64, keyed: bool, position: u64, span: Span) -> Self {
        Self {
            handle: Handle { hub, id, keyed, over: false, span },
            failed: None,
            position,
            items: VecDeque::new(),
            ended: false,
        }
    }

    pub(crate) fn failed(hub: Arc<Hub>, error: CallError) -> Self {
        Self {
            handle: Handle::over(hub),
            failed: Some(Box::new(error)),
            position: 0,
            items: VecDeque::new(),
            ended: false,
        }
    }

    /// The next item; `None` after the last, or after an error. The item before it counts as processed now.
    /// Cancel-safe.
    pub async fn next(&mut self) -> Option<Result<Message, CallError>> {
        std::future::poll_fn(|cx| self.poll_item(cx)).await
    }

    /// The next item, read as JSON.
    ///
    /// # Errors
    /// Those of the stream, after which it has ended, and [`CallError::BadReply`], after which the next item follows.
    pub async fn next_json<T: DeserializeOwned>(&mut self) -> Option<Result<T, CallError>> {
        let item = self.next().await?;
        Some(item.and_then(|item| from_json(&item).map_err(|error| CallError::BadReply(error.to_string()))))
    }

    /// The number of the item that was returned last, from 1; 0 before the first. A program that stores it together
    /// with the effect of the item can tell, after a crash, whether it has already handled the first item of a stream
    /// that it resumes.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Cancels the stream, also if it has a key: its handler is dropped.
    pub fn cancel(mut self) {
        self.handle.cancel();
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Message, CallError>>> {
        if let Some(error) = self.failed.take() {
            self.ended = true;
            return Poll::Ready(Some(Err(*error)));
        }
        if self.ended || self.handle.over {
            return Poll::Ready(None);
        }
        if self.items.is_empty() {
            let Handle { hub, id, keyed, span, .. } = &self.handle;
            match span.in_scope(|| hub.poll_items(*id, self.position, *keyed, cx)) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(items)) => self.items = items,
                Poll::Ready(Err(error)) => {
                    self.ended = true;
                    self.handle.ended(Some(&error));
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
        let Some((number, item)) = self.items.pop_front() else {
            self.ended = true;
            self.handle.ended(None);
            return Poll::Ready(None);
        };
        self.position = number;
        Poll::Ready(Some(Ok(item)))
    }
}

impl Stream for CallStream {
    type Item = Result<Message, CallError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_item(cx)
    }
}

impl Resumed {
    pub(crate) fn new(hub: &Arc<Hub>, found: Found) -> Self {
        let hub = Arc::clone(hub);
        let span = span(&found.name, found.id, found.kind, Some(&found.key), None);
        let handle = match found.kind {
            Kind::Call => ResumedHandle::Call(Call::new(hub, found.id, true, span)),
            Kind::Stream => ResumedHandle::Stream(CallStream::new(hub, found.id, true, found.processed, span)),
        };
        Self { name: found.name, key: found.key, handle }
    }
}

impl Handle {
    /// Of a call that could not be made.
    fn over(hub: Arc<Hub>) -> Self {
        Self { hub, id: 0, keyed: false, over: true, span: Span::none() }
    }

    fn ended(&mut self, error: Option<&CallError>) {
        self.over = true;
        self.span.record("outcome", error.map_or("answered", CallError::outcome));
    }

    fn cancel(&mut self) {
        if self.over {
            self.done();
        } else {
            self.over = true;
            self.span.record("outcome", "cancelled");
            self.hub.cancel(self.id);
        }
        // Nothing is left to be done by the drop.
        (self.over, self.keyed) = (true, false);
    }

    fn done(&self) {
        if self.keyed {
            self.hub.forget(self.id);
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        match (self.over, self.keyed) {
            (true, _) => self.done(),
            (false, true) => self.hub.let_go(self.id),
            (false, false) => self.cancel(),
        }
    }
}

/// A call of this end's, from its making until nobody holds it any more.
pub(crate) fn span(name: &str, id: u64, kind: Kind, key: Option<&str>, traceparent: Option<&str>) -> Span {
    let kind = kind.as_str();
    tracing::debug_span!(
        target: "everwire::calls", "call", name, id, kind, key, traceparent, outcome = tracing::field::Empty
    )
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("id", &self.handle.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for CallStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallStream")
            .field("id", &self.handle.id)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}
