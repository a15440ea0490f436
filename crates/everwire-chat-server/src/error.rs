//! Why a server can't be opened, or can't listen.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use crate::access::KeysError;
#[cfg(feature = "cluster")]
use crate::store::cluster::ClusterError;
use crate::store::{StoreError, StoreOpenError};
use crate::tls::TlsError;

/// The reason why the server could not be opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// The data folder can't be used.
    Store(StoreOpenError),
    /// The accounts can't be read.
    Accounts(StoreError),
    /// The issuer's keys can't be used.
    Keys(KeysError),
    /// TLS can't be offered.
    Tls(TlsError),
    /// This server can't be a node of its cluster.
    #[cfg(feature = "cluster")]
    Cluster(ClusterError),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Accounts(_) => f.write_str("the accounts can't be read"),
            Self::Keys(error) => error.fmt(f),
            Self::Tls(error) => error.fmt(f),
            #[cfg(feature = "cluster")]
            Self::Cluster(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // Its words are ours.
            Self::Store(error) => error.source(),
            Self::Accounts(error) => Some(error),
            Self::Keys(error) => error.source(),
            Self::Tls(error) => error.source(),
            #[cfg(feature = "cluster")]
            Self::Cluster(error) => error.source(),
        }
    }
}

impl From<StoreOpenError> for OpenError {
    fn from(error: StoreOpenError) -> Self {
        Self::Store(error)
    }
}

/// The reason why the address could not be listened on.
#[derive(Debug)]
pub struct ListenError {
    /// The address.
    pub address: SocketAddr,
    /// The error of the operating system.
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
