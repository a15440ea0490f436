use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::database::{Database, open_shared, tamper};
use super::reader::Reader;
use super::{SqliteAccounts, SqliteStore, schema};
use crate::clock::unix_ms;
use crate::domain::ReadPosition;
use crate::store::conformance::{
    self, AccountFixture, Log, MessageFixture, account_store, collect, ids, message_store, post,
};
use crate::store::messages::{MessageStore, PageRequest, ReadQuery, ReadState, Retention, StoreOptions};
use crate::store::{AccountStore, Commits, StoreError, StoreOpenError};

/// Messages in a folder.
struct Folder(tempfile::TempDir);

impl MessageFixture for Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn open(&self) -> (Box<dyn MessageStore>, Commits) {
        let (store, commits) = SqliteStore::open(Some(self.0.path()), &StoreOptions::default()).unwrap();
        (Box::new(store), commits)
    }

    fn refuse(&self, id: &str) {
        let when = format!("WHEN new.id = '{id}' BEGIN SELECT raise(ABORT, 'disk full'); END");
        tamper(self.0.path(), &format!("CREATE TRIGGER refuse BEFORE INSERT ON messages {when}"));
    }
}

/// Accounts in a database in memory.
struct InMemory;

impl AccountFixture for InMemory {
    fn open() -> Box<dyn AccountStore> {
        Box::new(SqliteAccounts::open(None).unwrap())
    }
}

message_store!(Folder);
account_store!(InMemory);

fn open(folder: Option<&Path>) -> (SqliteStore, Log) {
    let (store, commits) = SqliteStore::open(folder, &StoreOptions::default()).unwrap();
    (store, collect(commits))
}

/// Closes, once all has been told.
async fn shut(store: &SqliteStore) {
    let _ = store.flush().await;
    store.close();
}

#[tokio::test]
async fn two_servers_can_not_share_a_history() {
    let folder = tempfile::tempdir().unwrap();
    let (_first, _) = open(Some(folder.path()));
    let error = SqliteStore::open(Some(folder.path()), &StoreOptions::default()).unwrap_err();
    assert!(matches!(error, StoreOpenError::InUse { .. }), "{error:?}");
    assert!(error.to_string().contains("in use by another server"));
}

#[test]
fn a_file_that_is_no_history_and_one_of_a_later_version_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("history.sqlite"), "this is no database at all, but long enough".repeat(50))
        .unwrap();
    let error = SqliteStore::open(Some(folder.path()), &StoreOptions::default()).unwrap_err();
    assert!(matches!(error, StoreOpenError::File { .. }), "{error:?}");

    let folder = tempfile::tempdir().unwrap();
    tamper(folder.path(), "CREATE TABLE meta (theirs)");
    let error = SqliteStore::open(Some(folder.path()), &StoreOptions::default()).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(
        (matches!(error, StoreOpenError::File { .. }), cause.as_str()),
        (true, "its tables are another program's")
    );
    tamper(folder.path(), "INSERT INTO meta VALUES (1)");

    let folder = tempfile::tempdir().unwrap();
    let (history, _commits) = SqliteStore::open(Some(folder.path()), &StoreOptions::default()).unwrap();
    history.close();
    let file = tamper(folder.path(), "PRAGMA user_version = 99");
    let error = SqliteStore::open(Some(folder.path()), &StoreOptions::default()).unwrap_err();
    assert!(matches!(&error, StoreOpenError::TooNew { file: named } if *named == file), "{error:?}");
}

#[test]
fn a_folder_that_can_not_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = SqliteStore::open(Some(&file.join("below")), &StoreOptions::default()).unwrap_err();
    assert!(matches!(error, StoreOpenError::Folder { .. }), "{error:?}");
}

