use std::sync::{Arc, Mutex};

use super::{Saved, Store, StoreError, StoreOp};
use crate::sync::lock;

/// A store in memory, for tests and to pass an outbox from one client to the next. It is lost with the last of its
/// clones, and with the process.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    saved: Arc<Mutex<Saved>>,
}

impl MemoryStore {
    /// A copy of the contents.
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
