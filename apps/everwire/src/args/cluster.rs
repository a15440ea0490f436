//! The NATS servers of several nodes, for those who look after them.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// The NATS servers of several `everwire serve`; as there, but for what only a node needs.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Cluster")]
pub(crate) struct ExaminedCluster {
    /// Look at these NATS servers instead, and at the streams of the chat's nodes on them: nats://host:4222 or tls://host:4222, several
    /// with commas; nothing is made or changed
    #[arg(long, value_name = "URL", value_delimiter = ',', conflicts_with = "url")]
    pub(crate) cluster: Vec<String>,

    /// On how many servers each message is to be stored
    #[arg(
        long,
        value_name = "COUNT",
        env = "EVERWIRE_CLUSTER_REPLICAS",
        default_value_t = 3,
        value_parser = clap::value_parser!(u8).range(1..=5)
    )]
    pub(crate) cluster_replicas: u8,

    /// The NATS user's credentials (.creds)
    #[arg(long, value_name = "FILE", env = "EVERWIRE_CLUSTER_CREDENTIALS")]
    pub(crate) cluster_credentials: Option<PathBuf>,

    /// The certificates that those of the NATS servers lead to (PEM) [default: the operating system's]
    #[arg(long, value_name = "FILE", env = "EVERWIRE_CLUSTER_CA")]
    pub(crate) cluster_ca: Option<PathBuf>,
}

/// What is to be done with a cluster.
#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Begin a new epoch of the history, after an older backup of the streams was restored
    ///
    /// What is in the streams stays, and clients load it anew. Nodes that had applied more refuse to go on until then. Stop all nodes
    /// before, and start them with empty data folders afterwards.
    Renew(RenewedCluster),
}

/// Where the cluster is that begins a new epoch.
#[derive(Debug, Args)]
pub(crate) struct RenewedCluster {
    /// Its NATS servers: nats://host:4222 or tls://host:4222, several with commas
    #[arg(long, value_name = "URL", value_delimiter = ',', required = true)]
    pub(crate) cluster: Vec<String>,

    /// The NATS user's credentials (.creds)
    #[arg(long, value_name = "FILE", env = "EVERWIRE_CLUSTER_CREDENTIALS")]
    pub(crate) cluster_credentials: Option<PathBuf>,

    /// The certificates that those of the NATS servers lead to (PEM) [default: the operating system's]
    #[arg(long, value_name = "FILE", env = "EVERWIRE_CLUSTER_CA")]
    pub(crate) cluster_ca: Option<PathBuf>,
}
