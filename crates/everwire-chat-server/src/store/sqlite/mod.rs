//! Both stores in one SQLite file.
//!
//! - `store`: the messages, by way of a thread that owns the database
//! - `writer`: that thread: group commit, and questions between commits
//! - `database`: the connection that stores and removes, and how its file is opened
//! - `rows`: what is asked of the tables, within any transaction
//! - `read_positions`: how far users have read
//! - `accounts`, `refresh_tokens`: who may come in
//! - `reader`, `export`: a history that is only read, by a program that is not its server
//! - `backup`: copies of a history, a history from a copy, and whether either is whole
//! - `replica`, `replica_apply`, `replica_store`, `replica_access`: what a node of a cluster has applied of the cluster's log
//! - `folder`, `schema`: the data folder, and the tables

mod accounts;
mod backup;
mod database;
mod export;
mod folder;
mod read_positions;
mod reader;
mod refresh_tokens;
#[cfg(feature = "cluster")]
mod replica;
#[cfg(feature = "cluster")]
mod replica_access;
#[cfg(feature = "cluster")]
mod replica_apply;
#[cfg(feature = "cluster")]
mod replica_store;
mod rows;
mod schema;
mod store;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use accounts::SqliteAccounts;
pub use backup::{Restored, backup, restore};
pub use export::export;
pub(crate) use reader::exists;
#[cfg(feature = "cluster")]
pub(crate) use replica::{FolderIs, ShardPosition};
#[cfg(feature = "cluster")]
pub(crate) use replica_store::ReplicaOpened;
pub(crate) use store::SqliteStore;
