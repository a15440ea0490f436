//! Copies of a data folder, put back in order and by hand; and folders that are exchanged under a server.

#![allow(clippy::unwrap_used, reason = "its helpers are test code as well")]

mod support;

use std::fs;
use std::path::Path;

use everwire_chat_server::{
    BackupError, ChatServer, OpenError, RestoreError, ServerConfig, StoreOpenError, backup, export, restore,
};
use serde_json::json;
use support::{Plain, Server, text, with_data};
use tempfile::{TempDir, tempdir};

const DATABASE: &str = "history.sqlite";
const LOG: &str = "history.sqlite-wal";

/// Stores these in the lobby; the epoch that the server tells.
async fn store(server: &Server, ids: impl IntoIterator<Item = u32>) -> String {
    let mut ana = Plain::join(server, "userId=ana&after=").await;
    let sync = ana.next().await;
    for id in ids {
        ana.say(&text(&id.to_string(), "ana", &"x".repeat(500))).await;
        while ana.next().await["type"] != json!("stored") {}
    }
    sync["epoch"].as_str().unwrap().to_owned()
}

/// The folder as a crash leaves it at this moment: without the index of the log, and with nothing brought into the file.
fn crashed(folder: &Path) -> TempDir {
    let image = tempdir().unwrap();
    for file in [DATABASE, LOG, "history.lock"] {
        fs::copy(folder.join(file), image.path().join(file)).unwrap();
    }
    image
}

async fn epoch_after_start(folder: &Path) -> String {
    let server = Server::start(with_data(folder)).await;
    let epoch = store(&server, []).await;
    server.stop().await;
    epoch
}

fn refused(folder: &Path) -> OpenError {
    ChatServer::open(with_data(folder)).err().unwrap()
}

fn count(folder: &Path) -> u64 {
    export(folder, None, std::io::sink()).unwrap()
}

#[tokio::test]
async fn a_backup_of_a_running_server_is_restored_as_another_history() {
    let data = tempdir().unwrap();
    let copy = data.path().join("copy");
    let server = Server::start(with_data(data.path())).await;
    let epoch = store(&server, 1..=20).await;
    assert_eq!(backup(data.path(), &copy).unwrap(), 20);
    let error = backup(data.path(), &copy).unwrap_err();
    assert!(matches!(error, BackupError::Exists { .. }), "{error:?}");
    store(&server, 21..=30).await;
    let error = restore(&copy, data.path()).unwrap_err();
    assert!(matches!(error, RestoreError::Open(StoreOpenError::InUse { .. })), "{error:?}");
    server.stop().await;

    let restored = restore(&copy, data.path()).unwrap();
    assert_eq!((restored.messages, count(data.path())), (20, 20));
    let before = rusqlite::Connection::open(restored.before.unwrap()).unwrap();
    let kept: u64 = before.query_row("SELECT count(*) FROM messages", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 30, "what was there before is kept");
    assert_ne!(epoch_after_start(data.path()).await, epoch);

    // Onto a machine where nothing is.
    let elsewhere = data.path().join("elsewhere");
    assert_eq!(restore(&copy, &elsewhere).unwrap().before, None);
    assert_eq!(count(&elsewhere), 20);
}

