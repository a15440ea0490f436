use std::time::Duration;

use everwire_calls::Request;

/// The options of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "options do nothing until a call is made with them"]
pub struct CallOptions {
    deadline: Option<Duration>,
    key: Option<String>,
    traceparent: Option<String>,
    window: Option<u32>,
}

impl CallOptions {
    /// The default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// The time that the call may take, the wait for a connection included. After that it ends with
    /// [`DeadlinePassed`](crate::CallError::DeadlinePassed), and its handler is dropped. Default: no limit. Too short:
    /// calls end while they wait for a connection. Too long: a caller waits that long for a handler that hangs.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// A name of your own for the call, 1 to 64 printable ASCII characters without spaces. If the session outlives this
    /// program, as with a client with a store, so does a call with a key: a later run finds it by `resume_calls`.
    /// Dropping its [`Call`](crate::Call) or [`CallStream`](crate::CallStream) does not cancel it. Default: none.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// A W3C `traceparent`, which is passed to the handler. Default: none.
    pub fn traceparent(mut self, traceparent: impl Into<String>) -> Self {
        self.traceparent = Some(traceparent.into());
        self
    }

    /// For a stream: the most items that are sent ahead of what the program has taken. Default:
    /// [`CallsConfig::window`](crate::CallsConfig::window).
    pub fn window(mut self, window: u32) -> Self {
        self.window = Some(window);
        self
    }

    pub(crate) fn apply(self, request: &mut Request) {
        request.deadline = self.deadline;
        request.key = self.key;
        request.traceparent = self.traceparent;
        request.window = self.window;
    }
}
