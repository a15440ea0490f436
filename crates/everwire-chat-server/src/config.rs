use std::path::PathBuf;
use std::time::Duration;

use everwire_server::{Deflate, Origins};

use crate::access::{Auth, Rate};
use crate::base_path::BasePath;
use crate::page_file::PageFile;
use crate::store::Retention;
use crate::tls::TlsFiles;

/// Settings of the server. The defaults are for a team.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerConfig {
    /// The folder of the history, made if it is not there. `None`: the history is in memory and ends with the server.
    pub data: Option<PathBuf>,
    /// How long a user whose last connection was cut counts as here; default 5 s. Shorter flickers on bad networks.
    pub presence_grace: Duration,
    /// Heartbeat: a connection is pinged after this much silence, and dropped after as much again; default 30 s.
    pub heartbeat: Duration,
    /// Frames that may wait for one member, default 4,096, beyond what its socket holds. A member over it is closed with
    /// 1013 and catches up when it comes back.
    pub mailbox_frames: usize,
    /// Bytes that may wait for one member; default 4 MiB. Who does not take the answers to what it asks is not read: beyond
    /// 512 KiB of them (32 KiB where there are many members), and beyond one page of history.
    pub mailbox_bytes: usize,
    /// Bytes that may wait for all members together; default 256 MiB. What is told to a whole room counts for each member that
    /// has not got it. Beyond half of the bound, a member for whom more than an equal share of that half waits is closed with
    /// 1013 and catches up when it comes back.
    pub all_mailboxes_bytes: usize,
    /// Bytes in one WebSocket message; default 64 KiB. A larger one closes its connection with 1009.
    pub max_message: usize,
    /// Members' connections at a time; default 10,000. Further ones are refused with 503.
    pub max_connections: usize,
    /// Connections at a time from one IP address (of IPv6: from one /64 network); default none. Further ones are refused
    /// with 429. Behind a proxy all members come from the proxy's address.
    pub max_per_address: Option<usize>,
    /// How long a connection may take to become a member's; default 10 s. A slower one is cut.
    pub opening_timeout: Duration,
    /// Which web pages may connect; default those of this very host. Others are refused with 403.
    pub origins: Origins,
    /// Compression for members that offer it (permessage-deflate); default from 256 bytes on, since shorter lines hardly
    /// shrink. What a room is told is compressed once for all. `None`: nothing is compressed.
    pub compression: Option<Deflate>,
    /// Messages that a member gets who asks for the latest; default 50.
    pub latest: u64,
    /// What the history keeps; default everything.
    pub retention: Retention,
    /// Who may read `/metrics`; default [`MetricsAccess::Local`].
    pub metrics: MetricsAccess,
    /// How long members may take to be sent away when the server ends; default no time: all at once. Spread over it, they do not
    /// come back all at once. Fewer than 100 a second need not all of it.
    pub drain: Duration,
    /// Invalid messages from one connection within a minute before it is closed with 1008; default 100.
    pub max_invalid_messages: usize,
    /// Speaks TLS, with the certificate in these files; default none. They are read again when they change.
    pub tls: Option<TlsFiles>,
    /// How users say who they are; default [`Auth::Guests`].
    pub auth: Auth,
    /// How much one user may do, in messages; default as much as goes. All else counts as parts of a message: 4 KiB of
    /// anything, a binary message and coming in as one, a page of history as two, typing, receipts, presence and questions about rooms as a fifth. Who
    /// is faster is not read until it fits: nothing is lost. Once a minute's worth waits over many connections (or a burst, if
    /// that is more), what comes on top is not taken, and its connection is closed with 1013.
    pub posts: Option<Rate>,
    /// How many lines of the program's log were lost, for `/metrics`; default none. For programs whose log never makes them
    /// wait.
    pub lost_log_lines: Option<fn() -> u64>,
    /// The path below which the chat is; default none. `/healthz`, `/readyz` and `/metrics` are at the root all the same, where a
    /// proxy that hands on this path only does not reach them.
    pub base_path: BasePath,
    /// The files of the chat's page; default none, and then `/` says how to join from a terminal.
    pub page: &'static [PageFile],
}

/// Who may read `/metrics`. It holds numbers of rooms, members and messages, and no names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsAccess {
    /// This machine only, by the server's own address, and no proxy on it: one that says for whom it asks (`Forwarded`,
    /// `X-Forwarded-For`), or hands on for which host it was asked.
    Local,
    /// Whoever reaches the server.
    Everyone,
    /// Nobody.
    Nobody,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            data: None,
            presence_grace: Duration::from_secs(5),
            heartbeat: Duration::from_secs(30),
            mailbox_frames: 4096,
            mailbox_bytes: 4 << 20,
            all_mailboxes_bytes: 256 << 20,
            max_message: 64 << 10,
            max_connections: 10_000,
            max_per_address: None,
            opening_timeout: Duration::from_secs(10),
            origins: Origins::same(),
            compression: Some(compression()),
            latest: 50,
            retention: Retention::default(),
            metrics: MetricsAccess::Local,
            drain: Duration::ZERO,
            max_invalid_messages: 100,
            tls: None,
            auth: Auth::Guests,
            posts: None,
            lost_log_lines: None,
            base_path: BasePath::default(),
            page: &[],
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

fn compression() -> Deflate {
    let mut settings = Deflate::default();
    settings.threshold = 256;
    settings
}