#[tokio::test]
async fn after_a_crash_a_copy_beside_the_old_log_is_refused_until_it_is_restored() {
    let data = tempdir().unwrap();
    let copy = data.path().join("copy");
    let server = Server::start(with_data(data.path())).await;
    store(&server, 1..=50).await;
    backup(data.path(), &copy).unwrap();
    store(&server, 51..=80).await;
    let image = crashed(data.path());
    let database = image.path().join(DATABASE);
    fs::copy(&copy, &database).unwrap();

    let error = refused(image.path());
    assert!(matches!(error, OpenError::Store(StoreOpenError::ForeignLog { .. })), "{error:?}");
    assert!(error.to_string().contains("everwire restore") && !error.to_string().contains('\n'), "{error}");
    assert!(export(image.path(), None, std::io::sink()).is_err());
    assert_eq!(fs::read(&database).unwrap(), fs::read(&copy).unwrap(), "looking at it has changed nothing");

    // The file that is in place is a copy, too.
    assert_eq!(restore(&database, image.path()).unwrap().messages, 50);
    let server = Server::start(with_data(image.path())).await;
    store(&server, 81..=90).await;
    server.stop().await;
    assert_eq!(count(image.path()), 60);

    fs::remove_file(image.path().join(DATABASE)).unwrap();
    fs::write(image.path().join(LOG), "a log that was left").unwrap();
    let error = refused(image.path());
    assert!(
        matches!(error, OpenError::Store(StoreOpenError::ForeignLog { .. })),
        "what a restore that was cut short leaves: {error:?}"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn an_older_file_beside_the_log_that_was_in_use_is_refused() {
    let data = tempdir().unwrap();
    let server = Server::start(with_data(data.path())).await;
    store(&server, 1..=50).await;
    let older = crashed(data.path());
    rusqlite::Connection::open(older.path().join(DATABASE)).unwrap().execute_batch("PRAGMA wal_checkpoint").unwrap();
    store(&server, 51..=60).await;
    let image = tempdir().unwrap();
    fs::copy(older.path().join(DATABASE), image.path().join(DATABASE)).unwrap();
    fs::hard_link(data.path().join(LOG), image.path().join(LOG)).unwrap();
    fs::copy(data.path().join("history.lock"), image.path().join("history.lock")).unwrap();
    let error = refused(image.path());
    assert!(matches!(error, OpenError::Store(StoreOpenError::ForeignLog { .. })), "{error:?}");
}

#[tokio::test]
async fn what_a_crash_has_left_damaged_is_refused_and_left_as_it_is() {
    let data = tempdir().unwrap();
    let server = Server::start(with_data(data.path())).await;
    store(&server, 1..=300).await;
    server.stop().await;
    let server = Server::start(with_data(data.path())).await;
    store(&server, 301..=302).await;
    let image = crashed(data.path());
    let whole = count(image.path());
    assert_eq!(whole, 302, "without damage it is served");

    let image = crashed(data.path());
    let database = image.path().join(DATABASE);
    let mut bytes = fs::read(&database).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xa5);
    fs::write(&database, &bytes).unwrap();
    let error = refused(image.path());
    assert!(matches!(error, OpenError::Store(StoreOpenError::Damaged { .. })), "{error:?}");
    assert!(error.to_string().contains("everwire restore"), "{error}");
    assert!(fs::read(&database).unwrap() == bytes, "it is left as it is");
    assert!(backup(image.path(), image.path().join("copy")).is_err(), "and no copy is made of it");
    assert!(!image.path().join("copy").exists() && !image.path().join("copy.unfinished").exists());
}

#[tokio::test]
async fn a_history_that_was_rolled_back_by_hand_is_another_one_for_clients() {
    let data = tempdir().unwrap();
    let server = Server::start(with_data(data.path())).await;
    let epoch = store(&server, 1..=20).await;
    let image = crashed(data.path());
    let copy = data.path().join("copy");
    backup(data.path(), &copy).unwrap();
    store(&server, 21..=25).await;
    server.stop().await;
    assert_eq!(epoch_after_start(data.path()).await, epoch, "after an end in order it is the same");
    assert_eq!(epoch_after_start(image.path()).await, epoch, "and after a crash");

    fs::copy(&copy, data.path().join(DATABASE)).unwrap();
    let server = Server::start(with_data(data.path())).await;
    let another = store(&server, 26..=60).await;
    assert_ne!(another, epoch, "who has seen the old 21 to 25 is not taken to have seen the new ones");
    server.stop().await;
    assert_eq!(epoch_after_start(data.path()).await, another, "once is enough");
}

#[tokio::test]
async fn only_a_whole_history_is_restored() {
    let data = tempdir().unwrap();
    let server = Server::start(with_data(data.path())).await;
    store(&server, 1..=300).await;
    let copy = data.path().join("copy");
    backup(data.path(), &copy).unwrap();
    server.stop().await;
    let mut bytes = fs::read(&copy).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xa5);
    fs::write(&copy, bytes).unwrap();
    for (bad, what) in
        [(copy, "damaged"), (data.path().join("history.lock"), "no database"), ("nowhere".into(), "none")]
    {
        let error = restore(&bad, data.path()).unwrap_err();
        assert!(matches!(error, RestoreError::NoHistory { .. } | RestoreError::NotThere { .. }), "{what}: {error:?}");
    }
    assert_eq!(count(data.path()), 300, "what was there is untouched");
    assert!(!data.path().join("history.sqlite.unfinished").exists());
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_stored_into_files_that_were_taken_away_is_not_acknowledged() {
    for taken in [&[LOG, "history.sqlite-shm"][..], &[DATABASE]] {
        let data = tempdir().unwrap();
        let server = Server::start(with_data(data.path())).await;
        store(&server, 1..=2).await;
        for file in taken {
            fs::remove_file(data.path().join(file)).unwrap();
        }
        let mut ana = Plain::join(&server, "userId=ana&after=").await;
        while ana.next().await["offset"] != json!(2) {}
        ana.say(&text("3", "ana", "x")).await;
        assert_eq!(ana.close_code().await, 1013, "{taken:?}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_data_folder_and_its_files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempdir().unwrap();
    let data = parent.path().join("data");
    let server = Server::start(ServerConfig::with_data(&data)).await;
    store(&server, 1..=2).await;
    let copy = parent.path().join("copy");
    backup(&data, &copy).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&data), mode(&copy)), (0o700, 0o600));
    for file in fs::read_dir(&data).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}
