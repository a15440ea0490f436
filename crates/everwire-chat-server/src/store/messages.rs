use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use everwire_chat_core::TextMessage;

use super::error::StoreError;
use crate::domain::{ConnectionId, ReadPosition, StoredReceipts};

/// A future of a store that is known only by its trait.
pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The stored messages of all rooms. What becomes of appended messages comes out of its [`Commits`](super::Commits), in
/// order.
///
/// A page is read between two commits, and answered when all of the last one has been told. So a client that asks for a
/// page after it has been registered for what is new misses nothing: what the page does not hold is told later.
pub(crate) trait MessageStore: fmt::Debug + Send + Sync {
    /// Which history this is: another after it was replaced by an older copy.
    fn epoch(&self) -> &str;

    /// Hands a message over. False if the store has been closed. Cancelled, it may or may not have been handed over.
    fn append(&self, append: Append) -> BoxFuture<'_, bool>;

    /// Waits until it has been told what became of everything that was appended before. Writes nothing more: many may ask
    /// while the disk is slow or full.
    fn flush(&self) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Reads a page.
    fn page<'a>(&'a self, room: &'a str, request: PageRequest) -> BoxFuture<'a, Result<Page, StoreError>>;

    /// How far a room's messages had been delivered and read when that was last stored.
    fn receipts<'a>(&'a self, room: &'a str) -> BoxFuture<'a, Result<StoredReceipts, StoreError>>;

    /// Stores how far the messages of rooms were delivered and read.
    fn save_receipts(&self, receipts: HashMap<String, StoredReceipts>) -> BoxFuture<'_, Result<(), StoreError>>;

    /// How far a user has read a room.
    fn read_state(&self, query: ReadQuery) -> BoxFuture<'_, Result<ReadState, StoreError>>;

    /// Stores how far users have read. Positions only rise.
    fn save_read_positions(&self, positions: Vec<ReadPosition>) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Whether messages can be stored.
    fn check(&self) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Removes what is not to be kept, in steps between which messages are appended, for good; returns how many messages.
    /// Cancel-safe.
    fn retain(&self, retention: Retention) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// Commits what was handed over, and closes. Blocks until that is done.
    fn close(&self);
}

/// A message to be stored.
#[derive(Debug)]
pub(crate) struct Append {
    pub(crate) room: String,
    pub(crate) message: TextMessage,
    /// Which connection it came from.
    pub(crate) producer: Producer,
}

/// One connection, as the store knows it. The store fences it when it can't store one of its messages: none behind that is
/// stored, or the failed one would be overtaken for good.
#[derive(Clone, Debug)]
pub(crate) struct Producer {
    id: ConnectionId,
    fenced: Arc<AtomicBool>,
}

impl Producer {
    pub(crate) fn new(id: ConnectionId) -> Self {
        Self { id, fenced: Arc::default() }
    }

    pub(crate) fn id(&self) -> ConnectionId {
        self.id
    }

    /// Nothing more of it is stored, but for what is on its way already.
    pub(crate) fn fence(&self) {
        self.fenced.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_fenced(&self) -> bool {
        self.fenced.load(Ordering::Relaxed)
    }
}

/// A piece of a room's history.
#[derive(Debug)]
pub(crate) struct Page {
    /// In order.
    pub(crate) messages: Vec<TextMessage>,
    /// Where the room ended when this was read.
    pub(crate) end: u64,
    /// There are older ones; only told to whom asks for those [before](PageRequest::Before).
    pub(crate) more: bool,
}

/// Where to read from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PageRequest {
    /// The messages behind this offset.
    After(u64),
    /// This number of the latest messages.
    Latest(u64),
    /// The messages right before the offset that comes first, at most as many as the second number.
    Before(u64, u64),
}

/// What is known of how far a user has read a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReadState {
    /// `None`: the user has never been there, as far as is known.
    pub(crate) read: Option<u64>,
    /// Messages of others behind that.
    pub(crate) unread: u64,
}

/// A question about how far a user has read a room.
#[derive(Debug)]
pub(crate) struct ReadQuery {
    pub(crate) room: String,
    pub(crate) user: String,
    /// How far the user has read for sure, stored or not.
    pub(crate) known: Option<u64>,
    /// What stands behind this is not counted.
    pub(crate) end: u64,
}

/// The messages that are kept of each room. What is beyond any of the bounds is removed within some minutes.
///
/// A message that is sent again after it was removed is a new one: bounds should be far longer than a client may be
/// without the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retention {
    /// The number of latest messages. `None`: all of them.
    pub messages: Option<u64>,
    /// Messages stored within this time, by the server's clock. `None`: however old they are.
    pub time: Option<Duration>,
}

impl Retention {
    pub(crate) fn is_everything(&self) -> bool {
        *self == Self::default()
    }
}

/// A number that a store tells of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StoreNumber {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) value: u64,
    /// It goes up and down.
    pub(crate) is_gauge: bool,
}

/// What a store counts beyond what every store does, when it is asked.
pub(crate) type StoreNumbers = Arc<dyn Fn() -> Vec<StoreNumber> + Send + Sync>;

/// What a server tells its store when it opens it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StoreOptions {
    /// How long messages are kept.
    pub(crate) kept_for: Option<Duration>,
    /// How users say who they are, for the commands that keep some out.
    pub(crate) auth: Option<&'static str>,
    /// A log elsewhere holds the messages: what this machine loses with its power is applied again, and no commit waits
    /// for the disk.
    pub(crate) is_replica: bool,
}
