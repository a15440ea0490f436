use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use everwire_calls::{Kind, Request};
use everwire_ws::Message;
use tokio::sync::mpsc;

use crate::hub::Hub;
use crate::{Call, CallError, CallOptions, CallStream, IntoPayload, Resumed};

/// Calls the other end of a session, from anywhere. Cloning it is cheap.
#[derive(Clone)]
pub struct Peer {
    hub: Arc<Hub>,
}

/// The messages of the application's own that came between the frames of calls.
///
/// Bounded: 1,024 wait for it; then the session is not read, calls included, until some are taken. Dropped, it discards all that
/// come.
pub struct PlainMessages {
    receiver: mpsc::Receiver<Message>,
}

/// How many of the application's own messages wait.
pub(crate) const PLAIN: usize = 1_024;

impl Peer {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        Self { hub }
    }

    /// Calls the handler of this name. It is sent at once, whether the [`Call`] is awaited or not, and gets exactly one end.
    ///
    /// Dropping the [`Call`] cancels it, unless it has a [key](CallOptions::key).
    pub fn call(&self, name: impl Into<String>, payload: impl IntoPayload) -> Call {
        self.call_with(name, payload, CallOptions::new())
    }

    /// The same with [options](CallOptions): a deadline, a key.
    pub fn call_with(&self, name: impl Into<String>, payload: impl IntoPayload, options: CallOptions) -> Call {
        match self.open(Kind::Call, name.into(), payload, options) {
            Ok((id, keyed)) => Call::new(Arc::clone(&self.hub), id, keyed),
            Err(error) => Call::failed(Arc::clone(&self.hub), error),
        }
    }

    /// Opens a stream of the handler of this name. Items come as they are taken: so many as the window allows are on the way.
    ///
    /// Dropping the [`CallStream`] cancels it, unless it has a [key](CallOptions::key).
    pub fn stream(&self, name: impl Into<String>, payload: impl IntoPayload) -> CallStream {
        self.stream_with(name, payload, CallOptions::new())
    }

    /// The same with [options](CallOptions): a deadline, a key, a window.
    pub fn stream_with(&self, name: impl Into<String>, payload: impl IntoPayload, options: CallOptions) -> CallStream {
        match self.open(Kind::Stream, name.into(), payload, options) {
            Ok((id, keyed)) => CallStream::new(Arc::clone(&self.hub), id, keyed, 0),
            Err(error) => CallStream::failed(Arc::clone(&self.hub), error),
        }
    }

    fn open(
        &self,
        kind: Kind,
        name: String,
        payload: impl IntoPayload,
        options: CallOptions,
    ) -> Result<(u64, bool), CallError> {
        let payload = payload.into_payload().map_err(|failure| CallError::BadPayload(failure.message))?;
        let mut request = match kind {
            Kind::Call => Request::call(name, payload),
            Kind::Stream => Request::stream(name, payload),
        };
        options.apply(&mut request);
        let keyed = request.key.is_some();
        Ok((self.hub.open(request)?, keyed))
    }

    /// The calls and streams with a [key](CallOptions::key) that are open and that nobody holds: those of earlier runs of this
    /// program in the same session, and those whose [`Call`] or [`CallStream`] was dropped. Waits until the other end has
    /// said what it has. Each is given once.
    ///
    /// Cancel-safe: none is lost.
    pub async fn resume_calls(&self) -> Vec<Resumed> {
        self.hub.wait_for_answer().await;
        let found = self.hub.take_unclaimed();
        found.into_iter().map(|found| Resumed::new(&self.hub, found)).collect()
    }

    /// The messages of the application's own. The first call gets them all; a later one none.
    #[must_use]
    pub fn messages(&self) -> PlainMessages {
        let receiver = self.hub.plain.lock().unwrap_or_else(PoisonError::into_inner).take();
        PlainMessages { receiver: receiver.unwrap_or_else(|| mpsc::channel(1).1) }
    }

    /// Calls and streams of this end that are open.
    #[must_use]
    pub fn open_calls(&self) -> usize {
        self.hub.open_calls()
    }

    /// Calls and streams of the other end that run here, or are kept until it has processed their ends.
    #[must_use]
    pub fn running_calls(&self) -> usize {
        self.hub.running_calls()
    }

    /// Whether the session or the client has ended, so that no call is possible any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.hub.is_closed()
    }
}

impl PlainMessages {
    /// The next one; `None` when the session is over. Cancel-safe.
    pub async fn next(&mut self) -> Option<Message> {
        self.receiver.recv().await
    }
}

/// Where they wait.
pub(crate) type Plain = Mutex<Option<mpsc::Receiver<Message>>>;

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("open_calls", &self.open_calls()).finish_non_exhaustive()
    }
}

impl fmt::Debug for PlainMessages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlainMessages").field("waiting", &self.receiver.len()).finish()
    }
}
