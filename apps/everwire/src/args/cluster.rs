//! Options of the commands that examine or maintain a cluster's NATS servers.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::numbers;

/// The NATS servers to examine: the options of `everwire serve`, without those that only a node needs.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Cluster")]
pub(crate) struct ExaminedCluster {
    /// Check these NATS servers, and a chat cluster's streams on them, instead of a URL: nats://HOST:4222 or tls://HOST:4222,
    /// separated by commas; nothing is changed
    #[arg(long, value_name = "URL", value_delimiter = ',', conflicts_with = "url")]
    pub(crate) cluster: Vec<String>,

    /// Number of NATS servers that should store each message
    #[arg(
        long,
        value_name = "COUNT",
        env = "EVERWIRE_CLUSTER_REPLICAS",
        default_value_t = 3,
        value_parser = numbers::within(1..=5_u8)
    )]
    pub(crate) cluster_replicas: u8,

    /// The NATS user's credentials file (.creds) [default: those in the addresses, if any]
    #[arg(long, value_name = "FILE", env = "EVERWIRE_CLUSTER_CREDENTIALS")]
    pub(crate) cluster_credentials: Option<PathBuf>,

    /// Root certificates of the NATS servers (PEM) [default: the operating system's]
    #[arg(long, value_name = "FILE", env = "EVERWIRE_CLUSTER_CA")]
    pub(crate) cluster_ca: Option<PathBuf>,
}

/// What to do with a cluster.
#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Begin a new epoch of the history, after an older backup of the streams was restored
    ///
    /// The streams keep what they hold, and clients load it again. Until then, nodes that have applied more than the streams
    /// hold refuse to run. Stop all nodes first, and start them with empty data folders afterwards.
    #[command(after_help = "\
Examples:
  everwire cluster renew --cluster nats://10.0.0.1:4222,nats://10.0.0.2:4222")]
    Renew(RenewedCluster),
}

/// The NATS servers of the cluster that begins a new epoch.
#[derive(Debug, Args)]
pub(crate) struct RenewedCluster {
    /// The cluster's NATS servers: nats://HOST:4222 or tls://HOST:4222, separated by commas
    #[arg(long, value_name = "URL", value_delimiter = ',', required = true)]
    pub(crate) cluster: Vec<String>,

    /// The NATS user's credentials file (.creds) [default: those in the addresses, if any]
    #[arg(long, value_name = "FILE", env = "EVERWIRE_CLUSTER_CREDENTIALS")]
    pub(crate) cluster_credentials: Option<PathBuf>,

    /// Root certificates of the NATS servers (PEM) [default: the operating system's]
    #[arg(long, value_name = "FILE", env = "EVERWIRE_CLUSTER_CA")]
    pub(crate) cluster_ca: Option<PathBuf>,
}
