use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use everwire_chat_core::TextMessage;
use everwire_chat_core::wire::MOST_UNREAD;
use tokio::sync::oneshot;

use crate::domain::{Appended, ReadPosition, StoredReceipts};
use crate::store::commits::{Commit, CommitSender, Commits, commits};
use crate::store::error::StoreError;
use crate::store::messages::{Append, BoxFuture, MessageStore, Page, PageRequest, ReadQuery, ReadState, Retention};
use crate::sync::lock;

/// Messages and bytes of text in a page.
const PAGE: usize = 500;
const PAGE_BYTES: usize = 128 << 10;

#[derive(Debug, Default)]
pub(super) struct Data {
    rooms: BTreeMap<String, Room>,
    receipts: HashMap<String, StoredReceipts>,
    positions: HashMap<(String, String), u64>,
    /// The message of this id can't be stored.
    pub(super) refused: Option<String>,
}

#[derive(Debug, Default)]
struct Room {
    end: u64,
    /// In order.
    messages: Vec<TextMessage>,
}

type Work = Box<dyn FnOnce(&mut Data, &CommitSender) + Send>;

/// A thread that works on the data, one thing after the other.
#[derive(Debug)]
pub(super) struct MemoryStore {
    work: Mutex<Option<mpsc::Sender<Work>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl MemoryStore {
    pub(super) fn open(data: Arc<Mutex<Data>>) -> (Self, Commits) {
        let (sender, receiver) = mpsc::channel::<Work>();
        let (told, commits) = commits();
        let thread = std::thread::spawn(move || {
            while let Ok(work) = receiver.recv() {
                work(&mut lock(&data), &told);
            }
        });
        (Self { work: Mutex::new(Some(sender)), thread: Mutex::new(Some(thread)) }, commits)
    }

    fn work(&self, work: impl FnOnce(&mut Data, &CommitSender) + Send + 'static) -> bool {
        lock(&self.work).as_ref().is_some_and(|sender| sender.send(Box::new(work)).is_ok())
    }

    /// Answered when all that was committed before has been told.
    fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut Data) -> T + Send + 'static,
    ) -> BoxFuture<'_, Result<T, StoreError>> {
        let (answer, answered) = oneshot::channel();
        self.work(move |data, commits| {
            let found = ask(data);
            commits.release(move || drop(answer.send(found)));
        });
        Box::pin(async { answered.await.map_err(|_| StoreError::Closed) })
    }
}

impl Data {
    fn append(&mut self, room: &str, message: &TextMessage) -> Appended {
        let room = self.rooms.entry(room.to_owned()).or_default();
        if let Some(known) = room.messages.iter().find(|known| known.id == message.id) {
            let is_same = known.user_id == message.user_id;
            return if is_same { Appended::Duplicate(known.offset.unwrap_or_default()) } else { Appended::IdTaken };
        }
        room.end += 1;
        room.messages.push(TextMessage { offset: Some(room.end), ..message.clone() });
        Appended::New(room.end)
    }

    fn page(&self, room: &str, request: PageRequest) -> Page {
        let Some(Room { end, messages }) = self.rooms.get(room) else {
            return Page { messages: Vec::new(), end: 0, more: false };
        };
        let offset = |message: &TextMessage| message.offset.unwrap_or_default();
        let mut bytes = 0;
        let mut fits = |message: &&TextMessage| {
            let fits = bytes <= PAGE_BYTES;
            bytes += message.text.len();
            fits
        };
        let after = |after: u64| messages.iter().filter(move |message| offset(message) > after);
        let chosen: Vec<_> = match request {
            PageRequest::After(from) => after(from).take(PAGE).take_while(&mut fits).cloned().collect(),
            PageRequest::Latest(count) => after(end.saturating_sub(count)).take_while(&mut fits).cloned().collect(),
            PageRequest::Before(before, count) => {
                let older = messages.iter().rev().filter(|message| offset(message) < before);
                let count = usize::try_from(count).unwrap_or(PAGE).min(PAGE);
                let mut older: Vec<_> = older.take(count).take_while(&mut fits).cloned().collect();
                older.reverse();
                older
            }
        };
        let more = match request {
            PageRequest::Before(before, _) => {
                let first = chosen.first().map_or(before, offset);
                messages.iter().any(|message| offset(message) < first)
            }
            PageRequest::After(_) | PageRequest::Latest(_) => false,
        };
        Page { messages: chosen, end: *end, more }
    }

    fn read_state(&self, query: &ReadQuery) -> ReadState {
        let ReadQuery { room, user, known, end } = query;
        let stored = self.positions.get(&(room.clone(), user.clone())).map(|offset| (*offset).min(*end));
        let read = stored.max(*known);
        let messages = self.rooms.get(room).map(|room| room.messages.as_slice()).unwrap_or_default();
        let is_unread =
            |message: &&TextMessage| message.user_id != *user && message.offset > read && message.offset <= Some(*end);
        let unread = if read.is_some() { messages.iter().filter(is_unread).count() as u64 } else { 0 };
        ReadState { read, unread: unread.min(MOST_UNREAD) }
    }
}

impl MessageStore for MemoryStore {
    fn epoch(&self) -> &str {
        "in memory"
    }

    fn append(&self, append: Append) -> BoxFuture<'_, bool> {
        let taken = self.work(move |data, commits| {
            if append.producer.is_fenced() || data.refused.as_ref() == Some(&append.message.id) {
                append.producer.fence();
                return commits.send(Commit::Failed(append));
            }
            let appended = data.append(&append.room, &append.message);
            commits.send(Commit::Stored { appends: vec![(append, appended)], took: Duration::ZERO });
        });
        Box::pin(async move { taken })
    }

    fn flush(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.ask(|_| ())
    }

    fn page<'a>(&'a self, room: &'a str, request: PageRequest) -> BoxFuture<'a, Result<Page, StoreError>> {
        let room = room.to_owned();
        self.ask(move |data| data.page(&room, request))
    }

    fn receipts<'a>(&'a self, room: &'a str) -> BoxFuture<'a, Result<StoredReceipts, StoreError>> {
        let room = room.to_owned();
        self.ask(move |data| data.receipts.get(&room).cloned().unwrap_or_default())
    }

    fn save_receipts(&self, receipts: HashMap<String, StoredReceipts>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.ask(|data| data.receipts.extend(receipts))
    }

    fn read_state(&self, query: ReadQuery) -> BoxFuture<'_, Result<ReadState, StoreError>> {
        self.ask(move |data| data.read_state(&query))
    }

    fn save_read_positions(&self, positions: Vec<ReadPosition>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.ask(|data| {
            for ReadPosition { room, user, offset } in positions {
                let stored = data.positions.entry((room, user)).or_default();
                *stored = offset.max(*stored);
            }
        })
    }

    fn check(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.ask(|_| ())
    }

    /// By number only: nothing here grows old.
    fn retain(&self, retention: Retention) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.ask(move |data| {
            let most = retention.messages.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
            let removed = data.rooms.values_mut().map(|room| {
                let surplus = room.messages.len().saturating_sub(most);
                room.messages.drain(..surplus).count() as u64
            });
            removed.sum()
        })
    }

    fn close(&self) {
        lock(&self.work).take();
        if let Some(thread) = lock(&self.thread).take() {
            let _ = thread.join();
        }
    }
}
