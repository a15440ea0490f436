//! A history that is only read, by a program that is not its server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::folder::{FILE, Mark, has_log, is_log_foreign};
use super::rows::{PAGE, StoredMessage, page, rooms};
use super::schema::VERSION;
use crate::store::error::{StoreError, StoreOpenError};

/// Rooms that are named in one answer.
const ROOMS: usize = 100;

/// A history that is only read, while a server may be using it.
#[derive(Debug)]
pub(crate) struct Reader(Connection);

impl Reader {
    pub(crate) fn open(folder: &Path) -> Result<Self, StoreOpenError> {
        let file = folder.join(FILE);
        if !file.exists() {
            return Err(StoreOpenError::NotThere { folder: folder.to_owned() });
        }
        if has_log(&file) && is_log_foreign(&file, &Mark::of(folder)) {
            return Err(StoreOpenError::ForeignLog { file });
        }
        // Not read-only for SQLite, which has to write beside the file in order to read what was committed last.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = open_to_read(&file, flags).or_else(|error| {
            // A folder that can't be written, such as a backup's: where there is no log, nothing changes the file.
            let unchanging = if has_log(&file) { None } else { unchanging(&file) };
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
            unchanging.ok_or(error).and_then(|address| open_to_read(&address, flags))
        });
        match opened {
            Ok((connection, VERSION)) => Ok(Self(connection)),
            Ok((_, version)) if version > VERSION => Err(StoreOpenError::TooNew { file }),
            Ok(_) => Err(StoreOpenError::TooOld { file }),
            Err(source) => Err(StoreOpenError::File { file, source: source.into() }),
        }
    }

    /// Some rooms that were ever written to, in order, from this name on.
    pub(crate) fn rooms(&self, from: &str) -> Result<Vec<String>, StoreError> {
        Ok(rooms(&self.0, from, ROOMS)?)
    }

    /// A page of what follows this offset.
    pub(crate) fn page(&self, room: &str, after: u64) -> Result<Vec<StoredMessage>, StoreError> {
        Ok(page(&self.0, room, after, PAGE)?)
    }
}

/// Whether a folder has a history.
pub(crate) fn exists(folder: &Path) -> bool {
    folder.join(FILE).exists()
}

/// The connection, and the version of the layout.
fn open_to_read(file: &Path, flags: OpenFlags) -> rusqlite::Result<(Connection, i64)> {
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.pragma_update(None, "query_only", true)?;
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok((connection, version))
}

/// The address of a file that nobody writes (SQLite's URI filenames), if it has one and is not to be written.
fn unchanging(file: &Path) -> Option<PathBuf> {
    let is_to_be_read_only = std::fs::File::options().append(true).open(file).is_err();
    let path = std::path::absolute(file).ok()?;
    let name = path.to_str()?.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    is_to_be_read_only.then(|| PathBuf::from(format!("file:{name}?immutable=1")))
}