#[tokio::test]
async fn what_can_not_be_stored_is_told_as_failed_and_works_again_later() {
    let folder = tempfile::tempdir().unwrap();
    let (history, log) = open(Some(folder.path()));
    history.append(post("a", "1")).await;
    shut(&history).await;
    tamper(
        folder.path(),
        "CREATE TRIGGER full BEFORE INSERT ON messages WHEN new.id = 'bad' BEGIN SELECT raise(ABORT, 'disk full'); END",
    );

    let (history, log2) = open(Some(folder.path()));
    history.append(post("a", "bad")).await;
    history.page("a", PageRequest::After(0)).await.unwrap();
    history.append(post("a", "2")).await;
    let page = history.page("a", PageRequest::After(0)).await.unwrap();
    assert_eq!(ids(&page), ["1", "2"]);
    assert_eq!(*log2.lock().unwrap(), [("bad".into(), None, false), ("2".into(), Some(2), true)]);
    assert_eq!(log.lock().unwrap().len(), 1);
}

fn keep(messages: Option<u64>, time: Option<Duration>) -> Retention {
    Retention { messages, time }
}

#[tokio::test]
async fn a_history_of_version_1_is_brought_up_to_date_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    tamper(folder.path(), schema::VERSION_1);
    let (history, _) = open(Some(folder.path()));
    assert_eq!(history.epoch(), "of version 1");
    history.append(post("a", "z")).await;
    history.append(post("a", "x")).await;
    let page = history.page("a", PageRequest::After(0)).await.unwrap();
    assert_eq!((ids(&page), page.end), (vec!["x", "y", "z"], 3));
    // Their age counts from now on, so none is removed for it at once.
    assert_eq!(history.retain(keep(None, Some(Duration::from_secs(60)))).await.unwrap(), 0);
    assert_eq!(history.retain(keep(Some(1), None)).await.unwrap(), 2, "the room is known to retention");
    shut(&history).await;
    let (history, _) = open(Some(folder.path()));
    assert_eq!(ids(&history.page("a", PageRequest::After(0)).await.unwrap()), ["z"]);
}

#[tokio::test]
async fn a_history_of_version_2_is_brought_up_to_date_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    tamper(folder.path(), schema::VERSION_1);
    tamper(folder.path(), schema::VERSION_2);
    let (history, _) = open(Some(folder.path()));
    assert_eq!(history.epoch(), "of version 2");
    history.append(post("a", "z")).await;
    let page = history.page("a", PageRequest::After(0)).await.unwrap();
    assert_eq!((ids(&page), page.end), (vec!["x", "y", "z"], 3));
    let mut accounts = crate::Accounts::open(folder.path()).unwrap();
    accounts.add("ana", "Ana", "correct horse").unwrap();
    assert_eq!(accounts.list().unwrap().len(), 1, "while the server runs");
}

#[tokio::test]
async fn ids_that_an_issuer_gives_are_taken_as_they_are_and_those_of_accounts_are_not_mistaken() {
    let folder = tempfile::tempdir().unwrap();
    let mut accounts = crate::Accounts::open(folder.path()).unwrap();
    accounts.add("ana", "Ana", "correct horse").unwrap();
    accounts.ban("eve").unwrap();
    let mistaken = accounts.ban("Ana").unwrap_err();
    assert!(matches!(&mistaken, crate::AccountError::Mistaken(like) if like == "ana"), "{mistaken:?}");
    assert!(accounts.ban("Eve").unwrap(), "a user who is banned without an account is nobody to be mistaken for");
    open_shared(Some(folder.path()))
        .unwrap()
        .execute("INSERT OR REPLACE INTO meta VALUES ('auth', 'tokens')", [])
        .unwrap();
    assert!(accounts.ban("Ana").unwrap() && accounts.admit("board", "ANA").unwrap());
    open_shared(Some(folder.path()))
        .unwrap()
        .execute("UPDATE meta SET value = 'accounts' WHERE key = 'auth'", [])
        .unwrap();
    assert!(accounts.unban("Ana").unwrap() && accounts.dismiss("board", "ANA").unwrap(), "what is there can be undone");
    assert!(accounts.unban("Ana").is_err() && accounts.dismiss("board", "ANA").is_err());
}

#[tokio::test]
async fn a_room_is_known_by_its_messages_too() {
    let folder = tempfile::tempdir().unwrap();
    let (history, _) = open(Some(folder.path()));
    history.append(post("board", "x")).await;
    shut(&history).await;
    let accounts = crate::Accounts::open(folder.path()).unwrap();
    assert_eq!(accounts.room_like("Board").unwrap().as_deref(), Some("board"));
    assert_eq!(accounts.room_like("board").unwrap(), None, "it is this one");
}

