//! Stores keep the outbox, so that it outlives the process.
//!
//! A client with a store ([`Builder::store`](crate::Builder::store)) writes each message to it and then reports that it
//! is durable ([`Delivery::stored`](crate::Delivery::stored)). The next client with the same store goes on with what it
//! finds there: it resumes the session, sends what is not acknowledged, and reports what has expired meanwhile.
//! `docs/durability.md` says what survives what.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//!
//! use everwire::store::MemoryStore;
//! use everwire::{Client, Guarantee, Outcome};
//!
//! // In memory only; for a durable outbox take `SqliteStore::open("outbox.db")?` instead.
//! let store = MemoryStore::default();
//! let start = || {
//!     let builder = Client::builder("ws://127.0.0.1:9/").guarantee(Guarantee::AtLeastOnce);
//!     builder.store(store.clone()).connect_on_build(false).build()
//! };
//! let client = start()?;
//! let mut delivery = client.send("hello")?;
//! assert_eq!(delivery.stored().await, Ok(()));
//! client.close(Duration::ZERO).await;
//! assert_eq!(delivery.await, Outcome::Stored);
//!
//! let client = start()?;
//! let recovered = client.recovered();
//! assert_eq!(recovered[0].message.as_text(), Some("hello"));
//! # Ok(()) }
//! ```
//!
//! - [`Store`]: the trait to implement, and [`check`], which tests an implementation
//! - [`MemoryStore`]; with the feature `sqlite`, `SqliteStore`; in a page, `WebStore`
//! - [`StoreError`]: what can go wrong
//! - `thread`: where a store works

mod check;
mod error;
mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;
mod thread;
#[cfg(any(target_arch = "wasm32", test))]
mod web;

pub use everwire_core::store::{Saved, SavedSession, StoreOp, StoredMessage};

pub use self::check::check;
pub use self::error::{StoreError, StoreErrorKind};
pub use self::memory::MemoryStore;
#[cfg(feature = "sqlite")]
pub use self::sqlite::SqliteStore;
pub(crate) use self::thread::StoreThread;
#[cfg(target_arch = "wasm32")]
pub use self::web::{Browser, Items, WebStore};

use crate::{Delivery, Message};

/// A commit that is under way, for a [`Store`] in a page that answers later.
#[cfg(target_arch = "wasm32")]
pub type Committing = std::pin::Pin<Box<dyn Future<Output = Result<(), StoreError>>>>;

/// Keeps a client's outbox. The client calls it on a separate thread, one call at a time, so that it may block; in a
/// page, which has no threads, on the page's only one.
///
/// The thread belongs to no runtime. A store over an async database may block on a runtime there
/// (`tokio::runtime::Handle::block_on`) as long as that runtime runs: a commit that waits for a runtime which has ended
/// never returns, and its thread stays. So a runtime of the store's own is the safer choice.
///
/// When the client ends, the store is dropped on its thread, after the commit that is under way.
/// [`Client::close`](crate::Client::close) waits for that, up to 5 s beyond its deadline; nothing else does.
///
/// [`check`] tests whether an implementation does what this trait asks of it.
pub trait Store: Send + 'static {
    /// Returns everything that is kept. Called once, before anything else, and on the thread that builds the client.
    ///
    /// # Errors
    /// If it can't be read; the client is not built then, and nothing is lost.
    fn load(&mut self) -> Result<Saved, StoreError>;

    /// Performs these steps in their order, all or none; [`Saved::apply`] defines what each means. When it returns
    /// `Ok`, they are durable: they survive a crash of the process and, with a store on disk, of the machine.
    ///
    /// # Errors
    /// None of the steps may have been performed then; the client calls it again later with the same steps. A panic
    /// counts as an error.
    fn commit(&mut self, steps: &[StoreOp]) -> Result<(), StoreError>;

    /// Like [`commit`](Self::commit), for stores in a page that answer later, such as IndexedDB: the steps are durable
    /// once the future is ready with `Ok`. A page calls this in place of `commit`, one call at a time. Default: calls
    /// `commit`.
    #[cfg(target_arch = "wasm32")]
    fn commit_later(&mut self, steps: &[StoreOp]) -> Committing {
        Box::pin(std::future::ready(self.commit(steps)))
    }
}

/// A message that an earlier client with the same store has left.
#[derive(Debug)]
#[non_exhaustive]
pub struct Recovered {
    /// The message.
    pub message: Message,
    /// Its delivery by this client.
    pub delivery: Delivery,
}
