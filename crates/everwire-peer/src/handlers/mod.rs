//! Handlers by name.
//!
//! - [`Calls`]: all of an end
//! - `handler`: async functions as handlers
//! - `extract`: their arguments

use std::fmt;
use std::sync::Arc;

use everwire_calls::{Config, Failure, Kind, codes};
use everwire_ws::Message;
pub use http::Extensions;
use rustc_hash::FxHashMap;

use crate::{BoxFuture, BoxStream, MaybeSend, MaybeSync};

mod extract;
mod handler;

pub use extract::{CallInfo, Extension, FromCall, Incoming, TraceParent, Watermark};
pub(crate) use handler::Erased;
use handler::{ErasedCall, ErasedStream};
pub use handler::{Handler, StreamHandler};

/// The handlers of an end, by name, and the limits of its calls.
///
/// A handler is an async function. Its arguments are made from the call by their types ([`FromCall`]):
/// [`Json`](crate::Json), `String`, `Bytes` or `Message` is the payload, [`Peer`](crate::Peer) calls the caller back,
/// and [`CallInfo`], [`TraceParent`], [`Extension`] and [`Watermark`] are the rest. It returns a reply, or a `Result`
/// of a reply and an error that converts into a [`Failure`].
///
/// A handler runs at most once for each call. The handlers of one session share one task: each runs until it awaits
/// something, so move work that takes the processor for long to another thread. When the caller cancels, when the
/// deadline passes, or when the session ends, the handler's future is dropped at its present await.
///
/// ```
/// use everwire_peer::{Calls, Failure, Json};
///
/// async fn divide(Json((a, b)): Json<(i64, i64)>) -> Result<Json<i64>, Failure> {
///     a.checked_div(b).map(Json).ok_or_else(|| Failure::new("no_quotient", "the divisor is zero"))
/// }
///
/// let calls = Calls::new()
///     .call("divide", divide)
///     .call("now", async || "noon")
///     .stream("count", async |Json(up_to): Json<u64>| futures_util::stream::iter((1..=up_to).map(Json)));
/// # let _ = calls;
/// ```
#[derive(Clone, Default)]
#[must_use = "handlers do nothing until they are given to a session"]
pub struct Calls {
    config: Config,
    handlers: FxHashMap<String, Erased>,
    extensions: Extensions,
    in_order: bool,
}

/// What the task has of it.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) extensions: Arc<Extensions>,
    pub(crate) in_order: bool,
    handlers: FxHashMap<String, Erased>,
}

/// A handler at work.
pub(crate) enum Running {
    Call(BoxFuture<'static, Result<Message, Failure>>),
    Stream(BoxStream<Result<Message, Failure>>),
}

impl Calls {
    /// No handlers, and the default limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a handler of calls with this name; it replaces an earlier one.
    pub fn call<Args: 'static>(mut self, name: impl Into<String>, handler: impl Handler<Args>) -> Self {
        self.handlers.insert(name.into(), Erased::Call(ErasedCall::erase(handler)));
        self
    }

    /// Adds a handler of streams with this name: an async function that returns a `Stream` of items. The stream is
    /// polled for the next item when the caller has room for one.
    pub fn stream<Args: 'static>(mut self, name: impl Into<String>, handler: impl StreamHandler<Args>) -> Self {
        self.handlers.insert(name.into(), Erased::Stream(ErasedStream::erase(handler)));
        self
    }

    /// A value that handlers can have as an argument, as an [`Extension`]: a pool of connections, settings.
    pub fn extension<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.extensions.insert(value);
        self
    }

    /// The limits of calls. Default: [`Config::default`].
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Runs the calls of a session one after another, and acknowledges the message of each when its handler has ended.
    /// Streams run beside. So a handler that commits its [`Watermark`] in one transaction with its effect has that
    /// effect exactly once, over a crash of the server too (`Sessions::with_watermarks`). At the session's limit of
    /// unprocessed messages, later messages wait for the running call, cancels included: give calls a deadline.
    /// Default: off; calls run concurrently, and are acknowledged when they are started.
    pub fn in_order(mut self) -> Self {
        self.in_order = true;
        self
    }

    /// The limits, for changes.
    pub fn config_mut(&mut self) -> &mut Config {
        &mut self.config
    }

    pub(crate) fn share(self) -> Arc<Shared> {
        let Self { config, handlers, extensions, in_order } = self;
        Arc::new(Shared { config, handlers, extensions: Arc::new(extensions), in_order })
    }
}

impl Shared {
    /// The handler of this name.
    pub(crate) fn find(&self, name: &str) -> Option<&Erased> {
        self.handlers.get(name)
    }
}

impl Running {
    /// Starts the handler that has the call's name.
    pub(crate) fn start(handler: Option<&Erased>, incoming: &Incoming) -> Result<Self, Failure> {
        let name = &incoming.call.name;
        match (handler, incoming.call.kind) {
            (Some(Erased::Call(handler)), Kind::Call) => handler.call(incoming).map(Self::Call),
            (Some(Erased::Stream(handler)), Kind::Stream) => handler.call(incoming).map(Self::Stream),
            (Some(Erased::Call(_)), Kind::Stream) => {
                Err(unknown(format!("{name} is a call: make it without a stream")))
            }
            (Some(Erased::Stream(_)), Kind::Call) => Err(unknown(format!("{name} is a stream: open it as one"))),
            (None, _) => Err(unknown(format!("there is no handler named {name}"))),
        }
    }
}

fn unknown(words: String) -> Failure {
    Failure::new(codes::UNKNOWN_NAME, words)
}

/// A marker of what a handler's trait objects need.
pub(crate) trait Shareable: MaybeSend + MaybeSync + 'static {}
impl<T: MaybeSend + MaybeSync + 'static> Shareable for T {}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<_> = self.handlers.keys().collect();
        names.sort();
        f.debug_struct("Calls").field("handlers", &names).field("in_order", &self.in_order).finish_non_exhaustive()
    }
}
