use std::fmt;
use std::path::PathBuf;

use crate::store::error::{StoreError, StoreOpenError};

/// The reason why a server can't be a node of its cluster.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClusterError {
    /// An address makes no sense.
    Address {
        /// The address.
        server: String,
    },
    /// A file of credentials or certificates can't be used.
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        cause: String,
    },
    /// No server can be reached.
    Unreachable {
        /// The last thing that went wrong.
        cause: String,
    },
    /// The servers don't accept the credentials.
    Credentials,
    /// The server is too old.
    TooOld {
        /// Its version.
        version: String,
    },
    /// JetStream is off, for the server or for this account.
    NoJetStream,
    /// The servers can't hold this number of replicas.
    Replicas {
        /// How many were asked for.
        replicas: usize,
        /// What the server says.
        cause: String,
    },
    /// The cluster was made with another number of replicas.
    OtherReplicas {
        /// How many were asked for.
        replicas: usize,
        /// How many there are.
        found: usize,
    },
    /// A stream of our name is another application's.
    ForeignStream {
        /// The stream.
        stream: String,
    },
    /// A stream of this cluster is not there.
    MissingStream {
        /// The stream.
        stream: String,
    },
    /// This machine's clock and the server's are apart.
    Clocks {
        /// The difference in seconds; positive if this machine's clock is ahead.
        seconds: i64,
    },
    /// The data folder is another cluster's.
    ForeignFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// The data folder holds the history of a server that was alone.
    FolderOfOneNode {
        /// The folder.
        folder: PathBuf,
    },
    /// The data folder holds a history that the cluster has given up.
    OlderEpoch {
        /// The folder.
        folder: PathBuf,
    },
    /// There is no data folder.
    NoFolder,
    /// The server takes no message as large as ours may be.
    TooSmall {
        /// Bytes that it takes.
        takes: usize,
        /// Bytes that a message of ours may have.
        needs: usize,
    },
    /// Whether the servers sync before they acknowledge is not known.
    Sync,
    /// The data folder can't be used.
    Folder(StoreOpenError),
    /// Who may come in can't be read.
    Access(StoreError),
    /// The broker refused something else.
    Refused {
        /// What was asked for.
        what: &'static str,
        /// What the server says.
        cause: String,
    },
}

impl fmt::Display for ClusterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address { server } => {
                write!(f, "{server} is no address of a NATS server: write nats://host:4222 or tls://host:4222")
            }
            Self::File { file, cause } => write!(f, "{} can't be used: {cause}", file.display()),
            Self::Unreachable { cause } => {
                write!(f, "no NATS server can be reached: start them, or correct the addresses, and try again ({cause})")
            }
            Self::Credentials => f.write_str(
                "the NATS servers don't accept the credentials: give those of a user that they know (--cluster-credentials FILE, or \
                 user:password@ in the address)",
            ),
            Self::TooOld { version } => {
                write!(f, "the NATS server has version {version}, which is too old: 2.11 or newer is needed")
            }
            Self::NoJetStream => f.write_str(
                "JetStream is off on the NATS server or for this account: start nats-server with -js, or enable it for the account",
            ),
            Self::Replicas { replicas, cause } => write!(
                f,
                "the NATS servers can't keep {replicas} replicas: run as many servers in one cluster, or ask for fewer \
                 (--cluster-replicas); they say: {cause}"
            ),
            Self::OtherReplicas { replicas, found } => write!(
                f,
                "this cluster keeps {found} replicas, not {replicas}: give all nodes the same --cluster-replicas, or change the \
                 streams first (nats stream edit --replicas {replicas})"
            ),
            Self::ForeignStream { stream } => write!(
                f,
                "the stream {stream} is another application's: give Everwire an account of its own on these servers"
            ),
            Self::MissingStream { stream } => write!(
                f,
                "the stream {stream} of this cluster is not there: restore it from a backup; without it a part of the history is missing"
            ),
            Self::Clocks { seconds } => write!(
                f,
                "this machine's clock is {} s {} the NATS server's: set both by NTP, and try again",
                seconds.unsigned_abs(),
                if *seconds > 0 { "ahead of" } else { "behind" }
            ),
            Self::ForeignFolder { folder } => {
                write!(f, "{} belongs to another cluster: choose another data folder", folder.display())
            }
            Self::FolderOfOneNode { folder } => write!(
                f,
                "{} holds the history of a server that was alone: choose an empty data folder for this node",
                folder.display()
            ),
            Self::OlderEpoch { folder } => write!(
                f,
                "{} holds a history that the cluster has given up: move it away, and this node loads the present one",
                folder.display()
            ),
            Self::NoFolder => f.write_str("a node of a cluster needs a data folder of its own"),
            Self::TooSmall { takes, needs } => write!(
                f,
                "the NATS server takes messages of at most {takes} bytes, and posts may need {needs}: raise its max_payload, or lower \
                 --max-message"
            ),
            Self::Sync => f.write_str(
                "it is not known whether the NATS servers sync to the disk before they acknowledge: set sync_interval to always in \
                 their jetstream section, then confirm it with --cluster-accept-sync",
            ),
            Self::Folder(error) => error.fmt(f),
            Self::Access(_) => f.write_str("who may come in can't be read from the cluster"),
            Self::Refused { what, cause } => write!(f, "the NATS server refuses {what}: {cause}"),
        }
    }
}

impl std::error::Error for ClusterError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // Its words are ours.
            Self::Folder(error) => error.source(),
            Self::Access(error) => Some(error),
            _ => None,
        }
    }
}
