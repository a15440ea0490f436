//! A chat server on Everwire: rooms, presence, and a history that is stored before anybody is told.
//!
//! A text message is committed to SQLite before it is broadcast, before its sender is told that it is stored, and before a
//! ping that was sent behind it is answered: what a sender sees as SENT survives the server. A member that reconnects
//! asks for what came after the last message it has; a repeat of a message, by whatever way, is the same message.
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
//! | module | what |
//! |---|---|
//! | `access` | who may come in: accounts, tokens, bans, closed rooms |
//! | `history` | the stored messages: one writer, group commit |
//! | `rooms` | who is where, and what each is to be told (pure) |
//! | `base_path` | where on its host the chat is (pure) |
//! | `batch` | several events in one message |
//! | `member` | one connection: its identity, its catch-up, its mailbox |
//! | `server` | its parts, its start and its end |
//! | `drain` | the end, spread over a time |
//! | `http` | `/ws`, `/api`, `/healthz`, `/readyz`, `/metrics`, the page |
//! | `listing` | which rooms can be found, and whether one may come in |
//! | `hosts` | under which names a server for this machine may be asked (pure) |
//! | `stamp` | whether a file has changed |
//! | `tls` | certificates from files |
//! | `page` | the chat's page, from files that are given |
//! | `pages` | how many pages of history are under way |
//! | `look` | how names look (pure) |
//! | `metrics` | what can be counted |
//! | `export` | the history as JSON lines |
//! | `clock` | the time that has surely passed (pure) |
//! | `config`, `error` | settings, and what can go wrong |

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod access;
mod base_path;
mod batch;
mod clock;
mod config;
mod drain;
mod error;
mod export;
mod history;
mod hosts;
mod http;
mod id;
mod listing;
mod look;
mod member;
mod metrics;
mod page;
mod pages;
mod rooms;
mod server;
mod stamp;
mod tls;

pub use access::{Account, AccountError, Accounts, Auth, ClosedRoom, Issuer, KeysError, Rate};
pub use base_path::{BasePath, BasePathError};
pub use config::{Keep, MetricsAccess, ServerConfig};
pub use error::{BackupError, ExportError, ListenError, OpenError, RestoreError};
pub use everwire_server::{Deflate, OriginError, Origins};
pub use export::export;
pub use history::{HistoryError, Restored, backup, restore};
pub use page::PageFile;
pub use server::{ChatServer, listen};
pub use tls::{TlsError, TlsFiles};

/// Close codes that a member may see from this server; all but 1008 invite it to come back.
pub mod close {
    pub use everwire_server::CloseCode;

    /// 1012: the server restarts. Come back.
    pub const RESTART: CloseCode = CloseCode::SERVICE_RESTART;
    /// 1013: the member did not keep up with the room, or its messages can't be stored now. Come back, and catch up.
    pub const TRY_AGAIN: CloseCode = CloseCode::TRY_AGAIN_LATER;
    /// 1008: the member sends what is no chat, or may not stay. It should not come back as it is.
    pub const POLICY: CloseCode = CloseCode::POLICY_VIOLATION;
}
