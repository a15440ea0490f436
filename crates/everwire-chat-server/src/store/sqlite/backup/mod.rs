//! A history's copy, a history from a copy, and whether either is whole: what is damaged is not served.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::folder::{self, FILE, Folder, Mark, has_log, index_of, is_log_foreign, log_of, with_suffix};
use super::rows::new_epoch;
use super::schema::VERSION;
use crate::clock::unix_ms;
use crate::store::error::{BackupError, RestoreError, StoreError, StoreOpenError};

/// The report of a restoration.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restored {
    /// The number of messages that are there now.
    pub messages: u64,
    /// The path of the database that was there before, with its log beside it.
    pub before: Option<PathBuf>,
}

/// Writes a copy of the history in this folder to a new file, also while a server uses it, and checks the copy. How many
/// messages it holds.
///
/// The copy is one file, whole, and only its owner may read it: it holds accounts, passwords' hashes and keys too. Blocks.
///
/// # Errors
/// If there is no history or it is damaged, or the file exists or can't be written. Nothing is left of a copy that failed.
///
/// ```no_run
/// let count = everwire_chat_server::backup("everwire-data", "chat-2026-11-30.backup")?;
/// eprintln!("{count} messages");
/// # Ok::<(), everwire_chat_server::BackupError>(())
/// ```
pub fn backup(data: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<u64, BackupError> {
    let (data, to) = (data.as_ref(), to.as_ref());
    let file = data.join(FILE);
    if !file.exists() {
        return Err(StoreOpenError::NotThere { folder: data.to_owned() }.into());
    }
    if has_log(&file) && is_log_foreign(&file, &Mark::of(data)) {
        return Err(StoreOpenError::ForeignLog { file }.into());
    }
    if to.is_dir() {
        return Err(BackupError::IsFolder { folder: to.to_owned() });
    }
    if to.exists() {
        return Err(BackupError::Exists { file: to.to_owned() });
    }
    let unfinished = with_suffix(to, ".unfinished");
    let copied = copy(&file, &unfinished, to).and_then(|count| {
        let put = File::open(&unfinished).and_then(|file| file.sync_all()).and_then(|()| fs::rename(&unfinished, to));
        put.and_then(|()| sync_folder_of(to)).map_err(|source| BackupError::Write { file: to.to_owned(), source })?;
        Ok(count)
    });
    if copied.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    copied
}

/// By another name until it is whole; what is said of it names `to`.
fn copy(file: &Path, unfinished: &Path, to: &Path) -> Result<u64, BackupError> {
    let failed = |source| BackupError::Write { file: to.to_owned(), source };
    match fs::remove_file(unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    folder::open_private(unfinished).map_err(failed)?;
    let name = unfinished.to_str().ok_or_else(|| failed(io::ErrorKind::InvalidFilename.into()))?;
    let history = open(file).map_err(|error| BackupError::Read(error.into()))?;
    history.execute("VACUUM INTO ?1", [name]).map_err(|error| match error.sqlite_error_code() {
        // Nothing but the copy is written.
        Some(ErrorCode::DiskFull) => failed(io::Error::new(io::ErrorKind::StorageFull, error)),
        _ => BackupError::Read(error.into()),
    })?;
    let written = open(unfinished).map_err(|error| BackupError::Read(error.into()))?;
    check(&written).map_err(BackupError::Read)?;
    count(&written).map_err(BackupError::Read)
}

/// Puts a copy of a history into a data folder, in place of the one that is there, which is moved aside. The copy is
/// checked first. Clients load the restored history from its beginning, and all users have to sign in again. Blocks.
///
/// # Errors
/// If a server uses the folder, or the copy is damaged or none: then the folder is as it was. If files can't be moved or
/// written.
///
/// ```no_run
/// let restored = everwire_chat_server::restore("chat-2026-11-30.backup", "everwire-data")?;
/// eprintln!("{} messages", restored.messages);
/// # Ok::<(), everwire_chat_server::RestoreError>(())
/// ```
pub fn restore(from: impl AsRef<Path>, data: impl AsRef<Path>) -> Result<Restored, RestoreError> {
    let (from, data) = (from.as_ref(), data.as_ref());
    if from.is_dir() {
        return Err(RestoreError::IsFolder { folder: from.to_owned() });
    }
    if !from.is_file() {
        return Err(RestoreError::NotThere { file: from.to_owned() });
    }
    let mut folder = Folder::hold(data)?;
    let failed = |source| RestoreError::Write { folder: data.to_owned(), source };
    let unfinished = with_suffix(&folder.database(), ".unfinished");
    let messages = prepare(from, folder.mark(), &unfinished);
    let messages = match messages {
        Ok(messages) => messages,
        Err(error) => {
            remove_database(&unfinished).map_err(failed)?;
            return Err(error);
        }
    };
    let before = move_aside(&folder.database()).map_err(failed)?;
    fs::rename(&unfinished, folder.database()).map_err(failed)?;
    folder::sync_folder(data).map_err(failed)?;
    // Nothing of what the server stored last has to be in it.
    folder.remember_last(None);
    Ok(Restored { messages, before })
}

/// A copy of the copy, checked and made a history of its own; how many messages it has.
fn prepare(from: &Path, mark: &Mark, unfinished: &Path) -> Result<u64, RestoreError> {
    let failed = |source| RestoreError::Copy { file: from.to_owned(), source };
    remove_database(unfinished).map_err(failed)?;
    // A folder that was copied as a whole has a log that belongs to its file.
    let own_mark =
        if from.parent().is_some_and(|folder| is_same(folder, unfinished.parent())) { Some(mark) } else { None };
    let with_log = has_log(from) && !is_log_foreign(from, own_mark.unwrap_or(&Mark::default()));
    for (file, to) in [(from.to_owned(), unfinished.to_owned()), (log_of(from), log_of(unfinished))]
        .into_iter()
        .take(1 + usize::from(with_log))
    {
        let mut to = folder::open_private(&to).map_err(failed)?;
        io::copy(&mut File::open(file).map_err(failed)?, &mut to).map_err(failed)?;
    }
    let damaged = |source: StoreError| RestoreError::NoHistory { file: from.to_owned(), source };
    let copy = open(unfinished).map_err(|error| damaged(error.into()))?;
    let version: i64 =
        copy.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(|error| damaged(error.into()))?;
    if version > VERSION {
        return Err(RestoreError::TooNew { file: from.to_owned() });
    }
    check(&copy).map_err(damaged)?;
    let made = new_epoch(&copy).and_then(|()| {
        // A sign-in that was ended after the copy was made is not to come back to life.
        if version >= 3 {
            copy.execute("DELETE FROM refreshes", [])?;
        }
        // A node's copy is a history of its own from here on: what it was of its cluster is not true of it.
        copy.execute("DELETE FROM meta WHERE key = 'cluster'", [])?;
        for table in ["cluster_shards", "cluster_rooms", "cluster_runs", "cluster_access", "cluster_unreadable"] {
            copy.execute(&format!("DROP TABLE IF EXISTS {table}"), [])?;
        }
        // All in one file.
        copy.pragma_update(None, "journal_mode", "DELETE")
    });
    made.map_err(|error| damaged(error.into()))?;
    let messages = count(&copy).map_err(damaged)?;
    drop(copy);
    File::open(unfinished).and_then(|file| file.sync_all()).map_err(failed)?;
    Ok(messages)
}

/// With what belongs to it; where it is now, if it was there. However far this comes, no start takes what is left for a
/// history: a log that is alone is refused, and without a log the database stays until it is replaced.
fn move_aside(database: &Path) -> io::Result<Option<PathBuf>> {
    let aside = database.with_file_name(format!("history-before-{}.sqlite", unix_ms()));
    if !database.exists() && !has_log(database) {
        return Ok(None);
    }
    let linked = !has_log(database) && fs::hard_link(database, &aside).is_ok();
    if !linked {
        rename_if_there(database, &aside)?;
    }
    rename_if_there(&log_of(database), &log_of(&aside))?;
    rename_if_there(&index_of(database), &index_of(&aside))?;
    Ok(Some(aside))
}

fn rename_if_there(file: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(file, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn remove_database(file: &Path) -> io::Result<()> {
    [file.to_owned(), log_of(file), index_of(file)].iter().try_for_each(|file| match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    })
}

fn open(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    Ok(connection)
}

fn count(connection: &Connection) -> Result<u64, StoreError> {
    Ok(connection.query_row("SELECT count(*) FROM messages", [], |row| row.get(0))?)
}

fn is_same(one: &Path, other: Option<&Path>) -> bool {
    let real = |path: &Path| fs::canonicalize(if path.as_os_str().is_empty() { Path::new(".") } else { path }).ok();
    other.is_some_and(|other| real(one).is_some() && real(one) == real(other))
}

fn sync_folder_of(file: &Path) -> io::Result<()> {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder::sync_folder(folder),
        _ => folder::sync_folder(Path::new(".")),
    }
}

/// What closes this connection leaves the database's file as it is, and the log beside it: for a log that may be another
/// file's.
pub(in crate::store::sqlite) fn leave_log_alone(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map(|_| ())
}

/// What closes this connection brings the log into the database's file, as usual.
pub(in crate::store::sqlite) fn take_log_in(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map(|_| ())
}

/// Reads all of a database, and compares its tables with their indices and its rooms with how they are written: positions
/// without a gap. Some seconds for a gigabyte.
///
/// # Errors
/// If it is damaged.
pub(in crate::store::sqlite) fn check(connection: &Connection) -> Result<(), StoreError> {
    let verdict: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        tracing::debug!(verdict, "the database is damaged");
        return Err(StoreError::Damaged);
    }
    let has_gap = "SELECT EXISTS (SELECT 1 FROM messages GROUP BY room
                   HAVING count(*) <> max(position) - min(position) + 1)";
    if connection.query_row(has_gap, [], |row| row.get(0))? { Err(StoreError::Damaged) } else { Ok(()) }
}
