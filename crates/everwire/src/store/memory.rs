use std::sync::{Arc, Mutex};

use super::{Saved, Store, StoreError, StoreOp};
use crate::sync::lock;

/// A store that lasts as long as one of its clones: for tests, and to hand an outbox from one client to the next.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    saved: Arc<Mutex<Saved>>,
}

impl MemoryStore {
    /// The contents now.
    #[must_use]
    pub fn saved(&self) -> Saved {
        lock(&self.saved).clone()
    }
}

impl Store for MemoryStore {
    fn load(&mut self) -> Result<Saved, StoreError> {
        Ok(self.saved())
    }

    fn commit(&mut self, steps: &[StoreOp]) -> Result<(), StoreError> {
        let mut saved = lock(&self.saved);
        steps.iter().cloned().for_each(|step| saved.apply(step));
        Ok(())
    }
}
