//! Why a store can't be opened, or can't do what it was asked for.

use std::fmt;
use std::io;
use std::path::PathBuf;

use rusqlite::ErrorCode;

/// An error of the message store.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// A database error.
    Database(rusqlite::Error),
    /// The history has been closed.
    Closed,
    /// Pages of the database make no sense.
    Damaged,
    /// Its files were moved away or exchanged while they were open: what is stored would be lost with the next start.
    Moved,
    /// This node of a cluster can't go on.
    #[cfg(feature = "cluster")]
    Cluster(super::cluster::ClusterFault),
}

impl StoreError {
    /// Whether the database's pages make no sense.
    pub(super) fn is_damage(&self) -> bool {
        match self {
            Self::Database(error) => {
                matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
            }
            Self::Damaged => true,
            Self::Closed | Self::Moved => false,
            #[cfg(feature = "cluster")]
            Self::Cluster(_) => false,
        }
    }

    /// Whether another program holds the database: a later attempt may do.
    pub(super) fn is_busy(&self) -> bool {
        match self {
            Self::Database(error) => error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy),
            Self::Closed | Self::Damaged | Self::Moved => false,
            #[cfg(feature = "cluster")]
            Self::Cluster(_) => false,
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => error.fmt(f),
            Self::Closed => f.write_str("the history is closed"),
            Self::Damaged => f.write_str("the history is damaged: stop the server and restore a backup"),
            #[cfg(feature = "cluster")]
            Self::Cluster(fault) => fault.fmt(f),
            Self::Moved => {
                f.write_str("the history's files were moved or exchanged while the server runs: start it again")
            }
        }
    }
}

impl std::error::Error for StoreError {}

/// The reason why the history could not be opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreOpenError {
    /// The folder can't be made.
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another process has this history open.
    InUse {
        /// The file.
        file: PathBuf,
    },
    /// A later version of this program made this history.
    TooNew {
        /// The file.
        file: PathBuf,
    },
    /// An earlier version of this program made this history, and it is only to be read.
    TooOld {
        /// The file.
        file: PathBuf,
    },
    /// There is no history, and it is only to be read.
    NotThere {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder is of a node of a cluster.
    OfCluster {
        /// The folder.
        folder: PathBuf,
    },
    /// The log beside the file is another file's, and would damage it.
    ForeignLog {
        /// The file.
        file: PathBuf,
    },
    /// The file is damaged.
    Damaged {
        /// The file.
        file: PathBuf,
    },
    /// The file is damaged, or no history, or can't be read or written.
    File {
        /// The file.
        file: PathBuf,
        /// What SQLite says.
        source: StoreError,
    },
}

impl fmt::Display for StoreOpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder { folder, .. } => write!(f, "the data folder {} can't be made", folder.display()),
            Self::InUse { file } => write!(
                f,
                "{} is in use by another server: stop that one, or choose another data folder",
                file.display()
            ),
            Self::TooNew { file } => {
                write!(f, "{} was made by a later version: use that one, or choose another data folder", file.display())
            }
            Self::TooOld { file } => write!(
                f,
                "{} was made by an earlier version: start the server once, which brings it up to date",
                file.display()
            ),
            Self::OfCluster { folder } => write!(
                f,
                "{} is of a node of a cluster, which shares its history, accounts and rooms: name its NATS servers by --cluster URL",
                folder.display()
            ),
            Self::ForeignLog { file } => write!(
                f,
                "the log beside {0} is another file's and would damage it: put the file back by `everwire restore {0}`, \
                 or put back the one that the log belongs to",
                file.display()
            ),
            Self::Damaged { file } => write!(
                f,
                "{} is damaged, and is left as it is: put a backup in its place by `everwire restore`",
                file.display()
            ),
            Self::NotThere { folder } => write!(f, "there is no history in {}", folder.display()),
            Self::File { file, .. } => write!(
                f,
                "the history {} can't be used: restore it from a copy, or choose another data folder",
                file.display()
            ),
        }
    }
}

impl std::error::Error for StoreOpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Folder { source, .. } => Some(source),
            Self::File { source, .. } => Some(source),
            Self::InUse { .. }
            | Self::TooNew { .. }
            | Self::TooOld { .. }
            | Self::NotThere { .. }
            | Self::OfCluster { .. }
            | Self::ForeignLog { .. }
            | Self::Damaged { .. } => None,
        }
    }
}

