use std::path::PathBuf;

/// The addresses of a cluster's NATS servers, and what is asked of them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClusterSettings {
    /// `nats://host:port` or `tls://host:port` of some of the servers; they name the others.
    pub servers: Vec<String>,
    /// On how many servers each post is stored before its sender is told; default 3. An even number is no safer than
    /// one less.
    pub replicas: usize,
    /// The file of the user's JWT and key (`.creds`), if the servers ask for one.
    pub credentials: Option<PathBuf>,
    /// The certificates (PEM) that the servers' ones lead to; default those that the operating system trusts.
    pub ca: Option<PathBuf>,
    /// Start although it is not known whether the servers sync each post to the disk before they acknowledge it
    /// (`sync_interval: always`). Where they don't, a loss of power on most of them at once loses posts that were
    /// acknowledged; default false.
    pub accept_sync: bool,
}

impl ClusterSettings {
    /// The defaults, with these servers.
    #[must_use]
    pub fn new(servers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let servers = servers.into_iter().map(Into::into).collect();
        Self { servers, replicas: 3, credentials: None, ca: None, accept_sync: false }
    }
}
