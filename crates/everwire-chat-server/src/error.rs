use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::access::KeysError;
use crate::history::HistoryError;
use crate::tls::TlsError;

/// Why the history could not be opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
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
    /// The issuer's keys can't be used.
    Keys(KeysError),
    /// TLS can't be offered.
    Tls(TlsError),
    /// The file is damaged, or no history, or can't be read or written.
    File {
        /// The file.
        file: PathBuf,
        /// What SQLite says.
        source: HistoryError,
    },
}

impl fmt::Display for OpenError {
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
            Self::Keys(error) => error.fmt(f),
            Self::Tls(error) => error.fmt(f),
            Self::NotThere { folder } => write!(f, "there is no history in {}", folder.display()),
            Self::File { file, .. } => write!(
                f,
                "the history {} can't be used: restore it from a copy, or choose another data folder",
                file.display()
            ),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Folder { source, .. } => Some(source),
            Self::File { source, .. } => Some(source),
            // Its words are ours.
            Self::Keys(error) => error.source(),
            Self::Tls(error) => error.source(),
            Self::InUse { .. }
            | Self::TooNew { .. }
            | Self::TooOld { .. }
            | Self::NotThere { .. }
            | Self::ForeignLog { .. }
            | Self::Damaged { .. } => None,
        }
    }
}

/// Why the history could not be exported.
#[derive(Debug)]
#[non_exhaustive]
pub enum ExportError {
    /// It can't be opened.
    Open(OpenError),
    /// It can't be read.
    Read(HistoryError),
    /// The output can't be written.
    Write(io::Error),
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(error) => error.fmt(f),
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
            Self::Read(error) => Some(error),
            Self::Write(error) => Some(error),
        }
    }
}

impl From<OpenError> for ExportError {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

impl From<HistoryError> for ExportError {
    fn from(error: HistoryError) -> Self {
        Self::Read(error)
    }
}

impl From<io::Error> for ExportError {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

/// Why there is no backup.
#[derive(Debug)]
#[non_exhaustive]
pub enum BackupError {
    /// The history can't be opened.
    Open(OpenError),
    /// It can't be read to its end, or the copy is not whole.
    Read(HistoryError),
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

impl From<OpenError> for BackupError {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

/// Why a copy was not restored.
#[derive(Debug)]
#[non_exhaustive]
pub enum RestoreError {
    /// The data folder can't be used.
    Open(OpenError),
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
        source: HistoryError,
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

impl From<OpenError> for RestoreError {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

/// Why the address could not be listened on.
#[derive(Debug)]
pub struct ListenError {
    /// The address.
    pub address: SocketAddr,
    /// What the system says.
    pub source: io::Error,
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, source } = self;
        match source.kind() {
            io::ErrorKind::AddrInUse => write!(
                f,
                "port {} on {} is in use by another program: stop it, or choose another port (0 takes any free one)",
                address.port(),
                address.ip()
            ),
            io::ErrorKind::PermissionDenied => {
                write!(f, "port {} may not be used by this user: choose one above 1023", address.port())
            }
            io::ErrorKind::AddrNotAvailable => {
                write!(f, "{} is no address of this machine: choose one that is, such as 127.0.0.1", address.ip())
            }
            _ => write!(f, "{address} can't be listened on"),
        }
    }
}

impl std::error::Error for ListenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}
