use std::sync::{Arc, Mutex};

use crate::store::AccountStore;
use crate::sync::lock;

/// The accounts, off the threads that must not wait for a disk.
#[derive(Clone, Debug)]
pub(crate) struct AccountStores {
    /// Who comes in does not wait for those who wait to write.
    reader: Arc<Mutex<dyn AccountStore>>,
    writer: Arc<Mutex<dyn AccountStore>>,
}

impl AccountStores {
    /// Two handles of the same accounts; without a reader, the writer reads too.
    pub(crate) fn new<S: AccountStore + 'static>(writer: S, reader: Option<S>) -> Self {
        let writer: Arc<Mutex<dyn AccountStore>> = Arc::new(Mutex::new(writer));
        let reader = reader.map(|reader| Arc::new(Mutex::new(reader)) as Arc<Mutex<dyn AccountStore>>);
        Self { reader: reader.unwrap_or_else(|| Arc::clone(&writer)), writer }
    }

    /// Reads the accounts on a thread for blocking work. `None`: the server ends.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn AccountStore) -> T + Send + 'static,
    ) -> Option<T> {
        let accounts = Arc::clone(&self.reader);
        tokio::task::spawn_blocking(move || read(&*lock(&accounts))).await.ok()
    }

    /// Writes to the accounts on a thread for blocking work; another process's write may delay it for some seconds.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&mut dyn AccountStore) -> T + Send + 'static,
    ) -> Option<T> {
        let accounts = Arc::clone(&self.writer);
        tokio::task::spawn_blocking(move || write(&mut *lock(&accounts))).await.ok()
    }

    /// Reads the accounts on this thread, which it blocks.
    pub(super) fn read_blocking<T>(&self, read: impl FnOnce(&dyn AccountStore) -> T) -> T {
        read(&*lock(&self.writer))
    }
}
