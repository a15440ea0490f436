//! Keeping the outbox, so that it outlives the process.
//!
//! A client with a store ([`Builder::store`](crate::Builder::store)) writes down what it is given before it says so
//! ([`Delivery::stored`](crate::Delivery::stored)), and what a client with the same store finds there it takes up: it
//! resumes the session, sends what is not acknowledged, and what expires meanwhile is told as such.
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
//! // Not durable by itself, but it shows how it goes: `SqliteStore::open("outbox.db")?` is.
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
//! - [`Store`]: what one has to do, and [`check`] whether it does
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

/// A commit that is under way in a page, for a [`Store`] whose place answers later.
#[cfg(target_arch = "wasm32")]
pub type Committing = std::pin::Pin<Box<dyn Future<Output = Result<(), StoreError>>>>;

/// Keeps a client's outbox. Called on a thread of its own, one call at a time, so it may block; in a page, which has
/// none, on the page's.
///
/// The thread belongs to no runtime. A store over an async database may wait there for a runtime
/// (`tokio::runtime::Handle::block_on`), if that one goes on running: a commit that waits for a runtime which has ended
/// never returns, and its thread stays. So a runtime of the store's own is the safer choice.
///
/// When the client ends, the store is dropped on its thread, after the commit that is under way.
/// [`Client::close`](crate::Client::close) waits for that, up to 5 s beyond its deadline; nobody else does.
///
/// [`check`] tells whether an implementation does what is asked of it.
pub trait Store: Send + 'static {
    /// Everything that is kept. Called once, before anything else, and on the thread that builds the client.
    ///
    /// # Errors
    /// If it can't be read; the client is not built then, and nothing is lost.
    fn load(&mut self) -> Result<Saved, StoreError>;

    /// Does these steps in their order, all or none; [`Saved::apply`] says what each means. When this returns, they are
    /// durable: a crash of the process, and for a store on disk one of the machine, takes none of them back.
    ///
    /// # Errors
    /// Nothing was done then. The same steps come again later. A panic is taken for an error.
    fn commit(&mut self, steps: &[StoreOp]) -> Result<(), StoreError>;

    /// What a page calls in place of [`commit`](Self::commit), for places that answer later, such as IndexedDB: the same, once the
    /// future is ready. The next call comes after that. Default: commits at once.
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
