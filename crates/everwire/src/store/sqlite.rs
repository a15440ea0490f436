use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use everwire_core::{Message, MessageId, Priority};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Row, Transaction, params};

use super::{Saved, SavedSession, Store, StoreError, StoreErrorKind, StoreOp, StoredMessage};

/// An outbox in an SQLite file, with a write-ahead log and a full sync to disk on each commit, on Apple's systems by
/// `F_FULLFSYNC` (`PRAGMA fullfsync`), since a plain sync leaves data in the drive's cache there.
///
/// Only one client at a time can have the file open. The files with `-wal` and `-shm` at the end of the name belong to
/// it. They hold the session's token and all messages in the outbox, so on Unix only their owner may read and write
/// them (mode 0600), also if the file existed before.
pub struct SqliteStore {
    path: PathBuf,
    connection: Connection,
}

/// "evwr", so that no other program's file is taken for an outbox.
const APPLICATION: i64 = 0x6576_7772;
const VERSION: i64 = 1;

const LAYOUT: &str = "
    CREATE TABLE session (
        id TEXT NOT NULL, token TEXT NOT NULL,
        connection INTEGER NOT NULL, processed INTEGER NOT NULL, numbered INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE messages (
        id INTEGER PRIMARY KEY, place INTEGER NOT NULL, seq INTEGER, priority INTEGER NOT NULL,
        key TEXT, expires_at INTEGER, may_have_arrived INTEGER NOT NULL,
        is_text INTEGER NOT NULL, payload BLOB NOT NULL
    ) STRICT;";

impl SqliteStore {
    /// Opens the file, and creates it if it does not exist.
    ///
    /// # Errors
    /// If it can't be opened, is in use, or is not an outbox. The file is not changed then.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref().to_owned();
        keep_private(&path).map_err(|error| explain_io(&path, error))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(&path, flags).map_err(|error| explain(&path, "can't be opened", error))?;
        let store = Self { path, connection };
        store.prepare().map_err(|error| store.failed("can't be opened", error))?;
        store.check_layout()?;
        Ok(store)
    }

    fn prepare(&self) -> rusqlite::Result<()> {
        // Locked for as long as it is open: two clients would send each other's messages.
        self.connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        self.connection.pragma_update(None, "journal_mode", "WAL")?;
        self.connection.pragma_update(None, "synchronous", "FULL")?;
        // Only Apple's systems know the difference.
        self.connection.pragma_update(None, "fullfsync", true)?;
        self.connection.pragma_update(None, "checkpoint_fullfsync", true)?;
        self.connection.pragma_update(None, "temp_store", "MEMORY")?;
        self.connection.set_prepared_statement_cache_capacity(16);
        // Takes the lock now.
        self.connection.execute_batch("BEGIN IMMEDIATE; COMMIT")
    }

    fn check_layout(&self) -> Result<(), StoreError> {
        let number = |pragma: &str| {
            self.connection
                .pragma_query_value(None, pragma, |row| row.get::<_, i64>(0))
                .map_err(|error| self.failed("can't be read", error))
        };
        let tables = "SELECT count(*) FROM sqlite_schema";
        let tables: i64 = self
            .connection
            .query_row(tables, [], |row| row.get(0))
            .map_err(|error| self.failed("can't be read", error))?;
        match (number("application_id")?, number("user_version")?) {
            (0, 0) if tables == 0 => self.lay_out().map_err(|error| self.failed("can't be written", error)),
            (APPLICATION, VERSION) => Ok(()),
            (APPLICATION, version) => Err(StoreError::new(
                StoreErrorKind::TooNew,
                format!(
                    "the outbox {} has version {version}, and this program knows {VERSION}: use a newer program",
                    self.path.display()
                ),
            )),
            _ => Err(StoreError::new(
                StoreErrorKind::Corrupt,
                format!("{} is a database, but no outbox: name another file", self.path.display()),
            )),
        }
    }

    fn lay_out(&self) -> rusqlite::Result<()> {
        let set = format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION};");
        self.connection.execute_batch(&format!("BEGIN; {LAYOUT} {set} COMMIT"))
    }

    fn read(&self) -> rusqlite::Result<Saved> {
        let session = "SELECT id, token, connection, processed, numbered FROM session";
        let session = self.connection.query_row(session, [], to_session).optional()?;
        let mut messages = self.connection.prepare(
            "SELECT id, place, seq, priority, key, expires_at, may_have_arrived, is_text, payload
             FROM messages ORDER BY id",
        )?;
        let messages = messages.query_map([], to_message)?.collect::<Result<_, _>>()?;
        Ok(Saved { session, messages })
    }

    fn write(&mut self, steps: &[StoreOp]) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        for step in steps {
            apply(&transaction, step)?;
        }
        transaction.commit()
    }

    fn failed(&self, what: &str, error: rusqlite::Error) -> StoreError {
        explain(&self.path, what, error)
    }
}

