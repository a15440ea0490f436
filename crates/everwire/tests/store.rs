//! An outbox that is kept: by whom, over what, and what is said when it can't be.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![cfg(feature = "sqlite")]

mod support;

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use everwire::store::{
    MemoryStore, Saved, SqliteStore, Store, StoreError, StoreErrorKind, StoreOp, StoredMessage, check,
};
use everwire::{BuildError, Builder, Client, Event, EventItem, Guarantee, MessageId, Outcome, Priority, SendOptions};
use futures_util::StreamExt;
use support::{Server, connected, hasty, soon, until};

const NOWHERE: &str = "ws://127.0.0.1:9/";

fn kept(url: &str, store: impl Store) -> Builder {
    hasty(url).guarantee(Guarantee::AtLeastOnce).store(store)
}

/// A server that keeps the texts it gets.
async fn recorder() -> (Server, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let (report, reports) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::web_socket(move |mut socket, _| {
        let report = report.clone();
        async move {
            while let Some(Ok(message)) = socket.next().await {
                if let Ok(text) = message.into_text().map(|text| text.to_string())
                    && !text.is_empty()
                {
                    let _ = report.send(text);
                }
            }
        }
    });
    (server.await, reports)
}

/// A store that fails while it is told to.
#[derive(Clone, Default)]
struct Failing {
    store: MemoryStore,
    fails: Arc<AtomicBool>,
}

impl Store for Failing {
    fn load(&mut self) -> Result<Saved, StoreError> {
        self.store.load()
    }

    fn commit(&mut self, steps: &[StoreOp]) -> Result<(), StoreError> {
        match self.fails.load(Ordering::SeqCst) {
            true => Err(StoreError::new(StoreErrorKind::Full, "the disk is full: make room")),
            false => self.store.commit(steps),
        }
    }
}

#[test]
fn each_store_does_what_clients_ask_of_it() {
    let memory = MemoryStore::default();
    assert_eq!(check(|| Ok(memory.clone())), Ok(()));
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(check(|| SqliteStore::open(folder.path().join("outbox.db"))), Ok(()));
}

#[tokio::test]
async fn what_one_client_has_left_the_next_one_sends() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("outbox.db");
    let client = kept(NOWHERE, SqliteStore::open(&file).expect("a new file")).build().expect("good settings");
    assert!(client.recovered().is_empty());
    let mut one = client.send("one").expect("room");
    let mut two = client.send_with("two", SendOptions::new().priority(Priority::High)).expect("room");
    assert_eq!(soon("one on disk", one.stored()).await, Ok(()));
    assert_eq!(soon("two on disk", two.stored()).await, Ok(()));
    client.close(Duration::ZERO).await;
    assert_eq!((one.await, two.await), (Outcome::Stored, Outcome::Stored));

    let (server, mut arrived) = recorder().await;
    let client = kept(&server.url, SqliteStore::open(&file).expect("closed by the last")).build().expect("settings");
    let recovered = client.recovered();
    let texts: Vec<_> = recovered.iter().map(|kept| kept.message.as_text().expect("text").to_owned()).collect();
    assert_eq!(texts, ["one", "two"]);
    for kept in recovered {
        assert_eq!(soon("its outcome", kept.delivery).await, Outcome::Received);
    }
    assert_eq!(soon("the first", arrived.recv()).await.as_deref(), Some("two"), "priorities are kept too");
    assert_eq!(soon("the second", arrived.recv()).await.as_deref(), Some("one"));
    client.close(Duration::from_secs(5)).await;
    let saved = SqliteStore::open(&file).expect("closed").load().expect("readable");
    assert!(saved.messages.is_empty(), "{saved:?}");
}

#[tokio::test]
async fn without_a_store_nothing_is_durable() {
    let client = hasty(NOWHERE).build().expect("good settings");
    let mut delivery = client.send("one").expect("room");
    client.close(Duration::ZERO).await;
    assert_eq!(delivery.stored().await, Err(Outcome::Cancelled));
}

