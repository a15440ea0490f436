use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use everwire_chat_core::wire::WireStatus;

use super::*;
use crate::server::now;

type Log = Arc<Mutex<Vec<(String, Option<u64>, bool)>>>;

fn open(folder: Option<&Path>) -> (History, Log) {
    let log = Log::default();
    let told = Arc::clone(&log);
    let history = History::open(folder, &Opening::default(), move |what| {
        let mut told = told.lock().unwrap();
        match what {
            Told::Committed { posts, .. } => told.extend(posts.into_iter().map(|(post, place)| match place {
                Place::New(offset) => (post.message.id, Some(offset), true),
                Place::Known(offset) => (post.message.id, Some(offset), false),
                Place::Taken => (format!("{} taken", post.message.id), None, false),
            })),
            Told::Failed(post) => told.push((post.message.id, None, false)),
        }
    });
    (history.unwrap(), log)
}

pub(super) fn post(room: &str, id: &str) -> Post {
    let message = TextMessage {
        id: id.into(),
        user_id: "u".into(),
        user_name: "U'; DROP TABLE messages; --".into(),
        text: format!("text of {id}"),
        timestamp: -1,
        status: WireStatus::Sent,
        offset: None,
    };
    Post { room: room.into(), message, origin: 1, doomed: Arc::default() }
}

fn ids(page: &Page) -> Vec<&str> {
    page.messages.iter().map(|message| message.id.as_str()).collect()
}

#[tokio::test]
async fn each_room_counts_from_one_and_a_repeat_is_the_same_message() {
    let (history, log) = open(None);
    for (room, id) in [("a", "1"), ("b", "1"), ("a", "2"), ("a", "1")] {
        assert!(history.post(post(room, id)).await);
    }
    let page = history.page("a", Start::After(0)).await.unwrap();
    assert_eq!((ids(&page), page.end), (vec!["1", "2"], 2));
    assert_eq!(page.messages[1].text, "text of 2");
    assert_eq!(page.messages[1].offset, Some(2));
    let told = [("1", 1, true), ("1", 1, true), ("2", 2, true), ("1", 1, false)];
    let told: Vec<_> = told.iter().map(|(id, offset, new)| ((*id).to_owned(), Some(*offset), *new)).collect();
    assert_eq!(*log.lock().unwrap(), told);
}

#[tokio::test]
async fn a_history_is_there_again_after_it_was_closed_and_knows_its_ids() {
    let folder = tempfile::tempdir().unwrap();
    let (history, _) = open(Some(folder.path()));
    history.post(post("a", "1")).await;
    let epoch = history.epoch().to_owned();
    history.close();
    assert!(!history.post(post("a", "lost")).await);

    let (history, log) = open(Some(folder.path()));
    assert_eq!(history.epoch(), epoch);
    history.post(post("a", "1")).await;
    history.post(post("a", "2")).await;
    assert_eq!(ids(&history.page("a", Start::After(0)).await.unwrap()), ["1", "2"]);
    assert_eq!(log.lock().unwrap()[0], ("1".into(), Some(1), false));
}

#[tokio::test]
async fn pages_follow_one_another_and_the_latest_can_be_asked_for() {
    let (history, _) = open(None);
    for n in 1..=1200 {
        history.post(post("a", &n.to_string())).await;
    }
    let mut seen = Vec::new();
    loop {
        let page = history.page("a", Start::After(seen.len() as u64)).await.unwrap();
        seen.extend(page.messages.into_iter().map(|message| message.id));
        if seen.len() as u64 == page.end {
            break;
        }
    }
    assert_eq!(seen, (1..=1200).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(ids(&history.page("a", Start::Latest(3)).await.unwrap()), ["1198", "1199", "1200"]);
    assert!(history.page("empty", Start::Latest(3)).await.unwrap().messages.is_empty());
    assert!(history.page("a", Start::After(u64::MAX)).await.unwrap().messages.is_empty());
}

#[tokio::test]
async fn who_asks_for_none_of_the_older_ones_still_hears_whether_there_are_any() {
    let (history, _) = open(None);
    history.post(post("a", "1")).await;
    for (before, more) in [(2, true), (1, false)] {
        let page = history.page("a", Start::Before(before, 0)).await.unwrap();
        assert_eq!((page.messages.len(), page.more), (0, more));
    }
}

#[tokio::test]
async fn each_room_counts_on_however_many_there_are() {
    let (history, log) = open(None);
    for (id, room) in (0..10_100).chain([0, 10_099]).enumerate() {
        history.post(post(&room.to_string(), &id.to_string())).await;
    }
    history.page("0", Start::After(0)).await.unwrap();
    let log = log.lock().unwrap();
    let offsets: Vec<_> = log.iter().map(|(_, offset, _)| *offset).collect();
    assert_eq!(offsets, [vec![Some(1); 10_100], vec![Some(2); 2]].concat());
}

#[tokio::test]
async fn two_servers_can_not_share_a_history() {
    let folder = tempfile::tempdir().unwrap();
    let (_first, _) = open(Some(folder.path()));
    let error = History::open(Some(folder.path()), &Opening::default(), |_| {}).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error:?}");
    assert!(error.to_string().contains("in use by another server"));
}

