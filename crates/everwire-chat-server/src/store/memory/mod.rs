//! Both stores in memory, for tests: as simple as can be, on the same suite as SQLite.

mod accounts;
mod messages;

use std::sync::{Arc, Mutex};

use super::accounts::AccountStore;
use super::commits::Commits;
use super::conformance::{self, AccountFixture, MessageFixture, account_store, message_store};
use super::messages::MessageStore;
use accounts::MemoryAccounts;
use messages::{Data, MemoryStore};

impl MessageFixture for Arc<Mutex<Data>> {
    fn new() -> Self {
        Self::default()
    }

    fn open(&self) -> (Box<dyn MessageStore>, Commits) {
        let (store, commits) = MemoryStore::open(Self::clone(self));
        (Box::new(store), commits)
    }

    fn refuse(&self, id: &str) {
        crate::sync::lock(self).refused = Some(id.to_owned());
    }
}

impl AccountFixture for MemoryAccounts {
    fn open() -> Box<dyn AccountStore> {
        Box::new(Self::default())
    }
}

message_store!(Arc<Mutex<Data>>);
account_store!(MemoryAccounts);
