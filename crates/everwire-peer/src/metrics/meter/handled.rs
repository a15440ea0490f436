use std::sync::Arc;

use everwire_core::Moment;

use super::super::HandlerOutcome;
use super::{HandlerHandles, Handles};

/// A handler that runs. Dropped, it was cancelled.
pub(crate) struct Handled {
    /// Until its end is counted.
    handles: Option<Arc<Handles>>,
    handler: Arc<HandlerHandles>,
    since: Moment,
}

impl Handled {
    pub(super) fn new(handles: Arc<Handles>, handler: Arc<HandlerHandles>, since: Moment) -> Self {
        Self { handles: Some(handles), handler, since }
    }

    pub(crate) fn ended(mut self, outcome: HandlerOutcome, now: impl FnOnce() -> Moment) {
        self.handler.seconds.record(now().since(self.since));
        self.count(outcome);
    }

    fn count(&mut self, outcome: HandlerOutcome) {
        if let Some(handles) = self.handles.take() {
            handles.running.decrement(1);
            self.handler.outcome(outcome).increment(1);
        }
    }
}

impl Drop for Handled {
    fn drop(&mut self) {
        self.count(HandlerOutcome::Cancelled);
    }
}
