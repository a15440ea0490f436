//! What all nodes have removed for its age goes from the streams, too: done by one node at a time, which holds a lease.

use std::time::Duration;

use async_nats::jetstream::message::PublishMessage;

use super::broker::Broker;
use super::connect::described;
use super::names;
use crate::store::sqlite::SqliteStore;

/// How long a node does it before another may.
const LEASE: Duration = Duration::from_secs(180);

/// Removes from the streams what this node does not hold any more, but never a room's last record: without it, the room
/// would start again from the beginning. What can't be removed is removed by the next call or, if this node could not take
/// the lease, when the room has something to remove again.
pub(super) async fn purge(broker: &Broker, store: &SqliteStore, node: &str) {
    let surplus = match store.surplus_records().await {
        Ok(surplus) => surplus,
        Err(error) => {
            tracing::warn!(%error, "it can't be read which records of the cluster's streams are too old");
            return;
        }
    };
    if surplus.is_empty() {
        return;
    }
    if holds_lease(broker, node).await {
        for (room, keep_from) in &surplus {
            let (shard, subject) = names::place(room);
            let Ok(stream) = broker.streams.get_stream_no_info(names::history(shard)).await else { return };
            if let Err(error) = stream.purge().sequence(*keep_from).filter(subject).await {
                tracing::warn!(error = described(&error), "old records can't be removed from the cluster's streams");
                return;
            }
        }
    }
    store.forget_records(surplus).await;
}

/// Takes or renews the lease, unless another node has it.
async fn holds_lease(broker: &Broker, node: &str) -> bool {
    let Ok(last) = broker.last(names::ACCESS, names::RETENTION_LEASE).await else { return false };
    let after = match last {
        Some((sequence, holder)) if holder == node.as_bytes() => sequence,
        Some(_) => return false,
        None => 0,
    };
    let message = PublishMessage::build()
        .payload(node.to_owned().into())
        .expected_stream(names::ACCESS)
        .expected_last_subject_sequence(after)
        .ttl(LEASE);
    match broker.streams.send_publish(names::RETENTION_LEASE, message).await {
        Ok(answer) => answer.await.is_ok(),
        Err(_) => false,
    }
}