#[test]
fn a_file_that_is_no_history_and_one_of_a_later_version_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("history.sqlite"), "this is no database at all, but long enough".repeat(50))
        .unwrap();
    let error = History::open(Some(folder.path()), &Opening::default(), |_| {}).unwrap_err();
    assert!(matches!(error, OpenError::File { .. }), "{error:?}");

    let folder = tempfile::tempdir().unwrap();
    sqlite::tamper(folder.path(), "CREATE TABLE meta (theirs)");
    let error = History::open(Some(folder.path()), &Opening::default(), |_| {}).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!((matches!(error, OpenError::File { .. }), cause.as_str()), (true, "its tables are another program's"));
    sqlite::tamper(folder.path(), "INSERT INTO meta VALUES (1)");

    let folder = tempfile::tempdir().unwrap();
    let (history, _) = open(Some(folder.path()));
    history.close();
    let file = sqlite::tamper(folder.path(), "PRAGMA user_version = 99");
    let error = History::open(Some(folder.path()), &Opening::default(), |_| {}).unwrap_err();
    assert!(matches!(&error, OpenError::TooNew { file: named } if *named == file), "{error:?}");
}

#[test]
fn a_folder_that_can_not_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = History::open(Some(&file.join("below")), &Opening::default(), |_| {}).unwrap_err();
    assert!(matches!(error, OpenError::Folder { .. }), "{error:?}");
}

