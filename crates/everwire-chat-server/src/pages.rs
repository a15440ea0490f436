//! Room for pages of history on their way to members: however many ask and do not read, memory is bounded.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Pages that members have not taken yet, together: 64 MiB, as JSON.
const MOST: usize = 340;

#[derive(Debug)]
pub(crate) struct Pages(Arc<Semaphore>);

/// Room for one page, until dropped.
#[derive(Debug)]
pub(crate) struct PageRoom(#[expect(dead_code, reason = "held for its end")] OwnedSemaphorePermit);

impl Pages {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MOST)))
    }

    /// Room for one more, if there is some now.
    pub(crate) fn room(&self) -> Option<PageRoom> {
        Arc::clone(&self.0).try_acquire_owned().ok().map(PageRoom)
    }

    /// Waits until there is room for one more. Cancel-safe. Never closed: there is always some, in turn.
    pub(crate) async fn wait_for_room(&self) -> Option<PageRoom> {
        Arc::clone(&self.0).acquire_owned().await.ok().map(PageRoom)
    }

    pub(crate) fn under_way(&self) -> u64 {
        u64::try_from(MOST.saturating_sub(self.0.available_permits())).unwrap_or(u64::MAX)
    }
}
