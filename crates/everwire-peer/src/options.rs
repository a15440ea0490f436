use std::time::Duration;

use everwire_calls::Request;

/// The way a call is to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "options do nothing until a call is made with them"]
pub struct CallOptions {
    deadline: Option<Duration>,
    key: Option<String>,
    traceparent: Option<String>,
    window: Option<u32>,
}

impl CallOptions {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// The time that it may take, its waiting for a connection included. Then it ends with
    /// [`DeadlinePassed`](crate::CallError::DeadlinePassed), and its handler is dropped. Default: as long as it takes.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// A name of the application's own, 1 to 64 printable ASCII characters without spaces. A call with a key outlives
    /// this program in a session that does (a client with a store): a later run finds it by `resume_calls`. Dropping
    /// its [`Call`](crate::Call) or [`CallStream`](crate::CallStream) does not cancel it. Default: none.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// A W3C `traceparent`, which the handler is given. Default: none.
    pub fn traceparent(mut self, traceparent: impl Into<String>) -> Self {
        self.traceparent = Some(traceparent.into());
        self
    }

    /// For a stream: items that may be on the way before they are taken. Default:
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