#[tokio::test]
async fn what_can_not_be_stored_is_told_as_failed_and_works_again_later() {
    let folder = tempfile::tempdir().unwrap();
    let (history, log) = open(Some(folder.path()));
    history.post(post("a", "1")).await;
    history.close();
    sqlite::tamper(
        folder.path(),
        "CREATE TRIGGER full BEFORE INSERT ON messages WHEN new.id = 'bad' BEGIN SELECT raise(ABORT, 'disk full'); END",
    );

    let (history, log2) = open(Some(folder.path()));
    history.post(post("a", "bad")).await;
    history.page("a", Start::After(0)).await.unwrap();
    history.post(post("a", "2")).await;
    let page = history.page("a", Start::After(0)).await.unwrap();
    assert_eq!(ids(&page), ["1", "2"]);
    assert_eq!(*log2.lock().unwrap(), [("bad".into(), None, false), ("2".into(), Some(2), true)]);
    assert_eq!(log.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn nothing_overtakes_a_message_of_its_connection_that_could_not_be_stored() {
    let folder = tempfile::tempdir().unwrap();
    let (history, _) = open(Some(folder.path()));
    history.close();
    sqlite::tamper(
        folder.path(),
        "CREATE TRIGGER full BEFORE INSERT ON messages WHEN new.id = 'bad' BEGIN SELECT raise(ABORT, 'disk full'); END",
    );
    let (history, log) = open(Some(folder.path()));
    let doomed = Arc::<AtomicBool>::default();
    let of_one = |id| Post { doomed: Arc::clone(&doomed), ..post("a", id) };
    history.post(of_one("bad")).await;
    history.page("a", Start::After(0)).await.unwrap(); // commits what there is
    history.post(of_one("behind it")).await;
    history.post(post("a", "of another")).await;
    assert_eq!(ids(&history.page("a", Start::After(0)).await.unwrap()), ["of another"]);
    let told = [("bad", None), ("behind it", None), ("of another", Some(1))];
    let log: Vec<_> = log.lock().unwrap().iter().map(|(id, offset, _)| (id.clone(), *offset)).collect();
    assert_eq!(log, told.map(|(id, offset)| (id.to_owned(), offset)));
}

#[tokio::test]
async fn an_id_of_another_user_is_not_taken_for_a_repeat() {
    let (history, log) = open(None);
    history.post(post("a", "1")).await;
    let mut other = post("a", "1");
    other.message.user_id = "somebody else".into();
    history.post(other).await;
    assert_eq!(ids(&history.page("a", Start::After(0)).await.unwrap()), ["1"]);
    assert_eq!(log.lock().unwrap()[1].0, "1 taken");
}

#[tokio::test]
async fn a_page_of_long_messages_is_short() {
    let (history, _) = open(None);
    for n in 0..100 {
        let mut long = post("a", &n.to_string());
        long.message.text = "x".repeat(16 << 10);
        history.post(long).await;
    }
    let page = history.page("a", Start::After(0)).await.unwrap();
    assert!((1..20).contains(&page.messages.len()) && page.end == 100, "{}", page.messages.len());
}

fn keep(messages: Option<u64>, time: Option<Duration>) -> Keep {
    Keep { messages, time }
}

#[tokio::test]
async fn a_history_of_version_1_is_brought_up_to_date_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    sqlite::tamper(folder.path(), layout::VERSION_1);
    let (history, _) = open(Some(folder.path()));
    assert_eq!(history.epoch(), "of version 1");
    history.post(post("a", "z")).await;
    history.post(post("a", "x")).await;
    let page = history.page("a", Start::After(0)).await.unwrap();
    assert_eq!((ids(&page), page.end), (vec!["x", "y", "z"], 3));
    // Their age counts from now on, so none is removed for it at once.
    assert_eq!(history.retain(&keep(None, Some(Duration::from_secs(60)))).await.unwrap(), 0);
    assert_eq!(history.retain(&keep(Some(1), None)).await.unwrap(), 2, "the room is known to retention");
    history.close();
    let (history, _) = open(Some(folder.path()));
    assert_eq!(ids(&history.page("a", Start::After(0)).await.unwrap()), ["z"]);
}

#[tokio::test]
async fn a_history_of_version_2_is_brought_up_to_date_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    sqlite::tamper(folder.path(), layout::VERSION_1);
    sqlite::tamper(folder.path(), layout::VERSION_2);
    let (history, _) = open(Some(folder.path()));
    assert_eq!(history.epoch(), "of version 2");
    history.post(post("a", "z")).await;
    let page = history.page("a", Start::After(0)).await.unwrap();
    assert_eq!((ids(&page), page.end), (vec!["x", "y", "z"], 3));
    let mut accounts = crate::Accounts::open(folder.path()).unwrap();
    accounts.add("ana", "Ana", "correct horse").unwrap();
    assert_eq!(accounts.list().unwrap().len(), 1, "while the server runs");
}

#[tokio::test]
async fn a_history_of_version_3_is_brought_up_to_date_and_its_sign_ins_go_on() {
    let folder = tempfile::tempdir().unwrap();
    for sql in [layout::VERSION_1, layout::VERSION_2, layout::SINCE_3, layout::IN_VERSION_3] {
        sqlite::tamper(folder.path(), sql);
    }
    let (history, _) = open(Some(folder.path()));
    assert_eq!(history.epoch(), "of version 3");
    history.close();
    let tokens = |what: &str| -> i64 {
        let connection = sqlite::beside(Some(folder.path())).unwrap();
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
        history.post(post("a", id)).await;
    }
    history.close();
    drop(history);
    sqlite::tamper(folder.path(), layout::BACK_TO_5);
    let (history, _) = open(Some(folder.path()));
    assert_eq!(ids(&history.page("a", Start::After(0)).await.unwrap()), ["x", "y"]);
    let ask = |known| ReadingQuestion { room: "a".into(), user: "ana".into(), known, end: 2 };
    assert_eq!(history.reading(ask(None)).await.unwrap(), Reading { read: None, unread: 0 });
    assert_eq!(history.reading(ask(Some(0))).await.unwrap(), Reading { read: Some(0), unread: 2 });
    let position = KeptPosition { room: "a".into(), user: "ana".into(), offset: 1 };
    history.keep_positions(vec![position]).await.unwrap();
    assert_eq!(history.reading(ask(None)).await.unwrap(), Reading { read: Some(1), unread: 1 });
    assert_eq!(history.reading(ask(Some(2))).await.unwrap(), Reading { read: Some(2), unread: 0 });
}

