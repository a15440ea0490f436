//! The history as a cluster's log: posts are appended to streams of NATS JetStream, and each node applies these to its own SQLite.
//!
//! - `renew`: a new epoch, on an operator's word
//! - `settings`: where the cluster is, and what it has to be
//! - `error`: why a node can't join it; `fault`: why it is not ready
//! - `status`: how a node stands with its cluster, and what is counted
//! - `names`: the streams, and which room is in which
//! - `connect`: the connection to the NATS servers; `streams`: the streams, made and looked at
//! - `broker`: both together, and questions to the streams
//! - `examine`: how servers and streams stand, for an operator
//! - `log`: posts on their way: planned, appended by compare-and-set, and told what became of them
//! - `reader`: a stream, in order and without a gap
//! - `tail`: one stream of posts, from what was applied last, in order
//! - `access`, `accounts`: who may come in, told by a stream and kept in each node's tables; `remote`: the same for the commands
//! - `presence`: what nodes tell each other and nobody stores: who is here, who types, how far messages have come
//! - `read_positions`: how far users have read, for a node that was away
//! - `retention`: what is too old goes from the streams
//! - `watchdog`: whether this node keeps up, and whether the streams are still those that it knows
//! - `store`: [`MessageStore`](super::MessageStore) of these

mod access;
mod accounts;
mod broker;
mod connect;
mod error;
mod examine;
mod fault;
mod log;
mod names;
mod presence;
mod read_positions;
mod reader;
mod remote;
mod renew;
mod retention;
mod settings;
mod status;
mod store;
mod streams;
mod tail;
#[cfg(test)]
mod tests;
mod watchdog;

pub use error::ClusterError;
pub use examine::{ClusterReport, ServerFacts, ServerReport, StreamReport, examine as examine_cluster};
pub use fault::ClusterFault;
pub(crate) use remote::open_accounts;
pub use renew::renew as renew_cluster;
pub use settings::ClusterSettings;
pub(crate) use store::ClusterStore;
