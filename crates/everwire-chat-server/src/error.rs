use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::history::HistoryError;

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
            Self::InUse { .. } | Self::TooNew { .. } => None,
        }
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
