//! The data folder: who may read it, which server holds it, and where that server stood last.
//!
//! A database can't tell that it was exchanged for an older copy of itself, nor that the log beside it is another file's.
//! So the lock file, which no copy of the database brings along, holds a [`Mark`]: which files the last server had open, and
//! what it stored last.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::store::error::StoreOpenError;

/// The history's file in its folder.
pub(super) const FILE: &str = "history.sqlite";

/// Locked by the server that uses the folder. Readers need not care.
const LOCK: &str = "history.lock";

/// Bytes of a mark at most: a room's name and an id, escaped.
const LONGEST_MARK: u64 = 8 << 10;

/// A folder that this process holds.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    lock: File,
    mark: Mark,
}

/// What the last server that held the folder knew.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// The files that it had open.
    database: Option<FileId>,
    log: Option<FileId>,
    /// What it stored last.
    pub(super) last: Option<Last>,
}

/// A stored message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Last {
    pub(super) room: String,
    pub(super) position: u64,
    pub(super) id: String,
}

/// Which file a path leads to; another after the file was exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FileId {
    device: u64,
    file: u64,
}

impl Folder {
    /// Makes the folder, for nobody else on this machine, unless it is there; and holds it until this is dropped.
    ///
    /// # Errors
    /// If it can't be made, or another process holds it.
    pub(super) fn hold(path: &Path) -> Result<Self, StoreOpenError> {
        make_private_folder(path).map_err(failed(path))?;
        let mut lock = open_private(&path.join(LOCK)).map_err(failed(path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreOpenError::InUse { file: path.join(FILE) }),
            Err(TryLockError::Error(source)) => return Err(failed(path)(source)),
        }
        let mark = Mark::read(&mut lock);
        Ok(Self { path: path.to_owned(), lock, mark })
    }

    pub(super) fn database(&self) -> PathBuf {
        self.path.join(FILE)
    }

    pub(super) fn mark(&self) -> &Mark {
        &self.mark
    }

    /// Makes the database's file, for nobody else on this machine, unless it is there. SQLite makes its log as it is.
    pub(super) fn make_database(&self) -> Result<PathBuf, StoreOpenError> {
        let file = self.database();
        open_private(&file).map_err(failed(&self.path))?;
        Ok(file)
    }

    /// Says in the log of the server what others on this machine may read.
    pub(super) fn warn_of_readers(&self) {
        let files = [self.database(), log_of(&self.database())];
        if let Some(open) = files.iter().find(|file| is_open_to_others(&self.path) && is_open_to_others(file)) {
            tracing::warn!(
                file = %open.display(),
                "others on this machine may read the data folder, with its passwords' hashes and keys: \
                 run chmod -R go-rwx on it"
            );
        }
    }

    /// From now on these are the files, as they are open.
    pub(super) fn remember_files(&mut self) {
        let database = self.database();
        self.mark.database = FileId::of(&database);
        self.mark.log = FileId::of(&log_of(&database));
        self.write_mark();
    }

    /// This was stored last; or, if nothing is known of that any more, nothing.
    pub(super) fn remember_last(&mut self, last: Option<Last>) {
        self.mark.last = last;
        self.write_mark();
    }

    /// Whether the paths still lead to the files that are open: what is stored into others is lost with the next start.
    pub(super) fn is_in_place(&self) -> bool {
        let database = self.database();
        self.mark.database == FileId::of(&database) && self.mark.log == FileId::of(&log_of(&database))
    }

    /// Writes the mark in place with one write, so that a process that is killed meanwhile leaves a whole one. Without a
    /// mark the next start can check less.
    fn write_mark(&mut self) {
        let written = serde_json::to_vec(&self.mark).map_err(io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            self.lock.seek(SeekFrom::Start(0))?;
            self.lock.write_all(&line)
        });
        if let Err(error) = written {
            tracing::warn!(%error, "where the history stands can't be written to its lock file");
        }
    }
}

impl Mark {
    /// The first line; what is behind it is left from a longer one. One that makes no sense says nothing.
    fn read(lock: &mut File) -> Self {
        let mut text = Vec::new();
        let read = lock.take(LONGEST_MARK).read_to_end(&mut text);
        let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        read.ok().and_then(|_| serde_json::from_slice(line).ok()).unwrap_or_default()
    }

    /// What is known of a folder that this process does not hold.
    pub(super) fn of(folder: &Path) -> Self {
        File::open(folder.join(LOCK)).map(|mut lock| Self::read(&mut lock)).unwrap_or_default()
    }
}

impl FileId {
    #[cfg(unix)]
    fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(path).ok().map(|file| Self { device: file.dev(), file: file.ino() })
    }

    #[cfg(not(unix))]
    fn of(_: &Path) -> Option<Self> {
        None
    }
}

/// SQLite's log beside a database.
pub(super) fn log_of(database: &Path) -> PathBuf {
    with_suffix(database, "-wal")
}

/// SQLite's index of that log.
pub(super) fn index_of(database: &Path) -> PathBuf {
    with_suffix(database, "-shm")
}

pub(super) fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Whether a log with something in it was left beside a database: its last user has not ended in order.
pub(super) fn has_log(database: &Path) -> bool {
    fs::metadata(log_of(database)).is_ok_and(|log| log.len() > 0)
}

/// Whether that log is surely another file's, and would damage this one. SQLite does not ask.
pub(super) fn is_log_foreign(database: &Path, mark: &Mark) -> bool {
    let mut header = [0; 20];
    let read = File::open(database).and_then(|mut file| file.read_exact(&mut header));
    // Whatever a log belongs to has been made a file with a log first (SQLite's file format, section 1.3.3): copies by
    // VACUUM are none.
    let has_had_a_log = read.is_ok() && header[18..] == [2, 2];
    let was_exchanged = mark.database.is_some() && mark.database != FileId::of(database);
    let log_stayed = mark.log.is_some() && mark.log == FileId::of(&log_of(database));
    !has_had_a_log || (was_exchanged && log_stayed)
}

/// A folder that only its owner may look into, if it is not there yet.
pub(super) fn make_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// A file that only its owner may read and write, made if it is not there yet.
pub(super) fn open_private(path: &Path) -> io::Result<File> {
    let is_new = !path.exists();
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    if is_new {
        give_to_owner_of_folder(path);
    }
    Ok(file)
}

/// Gives a file that root has made in another user's folder to the owner of the folder: a server that runs as that user has
/// to open it.
#[cfg(unix)]
fn give_to_owner_of_folder(path: &Path) {
    use std::os::unix::fs::MetadataExt;
    let Some(folder) = path.parent().and_then(|folder| fs::metadata(folder).ok()) else { return };
    if fs::metadata(path).is_ok_and(|file| file.uid() != folder.uid()) {
        // Only root may; for others things are as they were.
        let _ = std::os::unix::fs::chown(path, Some(folder.uid()), Some(folder.gid()));
    }
}

#[cfg(not(unix))]
fn give_to_owner_of_folder(_: &Path) {}

#[cfg(unix)]
fn is_open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_: &Path) -> bool {
    false
}

/// What was renamed in a folder outlasts a loss of power.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

fn failed(folder: &Path) -> impl Fn(io::Error) -> StoreOpenError + '_ {
    |source| StoreOpenError::Folder { folder: folder.to_owned(), source }
}