impl Store for SqliteStore {
    fn load(&mut self) -> Result<Saved, StoreError> {
        self.read().map_err(|error| self.failed("can't be read", error))
    }

    fn commit(&mut self, steps: &[StoreOp]) -> Result<(), StoreError> {
        self.write(steps).map_err(|error| self.failed("can't be written", error))
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}

fn apply(transaction: &Transaction<'_>, step: &StoreOp) -> rusqlite::Result<()> {
    match step {
        StoreOp::Put(message) => {
            let mut put = transaction.prepare_cached(
                "INSERT OR REPLACE INTO messages
                 (id, place, seq, priority, key, expires_at, may_have_arrived, is_text, payload)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?;
            let StoredMessage { id, place, seq, priority, key, expires_at, may_have_arrived, message } = message;
            put.execute(params![
                id.0,
                place.0,
                seq,
                *priority as u8,
                key.as_deref(),
                expires_at,
                may_have_arrived,
                message.as_text().is_some(),
                message.payload(),
            ])?;
            if let Some(seq) = seq {
                raise(transaction, *seq)?;
            }
        }
        StoreOp::Number { first, last, seq } => {
            let mut number =
                transaction.prepare_cached("UPDATE messages SET seq = ?1 + (id - ?2) WHERE id BETWEEN ?2 AND ?3")?;
            number.execute(params![seq, first.0, last.0])?;
            raise(transaction, seq + (last.0 - first.0))?;
        }
        StoreOp::Unnumber { may_have_arrived } => {
            let mut unnumber = transaction.prepare_cached(
                "UPDATE messages SET seq = NULL, may_have_arrived = max(may_have_arrived, ?) WHERE seq IS NOT NULL",
            )?;
            unnumber.execute([may_have_arrived])?;
        }
        StoreOp::Remove { first, last } => {
            transaction.prepare_cached("DELETE FROM messages WHERE id BETWEEN ? AND ?")?.execute([first.0, last.0])?;
        }
        StoreOp::Session(session) => {
            transaction.prepare_cached("DELETE FROM session")?.execute([])?;
            if let Some(SavedSession { id, token, connection, processed, numbered }) = session {
                let mut insert = transaction.prepare_cached("INSERT INTO session VALUES (?, ?, ?, ?, ?)")?;
                insert.execute(params![id, token, connection, processed, numbered])?;
            }
        }
        StoreOp::Processed(processed) => {
            transaction.prepare_cached("UPDATE session SET processed = ?")?.execute([processed])?;
        }
    }
    Ok(())
}

/// This sequence number is given out.
fn raise(transaction: &Transaction<'_>, seq: u64) -> rusqlite::Result<()> {
    transaction.prepare_cached("UPDATE session SET numbered = max(numbered, ?)")?.execute([seq]).map(drop)
}

fn to_session(row: &Row<'_>) -> rusqlite::Result<SavedSession> {
    Ok(SavedSession {
        id: row.get(0)?,
        token: row.get(1)?,
        connection: row.get(2)?,
        processed: row.get(3)?,
        numbered: row.get(4)?,
    })
}

fn to_message(row: &Row<'_>) -> rusqlite::Result<StoredMessage> {
    let (is_text, payload) = (row.get::<_, bool>(7)?, row.get::<_, Vec<u8>>(8)?);
    let message = match is_text {
        true => Message::text(String::from_utf8(payload).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(8, rusqlite::types::Type::Blob, Box::new(error))
        })?),
        false => Message::binary(payload),
    };
    Ok(StoredMessage {
        id: MessageId(row.get(0)?),
        place: MessageId(row.get(1)?),
        seq: row.get(2)?,
        priority: match row.get::<_, u8>(3)? {
            0 => Priority::High,
            1 => Priority::Normal,
            _ => Priority::Low,
        },
        key: row.get::<_, Option<String>>(4)?.map(Arc::from),
        expires_at: row.get(5)?,
        may_have_arrived: row.get(6)?,
        message,
    })
}