#[tokio::test]
async fn a_history_of_version_3_is_brought_up_to_date_and_its_sign_ins_go_on() {
    let folder = tempfile::tempdir().unwrap();
    for sql in [schema::VERSION_1, schema::VERSION_2, schema::SINCE_3, schema::IN_VERSION_3] {
        tamper(folder.path(), sql);
    }
    let (history, _) = open(Some(folder.path()));
    assert_eq!(history.epoch(), "of version 3");
    shut(&history).await;
    let tokens = |what: &str| -> i64 {
        let connection = open_shared(Some(folder.path())).unwrap();
        let sql = format!("SELECT count(*) FROM refreshes WHERE {what} AND generation = 7 AND parent IS NULL");
        connection.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(tokens("hash = x'01' AND void"), 1, "the one that it gave is there");
    assert_eq!(tokens("hash = x'02' AND NOT void"), 1);
}

#[tokio::test]
async fn a_history_of_version_5_is_brought_up_to_date_and_begins_to_know_who_has_read_what() {
    let folder = tempfile::tempdir().unwrap();
    let (history, _) = open(Some(folder.path()));
    for id in ["x", "y"] {
        history.append(post("a", id)).await;
    }
    shut(&history).await;
    drop(history);
    tamper(folder.path(), schema::BACK_TO_5);
    let (history, _) = open(Some(folder.path()));
    assert_eq!(ids(&history.page("a", PageRequest::After(0)).await.unwrap()), ["x", "y"]);
    let ask = |known| ReadQuery { room: "a".into(), user: "ana".into(), known, end: 2 };
    assert_eq!(history.read_state(ask(None)).await.unwrap(), ReadState { read: None, unread: 0 });
    assert_eq!(history.read_state(ask(Some(0))).await.unwrap(), ReadState { read: Some(0), unread: 2 });
    let position = ReadPosition { room: "a".into(), user: "ana".into(), offset: 1 };
    history.save_read_positions(vec![position]).await.unwrap();
    assert_eq!(history.read_state(ask(None)).await.unwrap(), ReadState { read: Some(1), unread: 1 });
    assert_eq!(history.read_state(ask(Some(2))).await.unwrap(), ReadState { read: Some(2), unread: 0 });
}

#[tokio::test]
async fn what_was_stored_too_long_ago_is_removed_whatever_its_sender_s_clock_said() {
    let folder = tempfile::tempdir().unwrap();
    let (history, _) = open(Some(folder.path()));
    for id in ["1", "2", "3"] {
        history.append(post("a", id)).await; // sent at -1, says the sender
    }
    let day = keep(None, Some(Duration::from_secs(86_400)));
    assert_eq!(history.retain(day).await.unwrap(), 0);
    shut(&history).await;
    let sql = format!("UPDATE messages SET aged = {} WHERE position < 3", unix_ms() - 86_400_001);
    tamper(folder.path(), &sql);
    let (history, _) = open(Some(folder.path()));
    assert_eq!(history.retain(day).await.unwrap(), 2);
    assert_eq!(ids(&history.page("a", PageRequest::After(0)).await.unwrap()), ["3"]);
    assert_eq!(history.retain(keep(None, Some(Duration::MAX))).await.unwrap(), 0);
}

#[tokio::test]
async fn a_clock_that_has_leapt_ahead_at_a_start_removes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let kept_for = Duration::from_secs(90 * 86_400);
    let start = || {
        SqliteStore::open(
            Some(folder.path()),
            &StoreOptions { kept_for: Some(kept_for), auth: None, is_replica: false },
        )
        .unwrap()
        .0
    };
    let history = start();
    history.append(post("a", "1")).await;
    shut(&history).await;
    for (days_ago, removed) in [(400, 0), (91, 0), (8, 0)] {
        // It was stored, and the clock saved, so long ago: or so it seems.
        let then = unix_ms() - days_ago * 86_400_000;
        let sql =
            format!("UPDATE messages SET aged = {then}; UPDATE meta SET value = '{then} {then}' WHERE key = 'clock'");
        tamper(folder.path(), &sql);
        let history = start();
        assert_eq!(history.retain(keep(None, Some(kept_for))).await.unwrap(), removed, "{days_ago} days");
        shut(&history).await;
    }
    // A stop that is short for what is kept so long counts.
    let then = unix_ms() - 8 * 86_400_000;
    let sql = format!(
        "UPDATE messages SET aged = {}; UPDATE meta SET value = '{then} {then}' WHERE key = 'clock'",
        then - 83 * 86_400_000
    );
    tamper(folder.path(), &sql);
    assert_eq!(start().retain(keep(None, Some(kept_for))).await.unwrap(), 1, "91 days have passed");
}

