//! The streams of a cluster, made once and looked at by every node.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::jetstream::context::{CreateStreamError, CreateStreamErrorKind, GetStreamErrorKind};
use async_nats::jetstream::stream::{self, StorageType};
use async_nats::jetstream::{Context, ErrorCode};

use super::connect::described;
use super::error::ClusterError;
use super::names;
use crate::store::replica::Identity;

/// What the streams say of themselves.
const KIND: &str = "everwire";
const KIND_IS: &str = "chat-1";
const CLUSTER: &str = "everwire-cluster";
pub(super) const EPOCH: &str = "everwire-epoch";
/// All streams have been made: one that is not there was lost.
const COMPLETE: &str = "everwire-complete";

/// The cluster that there is, or a new one. Several nodes may do so at once.
pub(super) async fn find_or_make(streams: &Context, replicas: usize) -> Result<Identity, ClusterError> {
    let new = Identity { cluster: uuid::Uuid::now_v7().to_string(), epoch: uuid::Uuid::now_v7().to_string() };
    let access = stream::Config {
        max_messages_per_subject: 1,
        allow_message_ttl: true,
        ..config(names::ACCESS.to_owned(), names::ACCESS_SUBJECTS.to_owned(), replicas, &new)
    };
    let found = make(streams, access, replicas).await?;
    let identity = identity_of(&found)?;
    let is_complete = found.metadata.contains_key(COMPLETE);
    for shard in 0..names::SHARDS {
        let name = names::history(shard);
        if is_complete {
            look(streams, &name, Some(replicas)).await?;
        } else {
            let made = config(name.clone(), names::history_subjects(shard), replicas, &identity);
            let found = make(streams, made, replicas).await?;
            if found.metadata.get(CLUSTER) != Some(&identity.cluster) {
                return Err(ClusterError::ForeignStream { stream: name });
            }
        }
    }
    if !is_complete {
        let mut complete = found.clone();
        complete.metadata.insert(COMPLETE.to_owned(), "true".to_owned());
        let refused = |error| ClusterError::Refused {
            what: "a change of its stream",
            cause: described::<CreateStreamError>(&error),
        };
        streams.update_stream(&complete).await.map_err(refused)?;
    }
    Ok(identity)
}

pub(super) fn identity_of(access: &stream::Config) -> Result<Identity, ClusterError> {
    match (access.metadata.get(CLUSTER), access.metadata.get(EPOCH)) {
        (Some(cluster), Some(epoch)) => Ok(Identity { cluster: cluster.clone(), epoch: epoch.clone() }),
        _ => Err(ClusterError::ForeignStream { stream: names::ACCESS.to_owned() }),
    }
}

/// Whether a stream is one of the chat's.
pub(super) fn is_ours(stream: &stream::Config) -> bool {
    stream.metadata.get(KIND).is_some_and(|kind| kind == KIND_IS)
}

fn config(name: String, subjects: String, replicas: usize, identity: &Identity) -> stream::Config {
    stream::Config {
        name,
        subjects: vec![subjects],
        storage: StorageType::File,
        num_replicas: replicas,
        max_messages_per_subject: -1,
        deny_delete: true,
        allow_direct: true,
        // Nothing is known by an id of the broker's: a repeat is refused by what it expects.
        duplicate_window: Duration::from_secs(1),
        metadata: HashMap::from([
            (KIND.to_owned(), KIND_IS.to_owned()),
            (CLUSTER.to_owned(), identity.cluster.clone()),
            (EPOCH.to_owned(), identity.epoch.clone()),
        ]),
        description: Some("Everwire chat: made and read by everwire serve --cluster".to_owned()),
        ..stream::Config::default()
    }
}

/// Finds a stream, or makes it.
async fn make(streams: &Context, config: stream::Config, replicas: usize) -> Result<stream::Config, ClusterError> {
    let name = config.name.clone();
    match look(streams, &name, Some(replicas)).await {
        Err(ClusterError::MissingStream { .. }) => {}
        found => return found,
    }
    // A new cluster has no leader for a moment.
    let mut attempts = 0;
    loop {
        match streams.create_stream(config.clone()).await {
            Ok(made) => return Ok(made.cached_info().config.clone()),
            Err(error) => match error.kind() {
                CreateStreamErrorKind::JetStream(refused) => match refused.error_code() {
                    ErrorCode::STREAM_NAME_EXIST => return look(streams, &name, Some(replicas)).await,
                    ErrorCode::CLUSTER_NOT_AVAILABLE | ErrorCode::CLUSTER_NOT_LEADER if attempts < 5 => {}
                    ErrorCode::STREAM_SUBJECT_OVERLAP => return Err(ClusterError::ForeignStream { stream: name }),
                    ErrorCode::CLUSTER_NO_PEERS
                    | ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED
                    | ErrorCode::INSUFFICIENT_RESOURCES => {
                        return Err(ClusterError::Replicas { replicas, cause: refused.to_string() });
                    }
                    _ => return Err(ClusterError::Refused { what: "to make a stream", cause: refused.to_string() }),
                },
                CreateStreamErrorKind::TimedOut | CreateStreamErrorKind::JetStreamUnavailable if attempts < 5 => {}
                _ => return Err(ClusterError::Unreachable { cause: described(&error) }),
            },
        }
        attempts += 1;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Looks up a stream that has to exist, belong to us, and have `replicas` replicas, if they are given; returns its
/// configuration.
pub(super) async fn look(
    streams: &Context,
    name: &str,
    replicas: Option<usize>,
) -> Result<stream::Config, ClusterError> {
    let mut attempts = 0;
    loop {
        match streams.get_stream(name).await {
            Ok(found) => {
                let config = found.cached_info().config.clone();
                return match config.metadata.get(KIND).map(String::as_str) {
                    Some(KIND_IS) => match replicas {
                        Some(replicas) if replicas != config.num_replicas => {
                            Err(ClusterError::OtherReplicas { replicas, found: config.num_replicas })
                        }
                        _ => Ok(config),
                    },
                    _ => Err(ClusterError::ForeignStream { stream: name.to_owned() }),
                };
            }
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(refused) if refused.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                    return Err(ClusterError::MissingStream { stream: name.to_owned() });
                }
                _ if attempts < 5 => {}
                _ => return Err(ClusterError::Unreachable { cause: described(&error) }),
            },
        }
        attempts += 1;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