#[tokio::test]
async fn a_store_that_fails_is_told_of_and_nothing_is_said_that_is_not_so() {
    let (server, mut arrived) = recorder().await;
    let store = Failing::default();
    let client = kept(&server.url, store.clone()).build().expect("good settings");
    connected(&client).await;
    let mut events = client.events();
    store.fails.store(true, Ordering::SeqCst);
    let mut one = client.send("one").expect("room");
    let failed = soon("word of the failure", async {
        loop {
            if let EventItem::Event(Event::StoreFailed { reason, .. }) = events.next().await.expect("an event") {
                return reason;
            }
        }
    });
    assert_eq!(failed.await, "the disk is full: make room");
    assert_eq!(soon("the message", arrived.recv()).await.as_deref(), Some("one"), "the connection lives on");
    assert!(store.store.saved().messages.is_empty());
    assert_eq!(soon("the end", one.stored()).await, Err(Outcome::Received), "it arrived, and was never durable");

    store.fails.store(false, Ordering::SeqCst);
    let mut two = client.send("two").expect("room");
    let _ = soon("the store to work again", two.stored()).await;
    let recovered = soon("word of it", async {
        while !matches!(events.next().await.expect("an event"), EventItem::Event(Event::StoreRecovered)) {}
    });
    recovered.await;
}

#[tokio::test]
async fn two_clients_do_not_share_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("outbox.db");
    let client = kept(NOWHERE, SqliteStore::open(&file).expect("a new file")).build().expect("good settings");
    let refused = SqliteStore::open(&file).expect_err("it is in use");
    assert_eq!(refused.kind(), StoreErrorKind::InUse);
    assert!(refused.is_retryable());
    let words = refused.to_string();
    assert!(words.contains("outbox.db") && words.contains("in use: end the other program"), "{words}");
    client.close(Duration::ZERO).await;
    SqliteStore::open(&file).expect("the first one is closed");
}

#[test]
fn a_damaged_file_is_told_of_and_left_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("outbox.db");
    let garbage = "no database at all, and longer than a header of one: ".repeat(100);
    std::fs::write(&file, &garbage).expect("a file");
    let refused = SqliteStore::open(&file).expect_err("it is damaged");
    assert_eq!((refused.kind(), refused.is_retryable()), (StoreErrorKind::Corrupt, false));
    assert!(refused.to_string().contains("move it away"), "{refused}");
    assert!(refused.source().is_some());
    assert_eq!(std::fs::read_to_string(&file).expect("the file"), garbage);
}

#[test]
fn a_damaged_page_is_found_before_a_client_is_built() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("outbox.db");
    let mut store = SqliteStore::open(&file).expect("a new file");
    let puts: Vec<StoreOp> = (1..200).map(|id| StoreOp::Put(message(id, &"x".repeat(3000)))).collect();
    store.commit(&puts).expect("room");
    drop(store);
    let mut bytes = std::fs::read(&file).expect("the file");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4096 * 4].fill(0xa5);
    std::fs::write(&file, bytes).expect("the file");
    let refused = match SqliteStore::open(&file) {
        Ok(mut store) => store.load().expect_err("it is damaged"),
        Err(error) => error,
    };
    assert_eq!(refused.kind(), StoreErrorKind::Corrupt, "{refused}");
}

#[test]
fn another_programs_database_is_not_taken_for_an_outbox() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("other.db");
    let other = rusqlite::Connection::open(&file).expect("a database");
    other.execute_batch("CREATE TABLE precious (a); PRAGMA user_version = 1").expect("a table");
    drop(other);
    let refused = SqliteStore::open(&file).expect_err("it is no outbox");
    assert!(refused.to_string().contains("is a database, but no outbox"), "{refused}");
    let later = rusqlite::Connection::open(&file).expect("a database");
    later
        .execute_batch("DROP TABLE precious; PRAGMA application_id = 0x65767772; PRAGMA user_version = 9")
        .expect("set");
    drop(later);
    assert_eq!(SqliteStore::open(&file).expect_err("later").kind(), StoreErrorKind::TooNew);
}

#[test]
fn a_folder_that_is_not_there_is_told_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = SqliteStore::open(folder.path().join("not/there.db")).expect_err("no folder");
    assert!(refused.to_string().contains("check that its folder is there"), "{refused}");
}

