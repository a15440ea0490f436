use std::path::PathBuf;
use std::time::Duration;

/// Settings of the server. The defaults are for a team.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerConfig {
    /// The folder of the history, made if it is not there. `None`: the history is in memory and ends with the server.
    pub data: Option<PathBuf>,
    /// How long a user whose last connection was cut counts as here; default 5 s. Shorter flickers on bad networks.
    pub presence_grace: Duration,
    /// Silence after which a connection is pinged, and after which again it is dropped; default 30 s.
    pub heartbeat: Duration,
    /// Frames that may wait for one member, default 4,096, beyond what its socket holds. A member over it is closed with
    /// 1013 and catches up when it comes back.
    pub mailbox_frames: usize,
    /// Bytes that may wait for one member; default 4 MiB.
    pub mailbox_bytes: usize,
    /// Bytes in one WebSocket message; default 64 KiB. A larger one closes its connection with 1009.
    pub max_message: usize,
    /// Connections at a time; default 10,000. Further ones are refused with 503.
    pub max_connections: usize,
    /// Messages that a member gets who asks for the latest; default 50.
    pub latest: u64,
    /// Pieces of junk from one connection within a minute before it is closed with 1008; default 100.
    pub max_junk: usize,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            data: None,
            presence_grace: Duration::from_secs(5),
            heartbeat: Duration::from_secs(30),
            mailbox_frames: 4096,
            mailbox_bytes: 4 << 20,
            max_message: 64 << 10,
            max_connections: 10_000,
            latest: 50,
            max_junk: 100,
        }
    }
}

impl ServerConfig {
    /// The defaults, with the history in this folder.
    #[must_use]
    pub fn with_data(folder: impl Into<PathBuf>) -> Self {
        Self { data: Some(folder.into()), ..Self::default() }
    }
}
