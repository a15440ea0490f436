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
    /// The time for which a user whose last connection was lost still counts as present; default 5 s. Too short: users
    /// leave and join again and again on bad networks. Too long: users who have gone are shown as present.
    pub presence_grace: Duration,
    /// Heartbeat: a connection is pinged after this much silence, and closed after as much again; default 30 s. Too
    /// short: traffic, and slow networks are cut. Too long (beyond about a minute): proxies drop idle connections, and
    /// users who have gone are shown as present for up to twice this time.
    pub heartbeat: Duration,
    /// Frames that may wait for one member, beyond what its socket holds; default 4,096. A member over it is closed
    /// with 1013, and catches up when it reconnects. Too small: a burst of messages disconnects members on slow
    /// networks. Too large: a slow member holds memory.
    pub mailbox_frames: usize,
    /// Bytes that may wait for one member; default 4 MiB. A member that does not read the answers to its requests is
    /// not read either: beyond 512 KiB of them (32 KiB where there are many members), and beyond one page of history.
    /// Too small: as with frames. Too large: memory for each slow member.
    pub mailbox_bytes: usize,
    /// Bytes that may wait for all members together; default 256 MiB. A frame for a whole room counts for each member
    /// that has not got it. Beyond half of the bound, a member for whom more than an equal share of that half waits is
    /// closed with 1013, and catches up when it reconnects. Too small: slow members are disconnected often. Too large:
    /// the process may run out of memory when many members are slow.
    pub all_mailboxes_bytes: usize,
    /// Bytes in one WebSocket message; default 64 KiB. A larger one closes its connection with 1009. Too small: batches
    /// and long messages are refused, and a client sends them again after each reconnection. Too large: each connection
    /// may cost that much memory.
    pub max_message: usize,
    /// Members' connections at a time; default 10,000. Further ones are refused with 503. Too low: users are turned
    /// away. Too high: the process runs out of file descriptors or memory instead.
    pub max_connections: usize,
    /// Connections at a time from one IP address (of IPv6: from one /64 network); default `None`, no limit. Further
    /// ones are refused with 429. Behind a proxy all members have the proxy's address. Too low: an office behind one
    /// address is turned away. Too high: one machine can take all connections.
    pub max_per_address: Option<usize>,
    /// The time that a connection may take to become a member's; default 10 s. A slower one is closed. Too short: users on
    /// slow networks never get in. Too long: connections that send nothing are held for that long.
    pub opening_timeout: Duration,
    /// The web pages that may connect; default those of this very host. Others are refused with 403.
    pub origins: Origins,
    /// Compression for members that offer it (permessage-deflate); default from 256 bytes on, since shorter messages
    /// hardly shrink. A frame for a room is compressed once for all. `None`: nothing is compressed. A threshold that is
    /// too low costs time for each message; one that is too high compresses nothing.
    pub compression: Option<Deflate>,
    /// Messages that a member gets on joining a room, unless it says what it has seen; default 50. Too small: the screen is not full. Too large:
    /// every join costs a longer read of the history and a larger first answer.
    pub latest: u64,
    /// The messages that the history keeps, by number, by age, or both; default all. Too few, or too short a time:
    /// members who were away for longer miss messages. Too many, or too long: the database grows, and a backup takes
    /// longer.
    pub retention: Retention,
    /// The clients that may read `/metrics`; default [`MetricsAccess::Local`].
    pub metrics: MetricsAccess,
    /// The time over which members are disconnected when the server stops; default zero: all at once. Too short: all
    /// reconnect at once. Too long: the stop takes that long. Fewer than 100 a second need less than the whole time.
    pub drain: Duration,
    /// Invalid messages from one connection within a minute before it is closed with 1008; default 100. Too low: one
    /// faulty client version can't stay connected. Too high: a hostile client keeps the server parsing.
    pub max_invalid_messages: usize,
    /// Speaks TLS, with the certificate in these files; default none. They are read again when they change.
    pub tls: Option<TlsFiles>,
    /// The way users say who they are; default [`Auth::Guests`].
    pub auth: Auth,
    /// The rate at which one user may send, in messages; default `None`, no limit. Everything else counts as parts of a
    /// message: 4 KiB of anything, a binary message and a join as one, a page of history as two, typing, receipts,
    /// presence and questions about rooms as a fifth. A connection that is faster is not read until it is within the
    /// rate: nothing is lost. Once a minute's worth waits over many connections (or a burst, if that is more), further
    /// messages are not accepted, and their connection is closed with 1013. Too low: users who paste or scroll wait.
    /// Too high: one user can fill a room.
    pub posts: Option<Rate>,
    /// Returns the number of lines of the program's log that were lost, for `/metrics`; default none. For programs that drop
    /// lines rather than wait for who reads their log.
    pub lost_log_lines: Option<fn() -> u64>,
    /// The path below which the chat is; default none. `/healthz`, `/readyz` and `/metrics` are at the root all the
    /// same, where a proxy that hands on this path only does not reach them.
    pub base_path: BasePath,
    /// The cluster that this server is a node of; default none. Its [`data`](Self::data) folder is its own: what it has
    /// applied of the cluster's posts.
    #[cfg(feature = "cluster")]
    pub cluster: Option<crate::store::cluster::ClusterSettings>,
    /// The files of the chat's page; default none, and then `/` says how to join from a terminal.
    pub page: &'static [PageFile],
}

/// The clients that may read `/metrics`. It holds numbers of rooms, members and messages, and no names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsAccess {
    /// This machine only, by the server's own address, and no proxy on it: one that says for whom it asks (`Forwarded`,
    /// `X-Forwarded-For`), or hands on for which host it was asked.
    Local,
    /// Every client that reaches the server.
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
            #[cfg(feature = "cluster")]
            cluster: None,
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