#[tokio::test]
async fn a_message_that_expires_while_no_client_runs_is_told_as_expired() {
    let store = MemoryStore::default();
    let mut expired = message(7, "old news");
    expired.expires_at = Some(1);
    store.clone().commit(&[StoreOp::Put(expired)]).expect("memory");
    let (server, _arrived) = recorder().await;
    let client = kept(&server.url, store.clone()).build().expect("good settings");
    let recovered = client.recovered().pop().expect("it was there");
    // Without a session it may have been written before the last client ended.
    let unknown = Outcome::Unknown(everwire::Stage::Written);
    assert_eq!(soon("its outcome", recovered.delivery).await, unknown);
    until("it is gone", || store.saved().messages.is_empty()).await;
}

#[tokio::test]
async fn a_guarantee_that_a_crash_would_break_is_refused() {
    let refused = Client::builder(NOWHERE).store(MemoryStore::default()).build();
    let Err(BuildError::Setting(error)) = refused else { panic!("it was built") };
    assert!(error.to_string().contains("at least once"), "{error}");
}

fn message(id: u64, text: &str) -> StoredMessage {
    StoredMessage {
        id: MessageId(id),
        place: MessageId(id),
        seq: None,
        priority: Priority::Normal,
        key: None,
        expires_at: None,
        may_have_arrived: false,
        message: text.into(),
    }
}

/// A store that panics so often, then works.
struct Panicking {
    store: MemoryStore,
    left: usize,
}

impl Store for Panicking {
    fn load(&mut self) -> Result<Saved, StoreError> {
        self.store.load()
    }

    fn commit(&mut self, steps: &[StoreOp]) -> Result<(), StoreError> {
        if self.left > 0 {
            self.left -= 1;
            panic!("out of luck");
        }
        self.store.commit(steps)
    }
}

#[tokio::test]
async fn a_store_that_panics_is_told_of_like_one_that_fails_and_asked_again() {
    let store = Panicking { store: MemoryStore::default(), left: 1 };
    let client = kept(NOWHERE, store).build().expect("good settings");
    let mut events = client.events();
    let mut delivery = client.send("one").expect("room");
    let reason = soon("word of the panic", async {
        loop {
            if let EventItem::Event(Event::StoreFailed { reason, .. }) = events.next().await.expect("an event") {
                return reason;
            }
        }
    });
    assert_eq!(reason.await, "the store panicked: out of luck");
    assert_eq!(soon("durable after all", delivery.stored()).await, Ok(()));
}

/// What a panic can leave that panics again when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("and again");
    }
}

/// Panics once, with a bomb.
struct Exploding {
    store: MemoryStore,
    exploded: bool,
}

impl Store for Exploding {
    fn load(&mut self) -> Result<Saved, StoreError> {
        self.store.load()
    }

    fn commit(&mut self, steps: &[StoreOp]) -> Result<(), StoreError> {
        if !std::mem::replace(&mut self.exploded, true) {
            std::panic::panic_any(Bomb);
        }
        self.store.commit(steps)
    }
}

#[tokio::test]
async fn a_panic_that_panics_again_when_it_is_dropped_ends_no_store() {
    let store = Exploding { store: MemoryStore::default(), exploded: false };
    let client = kept(NOWHERE, store).build().expect("good settings");
    let mut delivery = client.send("one").expect("room");
    assert_eq!(soon("durable after all", delivery.stored()).await, Ok(()));
}

#[tokio::test]
async fn a_store_that_only_panics_leaves_nobody_waiting_when_the_client_is_closed() {
    let store = Panicking { store: MemoryStore::default(), left: usize::MAX };
    let client = kept(NOWHERE, store).build().expect("good settings");
    let mut delivery = client.send("one").expect("room");
    let (stored, _) = tokio::join!(soon("an end", delivery.stored()), client.close(Duration::from_millis(100)));
    assert!(stored.is_err(), "{stored:?}");
}