#[tokio::test]
async fn stored_times_never_go_back_within_a_room() {
    let folder = tempfile::tempdir().unwrap();
    let (history, _) = open(Some(folder.path()));
    history.append(post("a", "1")).await;
    shut(&history).await;
    let ahead = unix_ms() + 86_400_000;
    tamper(folder.path(), &format!("UPDATE messages SET stored = {ahead}"));
    let (history, _) = open(Some(folder.path()));
    for (room, id) in [("a", "2"), ("a", "3"), ("b", "1")] {
        history.append(post(room, id)).await;
    }
    shut(&history).await;
    let reader = Reader::open(folder.path()).unwrap();
    let stored = |room: &str| reader.page(room, 0).unwrap().iter().map(|line| line.stored).collect::<Vec<_>>();
    assert_eq!(stored("a"), [ahead; 3]);
    assert!(stored("b")[0] < ahead);
}

#[tokio::test]
async fn what_was_removed_can_not_be_read_in_the_files_any_more_and_they_shrink() {
    let folder = tempfile::tempdir().unwrap();
    // A file of a version that left removed text where it was, and never gave space back.
    tamper(folder.path(), schema::VERSION_1);
    let (history, _) = open(Some(folder.path()));
    for n in 0..2000 {
        let mut secret = post("a", &n.to_string());
        secret.message.text = format!("secret {}", "x".repeat(500));
        history.append(secret).await;
    }
    history.flush().await.unwrap();
    let bytes = || -> Vec<u8> {
        let files = std::fs::read_dir(folder.path()).unwrap();
        files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    };
    let secrets = |bytes: &[u8]| bytes.windows(7).filter(|window| window == b"secret ").count();
    let full = bytes();
    assert!(secrets(&full) >= 2000);
    assert_eq!(history.retain(keep(Some(1), None)).await.unwrap(), 2001);
    let left = bytes();
    assert_eq!(secrets(&left), 1, "the one that is kept");
    assert!(left.len() < full.len() / 4, "{} of {}", left.len(), full.len());
}

