//! A chat server on Everwire: rooms, presence, and a history. A message is stored before anyone is told of it.
//!
//! A text message is committed to SQLite before it is broadcast, before its sender is told that it is stored, and before a
//! ping that was sent behind it is answered: what a sender sees as SENT survives the server. A member that reconnects
//! asks for what came after the last message it has; a message that is sent again is recognised as the same message.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use everwire_chat_server::{ChatServer, ServerConfig, listen};
//!
//! let server = ChatServer::open(ServerConfig::with_data("everwire-data"))?;
//! let listener = listen("127.0.0.1:8080".parse()?).await?;
//! server.serve(listener, std::future::pending()).await; // in a program: until a signal comes
//! # Ok(())
//! # }
//! ```
//!
//! The modules stand in layers, lowest first; each uses only those above it in this table, and `cargo xtask tidy` refuses the rest:
//!
//! | module | what |
//! |---|---|
//! | `clock`, `sync`, `id`, `stamp` | the wall clock and time that has surely passed; locks; new ids; whether a file has changed |
//! | `base_path`, `hosts` | the path of the chat on its host; the host names that a server for this machine answers to |
//! | `domain` | who is in a room and what each client is told (pure) |
//! | `store` | what is durable: traits, and SQLite behind them |
//! | `access` | who may enter: accounts, tokens, bans, closed rooms |
//! | `budget` | the bound on what the server holds for all members together |
//! | `page_file`, `tls`, `config`, `metrics`, `drain` | files of the page, certificates, settings, numbers, when to come back |
//! | `error` | why a server can't be opened |
//! | `state` | what all connections and requests share |
//! | `dispatch` | from a store's commits to the rooms |
//! | `connection` | one WebSocket: joining, catching up, its mailbox |
//! | `http` | `/ws`, `/api`, `/healthz`, `/readyz`, `/metrics`, the page |
//! | `server` | the server itself: parts, start, end |

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod access;
mod base_path;
mod budget;
mod clock;
mod config;
mod connection;
mod dispatch;
mod domain;
mod drain;
mod error;
mod hosts;
mod http;
mod id;
mod metrics;
mod page_file;
mod server;
mod stamp;
mod state;
mod store;
mod sync;
mod tls;

pub use access::{AccountError, Accounts, Auth, Issuer, KeysError, Rate};
pub use base_path::{BasePath, BasePathError};
pub use config::{MetricsAccess, ServerConfig};
pub use error::{ListenError, OpenError};
pub use everwire_server::{Deflate, OriginError, Origins};
pub use page_file::PageFile;
pub use server::{ChatServer, listen};
#[cfg(feature = "cluster")]
pub use store::cluster::{
    ClusterError, ClusterFault, ClusterReport, ClusterSettings, ServerFacts, ServerReport, StreamReport,
    examine_cluster, renew_cluster,
};
pub use store::sqlite::{Restored, backup, export, restore};
pub use store::{Account, BackupError, ClosedRoom, ExportError, RestoreError, Retention, StoreError, StoreOpenError};
pub use tls::{TlsError, TlsFiles};

/// Close codes that a member may see from this server; all but 1008 invite it to come back.
pub mod close {
    pub use everwire_server::CloseCode;

    /// 1012: the server restarts. Come back.
    pub const RESTART: CloseCode = CloseCode::SERVICE_RESTART;
    /// 1013: the member did not keep up with the room, or its messages can't be stored now. Come back, and catch up.
    pub const TRY_AGAIN: CloseCode = CloseCode::TRY_AGAIN_LATER;
    /// 1008: the member sends too many invalid messages, or may not stay. It should not come back as it is.
    pub const POLICY: CloseCode = CloseCode::POLICY_VIOLATION;
}

/// The examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
