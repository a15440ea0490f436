use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use everwire_core::session::{Admission, Gone, Hello, Registry, ServerInput, SessionId};
use everwire_core::{Attempt, Moment};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::arrival::Arrival;
use super::config::SessionsConfig;
use super::slot::Slot;
use super::watermark::Watermarks;
use crate::metrics::SessionsMeter;

/// What all sessions share.
pub(super) struct Shared {
    pub(super) config: SessionsConfig,
    pub(super) watermarks: Option<Arc<dyn Watermarks>>,
    /// `Moment::ZERO` of all machines.
    pub(super) origin: Instant,
    pub(super) registry: Mutex<Registry<Entry>>,
    pub(super) links: AtomicU64,
    pub(super) draining: AtomicBool,
    pub(super) meter: Arc<SessionsMeter>,
    #[cfg(feature = "calls")]
    pub(super) calls_meter: everwire_peer::CallsMeter,
}

/// How the registry holds a session.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) slot: Arc<Slot>,
    pub(super) arrivals: mpsc::Sender<Arrival>,
}

impl Shared {
    pub(super) fn registry(&self) -> MutexGuard<'_, Registry<Entry>> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Moment {
        Moment::ZERO + self.origin.elapsed()
    }

    pub(super) fn next_link(&self) -> Attempt {
        Attempt(self.links.fetch_add(1, Ordering::Relaxed) + 1)
    }

    pub(super) fn admission(&self, principal: &str, hello: &Hello) -> Admission<Entry> {
        self.registry().admit(principal, hello)
    }

    /// Whether there was room.
    pub(super) fn insert(&self, id: SessionId, principal: &str, entry: Entry) -> bool {
        let (inserted, evicted) = self.registry().insert(id, principal, entry);
        end_evicted(evicted);
        inserted
    }

    pub(super) fn attached(&self, id: SessionId) {
        self.registry().attached(id);
    }

    pub(super) fn detached(&self, id: SessionId) {
        let evicted = self.with_held(id, |registry, bytes| registry.detached(self.now(), id, bytes));
        end_evicted(evicted);
    }

    /// What the session holds has changed.
    pub(super) fn holds(&self, id: SessionId) {
        let evicted = self.with_held(id, |registry, bytes| registry.holds(id, bytes));
        end_evicted(evicted);
    }

    /// Calls `tell` with the bytes that the session holds at this moment, whichever task has changed them last.
    fn with_held<T: Default>(&self, id: SessionId, tell: impl FnOnce(&mut Registry<Entry>, usize) -> T) -> T {
        let mut registry = self.registry();
        let Some(bytes) = registry.get(id).map(|entry| entry.slot.held()) else { return T::default() };
        tell(&mut registry, bytes)
    }

    pub(super) fn ended(&self, id: SessionId, reason: Gone) {
        self.registry().end(id, reason);
        self.meter.ended(reason);
    }

    pub(super) fn settled(&self, id: SessionId, processed: u64) {
        self.registry().settle(id, processed);
    }
}

/// The registry must be free: an end leads back to it.
fn end_evicted(evicted: Vec<(SessionId, Entry)>) {
    for (_, entry) in evicted {
        let kill = ServerInput::Kill {
            gone: Gone::Evicted,
            code: everwire_ws::CloseCode(1013),
            reason: "the server had to make room",
        };
        entry.slot.tell(kill);
    }
}