/// Makes the file if it is not there, and it and what stands beside it the owner's alone. SQLite gives what it makes beside it
/// the same mode.
///
/// A file that is there is not opened for that: closing it again would give up the locks of another store of this process.
#[cfg(unix)]
fn keep_private(path: &Path) -> io::Result<()> {
    use std::fs::{self, OpenOptions, Permissions};
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

    if path.as_os_str().is_empty() || path == Path::new(":memory:") {
        // No file, for SQLite.
        return Ok(());
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        // Whatever else it is, SQLite meets it as well and says so.
        Ok(_) | Err(_) => return Ok(()),
    }
    for end in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(end);
        match fs::metadata(&file) {
            Ok(found) if found.is_file() && found.permissions().mode() & 0o077 != 0 => {
                fs::set_permissions(&file, Permissions::from_mode(0o600))?;
            }
            Ok(_) | Err(_) => {}
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn keep_private(_: &Path) -> io::Result<()> {
    Ok(())
}

fn explain_io(path: &Path, error: io::Error) -> StoreError {
    let words = format!(
        "the outbox {} can't be made its owner's alone: give it to the user who runs this, or name another file",
        path.display()
    );
    StoreError::new(StoreErrorKind::ReadOnly, words).because(error)
}

/// What happened, where, and what to do.
fn explain(path: &Path, what: &str, error: rusqlite::Error) -> StoreError {
    let outbox = format!("the outbox {} {what}", path.display());
    let (kind, advice) = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            (StoreErrorKind::InUse, "it is in use: end the other program, or name another file")
        }
        Some(ErrorCode::DiskFull | ErrorCode::TooBig) => (StoreErrorKind::Full, "the disk is full: make room"),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            (StoreErrorKind::ReadOnly, "it may not be written: check its permissions and those of its folder")
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            (StoreErrorKind::Corrupt, "it is damaged, or no outbox: move it away to begin with an empty one")
        }
        Some(ErrorCode::CannotOpen) => (StoreErrorKind::Io, "check that its folder is there and may be written"),
        _ if matches!(error, rusqlite::Error::FromSqlConversionFailure(..)) => {
            (StoreErrorKind::Corrupt, "it is damaged: move it away to begin with an empty one")
        }
        _ => (StoreErrorKind::Io, "the disk may have a fault"),
    };
    StoreError::new(kind, format!("{outbox}: {advice}")).because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_commit_is_synced_in_full_on_apples_systems_too() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("outbox.db")).unwrap();
        let number = |pragma| store.connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).unwrap();
        // SQLite keeps these settings on every system; only Apple's have such a sync.
        let settings = ["synchronous", "fullfsync", "checkpoint_fullfsync"].map(number);
        assert_eq!(settings, [2, 1, 1], "synchronous = FULL, by F_FULLFSYNC");
        let mode = |row: &Row<'_>| row.get::<_, String>(0);
        assert_eq!(store.connection.pragma_query_value(None, "journal_mode", mode).unwrap(), "wal");
    }

    #[test]
    fn a_full_disk_is_told_of_and_nothing_of_the_batch_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = SqliteStore::open(folder.path().join("outbox.db")).unwrap();
        let put = |id: u64| {
            StoreOp::Put(StoredMessage {
                id: MessageId(id),
                place: MessageId(id),
                seq: None,
                priority: Priority::Normal,
                key: None,
                expires_at: None,
                may_have_arrived: false,
                message: Message::binary(vec![7; 10_000]),
            })
        };
        store.commit(&[put(1)]).unwrap();
        let pages = |store: &SqliteStore, pages: u32| {
            store
                .connection
                .query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| row.get::<_, u32>(0))
                .unwrap()
        };
        pages(&store, 20);
        let batch: Vec<StoreOp> = (2..50).map(put).collect();
        let refused = store.commit(&batch).unwrap_err();
        assert_eq!((refused.kind(), refused.is_retryable()), (StoreErrorKind::Full, true));
        assert!(refused.to_string().contains("the disk is full: make room"), "{refused}");
        assert_eq!(store.load().unwrap().messages.len(), 1, "all or nothing");
        pages(&store, 1_000_000);
        store.commit(&batch).unwrap();
        assert_eq!(store.load().unwrap().messages.len(), 49);
    }
}
