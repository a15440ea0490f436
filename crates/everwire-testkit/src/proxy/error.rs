//! Why a proxy does not start.

use std::error::Error;
use std::fmt;
use std::io;

use crate::faults::ScheduleError;

/// The reason why a proxy does not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The server's address has no host or no port.
    Upstream {
        /// As it was given.
        address: String,
    },
    /// The address to listen on can't be had.
    Listen {
        /// As it was given.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// The schedule is not valid.
    Schedule(ScheduleError),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upstream { address } => {
                write!(f, "{address:?} is no address of a server; write host and port, like 127.0.0.1:8080")
            }
            Self::Listen { address, source } if source.kind() == io::ErrorKind::AddrInUse => {
                write!(f, "{address} is in use; choose another port, or port 0 for any that is free")
            }
            Self::Listen { address, .. } => write!(f, "can't listen on {address:?}"),
            Self::Schedule(error) => error.fmt(f),
        }
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Upstream { .. } => None,
            // Its words say all of it.
            Self::Listen { source, .. } if source.kind() == io::ErrorKind::AddrInUse => None,
            Self::Listen { source, .. } => Some(source),
            Self::Schedule(error) => error.source(),
        }
    }
}