#[tokio::test]
async fn only_the_latest_of_each_room_are_kept_and_no_position_is_given_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (history, _) = open(Some(folder.path()));
    for n in 1..=2500 {
        history.post(post("a", &n.to_string())).await;
    }
    history.post(post("b", "1")).await;
    assert_eq!(history.retain(&keep(Some(3), None)).await.unwrap(), 2497, "in steps");
    let page = history.page("a", Start::After(0)).await.unwrap();
    assert_eq!((ids(&page), page.end), (vec!["2498", "2499", "2500"], 2500));
    assert_eq!(history.page("b", Start::After(0)).await.unwrap().messages.len(), 1);
    assert_eq!(history.retain(&keep(Some(3), None)).await.unwrap(), 0);

    assert_eq!(history.retain(&keep(Some(0), None)).await.unwrap(), 4);
    let page = history.page("a", Start::After(0)).await.unwrap();
    assert_eq!((ids(&page), page.end), (vec![], 2500));
    history.close();
    let (history, log) = open(Some(folder.path()));
    history.post(post("a", "next")).await;
    assert_eq!(history.page("a", Start::After(2499)).await.unwrap().end, 2501);
    assert_eq!(log.lock().unwrap()[0], ("next".into(), Some(2501), true));
}

#[tokio::test]
async fn what_was_stored_too_long_ago_is_removed_whatever_its_sender_s_clock_said() {
    let folder = tempfile::tempdir().unwrap();
    let (history, _) = open(Some(folder.path()));
    for id in ["1", "2", "3"] {
        history.post(post("a", id)).await; // sent at -1, says the sender
    }
    let day = keep(None, Some(Duration::from_secs(86_400)));
    assert_eq!(history.retain(&day).await.unwrap(), 0);
    history.close();
    let sql = format!("UPDATE messages SET aged = {} WHERE position < 3", now() - 86_400_001);
    sqlite::tamper(folder.path(), &sql);
    let (history, _) = open(Some(folder.path()));
    assert_eq!(history.retain(&day).await.unwrap(), 2);
    assert_eq!(ids(&history.page("a", Start::After(0)).await.unwrap()), ["3"]);
    assert_eq!(history.retain(&keep(None, Some(Duration::MAX))).await.unwrap(), 0);
}

#[tokio::test]
async fn a_clock_that_has_leapt_ahead_at_a_start_removes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let kept_for = Duration::from_secs(90 * 86_400);
    let start =
        || History::open(Some(folder.path()), &Opening { kept_for: Some(kept_for), auth: None }, |_| {}).unwrap();
    let history = start();
    history.post(post("a", "1")).await;
    history.close();
    for (days_ago, removed) in [(400, 0), (91, 0), (8, 0)] {
        // It was stored, and the clock saved, so long ago: or so it seems.
        let then = now() - days_ago * 86_400_000;
        let sql =
            format!("UPDATE messages SET aged = {then}; UPDATE meta SET value = '{then} {then}' WHERE key = 'clock'");
        sqlite::tamper(folder.path(), &sql);
        let history = start();
        assert_eq!(history.retain(&keep(None, Some(kept_for))).await.unwrap(), removed, "{days_ago} days");
        history.close();
    }
    // A stop that is short for what is kept so long counts.
    let then = now() - 8 * 86_400_000;
    let sql = format!(
        "UPDATE messages SET aged = {}; UPDATE meta SET value = '{then} {then}' WHERE key = 'clock'",
        then - 83 * 86_400_000
    );
    sqlite::tamper(folder.path(), &sql);
    assert_eq!(start().retain(&keep(None, Some(kept_for))).await.unwrap(), 1, "91 days have passed");
}

#[tokio::test]
async fn stored_times_never_go_back_within_a_room() {
    let folder = tempfile::tempdir().unwrap();
    let (history, _) = open(Some(folder.path()));
    history.post(post("a", "1")).await;
    history.close();
    let ahead = now() + 86_400_000;
    sqlite::tamper(folder.path(), &format!("UPDATE messages SET stored = {ahead}"));
    let (history, _) = open(Some(folder.path()));
    for (room, id) in [("a", "2"), ("a", "3"), ("b", "1")] {
        history.post(post(room, id)).await;
    }
    history.close();
    let reader = Reader::open(folder.path()).unwrap();
    let stored = |room: &str| reader.page(room, 0).unwrap().iter().map(|line| line.stored).collect::<Vec<_>>();
    assert_eq!(stored("a"), [ahead; 3]);
    assert!(stored("b")[0] < ahead);
}