#[tokio::test]
async fn the_log_that_a_long_reader_has_made_grow_shrinks_once_the_reader_has_gone() {
    const LIMIT: u64 = 16 << 20;
    let folder = tempfile::tempdir().unwrap();
    let (history, _) = open(Some(folder.path()));
    history.append(post("a", "first")).await;
    let log = || std::fs::metadata(folder.path().join("history.sqlite-wal")).unwrap().len();
    let long = |id: String| {
        let mut long = post("a", &id);
        long.message.text = "x".repeat(16 << 10);
        long
    };
    let reader = rusqlite::Connection::open(folder.path().join("history.sqlite")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM messages").unwrap();
    let mut count = 0;
    while log() <= LIMIT + (1 << 20) {
        assert!(count < 4000, "{} bytes", log());
        for _ in 0..100 {
            count += 1;
            assert!(history.append(long(count.to_string())).await);
        }
        // Stored by now.
        history.check().await.unwrap();
    }
    reader.execute_batch("COMMIT").unwrap();
    for n in 0..100 {
        if log() <= LIMIT {
            break;
        }
        assert!(history.append(long(format!("after {n}"))).await);
        history.check().await.unwrap();
    }
    assert!(log() <= LIMIT, "{} bytes", log());
}

#[tokio::test]
async fn a_message_takes_little_more_of_the_disk_than_it_has_bytes() {
    for bytes in [50, 1000, 1200, 5000] {
        let folder = tempfile::tempdir().unwrap();
        let (history, _) = open(Some(folder.path()));
        for n in 0..400 {
            let mut long = post("a", &n.to_string());
            long.message.text = "x".repeat(bytes);
            history.append(long).await;
        }
        shut(&history).await;
        let each = std::fs::metadata(folder.path().join("history.sqlite")).unwrap().len() / 400;
        // There are some pages of other tables.
        assert!(each < bytes as u64 * 3 / 2 + 600, "{each} for {bytes}");
    }
}

#[tokio::test]
async fn a_history_that_can_not_be_written_says_so_until_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let (history, _) = open(Some(folder.path()));
    history.check().await.unwrap();
    shut(&history).await;
    assert!(matches!(history.check().await, Err(StoreError::Closed)));
    let full = "CREATE TRIGGER full BEFORE INSERT ON messages BEGIN SELECT raise(ABORT, 'disk full'); END;
                CREATE TRIGGER fuller BEFORE INSERT ON meta BEGIN SELECT raise(ABORT, 'disk full'); END;";
    tamper(folder.path(), full);
    let (history, _) = open(Some(folder.path()));
    assert!(history.check().await.is_err(), "it is tried, not believed");
    history.append(post("a", "1")).await;
    assert!(history.check().await.is_err());
    tamper(folder.path(), "DROP TRIGGER full; DROP TRIGGER fuller;");
    history.check().await.unwrap();
    history.append(post("a", "1")).await;
    assert_eq!(ids(&history.page("a", PageRequest::After(0)).await.unwrap()), ["1"]);
}

#[tokio::test]
async fn who_waits_until_its_posts_are_told_does_not_try_a_disk_that_fails() {
    let folder = tempfile::tempdir().unwrap();
    let (history, _) = open(Some(folder.path()));
    shut(&history).await;
    tamper(
        folder.path(),
        "CREATE TRIGGER full BEFORE INSERT ON messages WHEN new.id = 'bad' BEGIN SELECT raise(ABORT, 'disk full'); END",
    );
    let (history, log) = open(Some(folder.path()));
    history.append(post("a", "bad")).await;
    history.flush().await.unwrap();
    assert_eq!(*log.lock().unwrap(), [("bad".into(), None, false)]);
    // A write now finds the history locked, and waits.
    let other = open_shared(Some(folder.path())).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    history.flush().await.unwrap();
    assert!(history.check().await.is_err(), "it is locked");
    other.execute_batch("ROLLBACK").unwrap();
    history.append(post("a", "good")).await;
    history.flush().await.unwrap();
    assert_eq!(log.lock().unwrap()[1], ("good".into(), Some(1), true));
}

#[test]
fn both_connections_to_a_history_sync_in_full_on_apples_systems_too() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(Some(folder.path())).unwrap();
    let other = open_shared(Some(folder.path())).unwrap();
    for connection in [&database.connection, &other] {
        let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).unwrap();
        // SQLite keeps these settings on every system; only Apple's have such a sync.
        let settings = ["synchronous", "fullfsync", "checkpoint_fullfsync"].map(number);
        assert_eq!(settings, [2, 1, 1], "synchronous = FULL, by F_FULLFSYNC");
    }
}

#[test]
fn lines_are_stored_while_others_write_without_a_pause() {
    let folder = tempfile::tempdir().unwrap();
    let mut database = Database::open(Some(folder.path())).unwrap();
    let other = open_shared(Some(folder.path())).unwrap();
    // Nothing here asks whether it would outlast a loss of power.
    for connection in [&database.connection, &other] {
        connection.pragma_update(None, "synchronous", "OFF").unwrap();
    }
    let over = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        let others = scope.spawn(move || {
            while !over.load(Ordering::Relaxed) {
                other.execute("UPDATE meta SET value = value + 1 WHERE key = 'access_revision'", []).unwrap();
            }
        });
        let stored: Vec<_> = (0..2000).map(|line| database.store(&[post("den", &line.to_string())])).collect();
        over.store(true, Ordering::Relaxed);
        others.join().unwrap();
        assert!(stored.iter().all(Result::is_ok), "{:?}", stored.iter().find(|stored| stored.is_err()));
    });
}
