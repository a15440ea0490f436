//! Room for pages of history on their way to members: however many ask and do not read, memory is bounded.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Most pages that members have asked for and not taken yet, together: 48 MiB, as JSON.
const ASKED: usize = 255;
/// Most pages of missed messages that are on their way to members, 16 MiB. A budget apart: who comes does not wait for those
/// who ask and do not read.
const MISSED: usize = 85;

#[derive(Debug)]
pub(crate) struct PageBudget {
    asked: Arc<Semaphore>,
    missed: Arc<Semaphore>,
}

/// Room for one page, until dropped.
#[derive(Debug)]
pub(crate) struct PagePermit(#[expect(dead_code, reason = "held for its end")] OwnedSemaphorePermit);

impl PageBudget {
    pub(crate) fn new() -> Self {
        Self { asked: Arc::new(Semaphore::new(ASKED)), missed: Arc::new(Semaphore::new(MISSED)) }
    }

    /// Room for one more that was asked for, if there is some now.
    pub(crate) fn room(&self) -> Option<PagePermit> {
        Arc::clone(&self.asked).try_acquire_owned().ok().map(PagePermit)
    }

    /// Waits until there is room for one more of what was missed. Cancel-safe. Never closed: there is always some, in turn.
    pub(crate) async fn wait_for_room(&self) -> Option<PagePermit> {
        Arc::clone(&self.missed).acquire_owned().await.ok().map(PagePermit)
    }

    pub(crate) fn under_way(&self) -> u64 {
        let free = self.asked.available_permits() + self.missed.available_permits();
        u64::try_from((ASKED + MISSED).saturating_sub(free)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::PageBudget;

    #[test]
    fn who_comes_does_not_wait_for_those_who_ask_and_do_not_read() {
        let pages = PageBudget::new();
        let held: Vec<_> = std::iter::from_fn(|| pages.room()).collect();
        assert_eq!(pages.under_way(), held.len() as u64);
        let missed = pages.wait_for_room().now_or_never();
        assert!(missed.flatten().is_some() && pages.room().is_none());
        drop(held);
        assert!(pages.room().is_some());
    }
}