#[tokio::test]
async fn what_was_removed_can_not_be_read_in_the_files_any_more_and_they_shrink() {
    let folder = tempfile::tempdir().unwrap();
    // A file of a version that left removed text where it was, and never gave space back.
    sqlite::tamper(folder.path(), layout::VERSION_1);
    let (history, _) = open(Some(folder.path()));
    for n in 0..2000 {
        let mut secret = post("a", &n.to_string());
        secret.message.text = format!("secret {}", "x".repeat(500));
        history.post(secret).await;
    }
    history.settle().await.unwrap();
    let bytes = || -> Vec<u8> {
        let files = std::fs::read_dir(folder.path()).unwrap();
        files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    };
    let secrets = |bytes: &[u8]| bytes.windows(7).filter(|window| window == b"secret ").count();
    let full = bytes();
    assert!(secrets(&full) >= 2000);
    assert_eq!(history.retain(&keep(Some(1), None)).await.unwrap(), 2001);
    let left = bytes();
    assert_eq!(secrets(&left), 1, "the one that is kept");
    assert!(left.len() < full.len() / 4, "{} of {}", left.len(), full.len());
}

#[tokio::test]
async fn the_log_that_a_long_reader_has_made_grow_shrinks_once_the_reader_has_gone() {
    const LIMIT: u64 = 16 << 20;
    let folder = tempfile::tempdir().unwrap();
    let (history, _) = open(Some(folder.path()));
    history.post(post("a", "first")).await;
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
            assert!(history.post(long(count.to_string())).await);
        }
        // Stored by now.
        history.check().await.unwrap();
    }
    reader.execute_batch("COMMIT").unwrap();
    for n in 0..100 {
        if log() <= LIMIT {
            break;
        }
        assert!(history.post(long(format!("after {n}"))).await);
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
            history.post(long).await;
        }
        history.close();
        let each = std::fs::metadata(folder.path().join("history.sqlite")).unwrap().len() / 400;
        // There are some pages of other tables.
        assert!(each < bytes as u64 * 3 / 2 + 600, "{each} for {bytes}");
    }
}

#[tokio::test]
async fn retention_goes_through_all_rooms_however_many() {
    let (history, _) = open(None);
    for room in 0..250 {
        for id in ["1", "2"] {
            history.post(post(&format!("room {room}"), id)).await;
        }
    }
    assert_eq!(history.retain(&keep(Some(1), None)).await.unwrap(), 250);
}

#[tokio::test]
async fn a_history_that_can_not_be_written_says_so_until_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let (history, _) = open(Some(folder.path()));
    history.check().await.unwrap();
    history.close();
    assert!(matches!(history.check().await, Err(HistoryError::Closed)));
    let full = "CREATE TRIGGER full BEFORE INSERT ON messages BEGIN SELECT raise(ABORT, 'disk full'); END;
                CREATE TRIGGER fuller BEFORE INSERT ON meta BEGIN SELECT raise(ABORT, 'disk full'); END;";
    sqlite::tamper(folder.path(), full);
    let (history, _) = open(Some(folder.path()));
    assert!(history.check().await.is_err(), "it is tried, not believed");
    history.post(post("a", "1")).await;
    assert!(history.check().await.is_err());
    sqlite::tamper(folder.path(), "DROP TRIGGER full; DROP TRIGGER fuller;");
    history.check().await.unwrap();
    history.post(post("a", "1")).await;
    assert_eq!(ids(&history.page("a", Start::After(0)).await.unwrap()), ["1"]);
}

#[tokio::test]
async fn who_waits_until_its_posts_are_told_does_not_try_a_disk_that_fails() {
    let folder = tempfile::tempdir().unwrap();
    let (history, _) = open(Some(folder.path()));
    history.close();
    sqlite::tamper(
        folder.path(),
        "CREATE TRIGGER full BEFORE INSERT ON messages WHEN new.id = 'bad' BEGIN SELECT raise(ABORT, 'disk full'); END",
    );
    let (history, log) = open(Some(folder.path()));
    history.post(post("a", "bad")).await;
    history.settle().await.unwrap();
    assert_eq!(*log.lock().unwrap(), [("bad".into(), None, false)]);
    // Whoever writes now finds the history locked, and waits.
    let other = beside(Some(folder.path())).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    history.settle().await.unwrap();
    assert!(history.check().await.is_err(), "it is locked");
    other.execute_batch("ROLLBACK").unwrap();
    history.post(post("a", "good")).await;
    history.settle().await.unwrap();
    assert_eq!(log.lock().unwrap()[1], ("good".into(), Some(1), true));
}

#[test]
fn both_connections_to_a_history_sync_in_full_on_apples_systems_too() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(Some(folder.path())).unwrap();
    let other = beside(Some(folder.path())).unwrap();
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
    let other = beside(Some(folder.path())).unwrap();
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