/// A store over an async database: its commits wait for a runtime, as the last handle may be dropped meanwhile.
struct OverARuntime {
    store: MemoryStore,
    runtime: tokio::runtime::Handle,
    begun: Arc<AtomicBool>,
    go_on: Arc<tokio::sync::Notify>,
    closed: Arc<AtomicBool>,
}

impl Store for OverARuntime {
    fn load(&mut self) -> Result<Saved, StoreError> {
        self.store.load()
    }

    fn commit(&mut self, steps: &[StoreOp]) -> Result<(), StoreError> {
        self.begun.store(true, Ordering::SeqCst);
        self.runtime.block_on(self.go_on.notified());
        self.store.commit(steps)
    }
}

impl Drop for OverARuntime {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_commit_that_waits_for_the_runtime_holds_up_no_task_of_it() {
    for closes in [false, true] {
        let (begun, go_on, closed) = (Arc::default(), Arc::default(), Arc::default());
        let store = OverARuntime {
            store: MemoryStore::default(),
            runtime: tokio::runtime::Handle::current(),
            begun: Arc::clone(&begun),
            go_on: Arc::clone(&go_on),
            closed: Arc::clone(&closed),
        };
        let client = kept(NOWHERE, store).build().expect("good settings");
        drop(client.send("one").expect("room"));
        until("a commit is under way", || begun.load(Ordering::SeqCst)).await;
        if closes {
            let closing = tokio::spawn(async move { client.close(Duration::ZERO).await });
            // The one thread is free to let the commit end, and only then the client is closed.
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert!(!closing.is_finished(), "the store is not closed");
            go_on.notify_one();
            soon("closed", closing).await.expect("no panic");
            assert!(closed.load(Ordering::SeqCst));
        } else {
            drop(client);
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert!(!closed.load(Ordering::SeqCst));
            go_on.notify_one();
            until("the store is closed", || closed.load(Ordering::SeqCst)).await;
        }
    }
}

#[tokio::test]
async fn who_waits_for_room_hears_of_the_end_with_a_store_and_without() {
    for kept_in_store in [false, true] {
        let server = Server::web_socket(|mut socket, _| async move {
            while let Some(Ok(message)) = socket.next().await {
                if message.is_text() {
                    let frame = tokio_tungstenite::tungstenite::protocol::CloseFrame {
                        code: tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode::Policy,
                        reason: "".into(),
                    };
                    let _ = socket.close(Some(frame)).await;
                }
            }
        })
        .await;
        let mut builder = hasty(&server.url).guarantee(Guarantee::AtLeastOnce).outbox_messages(3);
        if kept_in_store {
            builder = builder.store(MemoryStore::default());
        }
        let client = builder.connect_on_build(false).build().expect("good settings");
        let _deliveries: Vec<_> = (0..3).map(|_| client.send("x").expect("room")).collect();
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move { client.send_wait("y").await.map(drop) })
            })
            .collect();
        tokio::task::yield_now().await;
        client.connect();
        for waiter in waiting {
            let refused = soon("word of the end", waiter).await.expect("no panic");
            assert!(matches!(refused, Err(everwire::SendError::Closed(..))), "{refused:?}");
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_and_what_stands_beside_it_are_their_owners_alone() {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("outbox.db");
    let modes = || {
        fs::read_dir(folder.path()).expect("a folder").map(|entry| {
            let entry = entry.expect("an entry");
            (entry.file_name(), entry.metadata().expect("its mode").permissions().mode() & 0o777)
        })
    };
    for was_open_to_all in [false, true] {
        if was_open_to_all {
            fs::set_permissions(&file, Permissions::from_mode(0o644)).expect("ours");
        }
        let mut store = SqliteStore::open(&file).expect("good");
        store.commit(&[StoreOp::Processed(1)]).expect("room");
        assert!(modes().count() > 1, "the log stands beside it");
        for (name, mode) in modes() {
            assert_eq!(mode, 0o600, "{name:?}");
        }
        let other = rusqlite::Connection::open(&file).expect("a file");
        other.busy_timeout(Duration::ZERO).expect("a setting");
        other.execute_batch("BEGIN IMMEDIATE; COMMIT").expect_err("its lock still holds");
    }
}
