use std::fmt;
use std::sync::{Arc, PoisonError};

use everwire_calls::{Kind, Request};
use tracing::Span;

use crate::call;
use crate::hub::Hub;
use crate::{Call, CallError, CallOptions, CallStream, IntoPayload, PlainMessages, Resumed};

/// A handle that calls the other end of a session, from anywhere. Cloning it is cheap.
#[derive(Clone)]
pub struct Peer {
    hub: Arc<Hub>,
}

impl Peer {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        Self { hub }
    }

    /// Calls the handler with this name. The call is sent at once, whether the [`Call`] is awaited or not, and ends
    /// exactly once.
    ///
    /// Dropping the [`Call`] cancels it, unless it has a [key](CallOptions::key).
    pub fn call(&self, name: impl Into<String>, payload: impl IntoPayload) -> Call {
        self.call_with(name, payload, CallOptions::new())
    }

    /// Like [`call`](Self::call), with [options](CallOptions): a deadline, a key.
    pub fn call_with(&self, name: impl Into<String>, payload: impl IntoPayload, options: CallOptions) -> Call {
        match self.open(Kind::Call, name.into(), payload, options) {
            Ok((id, keyed, span)) => Call::new(Arc::clone(&self.hub), id, keyed, span),
            Err(error) => Call::failed(Arc::clone(&self.hub), error),
        }
    }

    /// Opens a stream of the handler with this name. The handler sends items ahead of what is taken, up to the stream's
    /// window.
    ///
    /// Dropping the [`CallStream`] cancels it, unless it has a [key](CallOptions::key).
    pub fn stream(&self, name: impl Into<String>, payload: impl IntoPayload) -> CallStream {
        self.stream_with(name, payload, CallOptions::new())
    }

    /// Like [`stream`](Self::stream), with [options](CallOptions): a deadline, a key, a window.
    pub fn stream_with(&self, name: impl Into<String>, payload: impl IntoPayload, options: CallOptions) -> CallStream {
        match self.open(Kind::Stream, name.into(), payload, options) {
            Ok((id, keyed, span)) => CallStream::new(Arc::clone(&self.hub), id, keyed, 0, span),
            Err(error) => CallStream::failed(Arc::clone(&self.hub), error),
        }
    }

    fn open(
        &self,
        kind: Kind,
        name: String,
        payload: impl IntoPayload,
        options: CallOptions,
    ) -> Result<(u64, bool, Span), CallError> {
        let payload = payload.into_payload().map_err(|failure| CallError::BadPayload(failure.message))?;
        let mut request = match kind {
            Kind::Call => Request::call(name, payload),
            Kind::Stream => Request::stream(name, payload),
        };
        options.apply(&mut request);
        let id = self.hub.open(&request)?;
        let (key, traceparent) = (request.key.as_deref(), request.traceparent.as_deref());
        let span = call::span(&request.name, id, kind, key, traceparent);
        Ok((id, key.is_some(), span))
    }

    /// The calls and streams with a [key](CallOptions::key) that are open and have no handle: those of earlier runs of
    /// this program in the same session, and those whose [`Call`] or [`CallStream`] was dropped. Waits until the other
    /// end has told which of them it has, or is known not to support calls. Each is returned once.
    ///
    /// Cancel-safe: none is lost.
    pub async fn resume_calls(&self) -> Vec<Resumed> {
        self.hub.wait_for_answer().await;
        let found = self.hub.take_unclaimed();
        found.into_iter().map(|found| Resumed::new(&self.hub, found)).collect()
    }

    /// The received messages that are no frames of calls. Only the first call gets them; later ones get none.
    #[must_use]
    pub fn messages(&self) -> PlainMessages {
        let receiver = self.hub.own.lock().unwrap_or_else(PoisonError::into_inner).take();
        PlainMessages::new(receiver)
    }

    /// The number of calls and streams of this end that are open.
    #[must_use]
    pub fn open_calls(&self) -> usize {
        self.hub.open_calls()
    }

    /// The number of calls and streams of the other end that run here, or whose ends are kept until it has processed
    /// them.
    #[must_use]
    pub fn running_calls(&self) -> usize {
        self.hub.running_calls()
    }

    /// Returns `true` if the session or the client has ended, so that no call is possible any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.hub.is_closed()
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("open_calls", &self.open_calls()).finish_non_exhaustive()
    }
}