/// The reason why the history could not be exported.
#[derive(Debug)]
#[non_exhaustive]
pub enum ExportError {
    /// It can't be opened.
    Open(StoreOpenError),
    /// No message was ever stored in the room that was asked for.
    UnknownRoom {
        /// As it was given.
        room: String,
        /// Names of rooms that messages were stored in: the first ten in order.
        some_rooms: Vec<String>,
    },
    /// It can't be read.
    Read(StoreError),
    /// The output can't be written.
    Write(io::Error),
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(error) => error.fmt(f),
            Self::UnknownRoom { room, some_rooms } if some_rooms.is_empty() => {
                write!(f, "no message was ever stored in the room {room:?}, nor in any other")
            }
            Self::UnknownRoom { room, some_rooms } => {
                write!(f, "no message was ever stored in the room {room:?}; check its name: rooms with messages are")?;
                for (index, name) in some_rooms.iter().enumerate() {
                    write!(f, "{} {name:?}", if index == 0 { "" } else { "," })?;
                }
                f.write_str(if some_rooms.len() < ExportError::MOST_NAMED { "" } else { ", …" })
            }
            Self::Read(_) => f.write_str("the history can't be read to its end"),
            Self::Write(_) => f.write_str("the output can't be written"),
        }
    }
}

impl std::error::Error for ExportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // Its words are ours.
            Self::Open(error) => error.source(),
            Self::UnknownRoom { .. } => None,
            Self::Read(error) => Some(error),
            Self::Write(error) => Some(error),
        }
    }
}

impl ExportError {
    /// Rooms that are named in place of one that is not known.
    pub(crate) const MOST_NAMED: usize = 10;
}

impl From<StoreOpenError> for ExportError {
    fn from(error: StoreOpenError) -> Self {
        Self::Open(error)
    }
}

impl From<StoreError> for ExportError {
    fn from(error: StoreError) -> Self {
        Self::Read(error)
    }
}

impl From<io::Error> for ExportError {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

/// The reason why there is no backup.
#[derive(Debug)]
#[non_exhaustive]
pub enum BackupError {
    /// The history can't be opened.
    Open(StoreOpenError),
    /// It can't be read to its end, or the copy is not whole.
    Read(StoreError),
    /// There is a file of the copy's name.
    Exists {
        /// The file.
        file: PathBuf,
    },
    /// The copy's name is that of a folder.
    IsFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// The copy can't be written.
    Write {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl fmt::Display for BackupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(error) => error.fmt(f),
            Self::Read(_) => f.write_str("the history can't be copied"),
            Self::Exists { file } => write!(f, "{} exists: choose another name", file.display()),
            Self::IsFolder { folder } => {
                write!(f, "{} is a folder: give the name of a file that is to be made", folder.display())
            }
            Self::Write { file, .. } => write!(f, "the copy {} can't be written", file.display()),
        }
    }
}

impl std::error::Error for BackupError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // Its words are ours.
            Self::Open(error) => error.source(),
            Self::Read(error) => Some(error),
            Self::Write { source, .. } => Some(source),
            Self::Exists { .. } | Self::IsFolder { .. } => None,
        }
    }
}

impl From<StoreOpenError> for BackupError {
    fn from(error: StoreOpenError) -> Self {
        Self::Open(error)
    }
}

/// The reason why a copy was not restored.
#[derive(Debug)]
#[non_exhaustive]
pub enum RestoreError {
    /// The data folder can't be used.
    Open(StoreOpenError),
    /// There is no such file.
    NotThere {
        /// The file.
        file: PathBuf,
    },
    /// It is a folder.
    IsFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// A later version of this program made the copy.
    TooNew {
        /// The file.
        file: PathBuf,
    },
    /// The file is damaged, or no history.
    NoHistory {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        source: StoreError,
    },
    /// The file can't be copied into the data folder.
    Copy {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Files of the data folder can't be moved or removed.
    Write {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(error) => error.fmt(f),
            Self::NotThere { file } => write!(f, "there is no file {}", file.display()),
            Self::IsFolder { folder } => write!(
                f,
                "{} is a folder: name a file, one that `everwire backup` has written or a history.sqlite",
                folder.display()
            ),
            Self::TooNew { file } => {
                write!(f, "{} was made by a later version: restore it with that one", file.display())
            }
            Self::NoHistory { file, .. } => {
                write!(f, "{} is damaged or no history, and was not restored", file.display())
            }
            Self::Copy { file, .. } => write!(f, "{} can't be copied into the data folder", file.display()),
            Self::Write { folder, .. } => {
                write!(f, "the files in {} can't be moved: do so, and restore again", folder.display())
            }
        }
    }
}

impl std::error::Error for RestoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // Its words are ours.
            Self::Open(error) => error.source(),
            Self::NoHistory { source, .. } => Some(source),
            Self::Copy { source, .. } | Self::Write { source, .. } => Some(source),
            Self::NotThere { .. } | Self::IsFolder { .. } | Self::TooNew { .. } => None,
        }
    }
}

impl From<StoreOpenError> for RestoreError {
    fn from(error: StoreOpenError) -> Self {
        Self::Open(error)
    }
}
