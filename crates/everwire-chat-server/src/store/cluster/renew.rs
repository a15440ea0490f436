//! A new epoch, on an operator's word.

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{ContextBuilder, CreateStreamError, GetStreamErrorKind};

use super::broker::ACK_PATIENCE;
use super::connect::{check_jetstream, check_version, connect, described};
use super::error::ClusterError;
use super::names;
use super::settings::ClusterSettings;
use super::streams::{EPOCH, is_ours};

/// Begins a new epoch of a cluster's history: what is in its streams stays, clients load it again, and each node has to be
/// started with an empty data folder. This is for a cluster whose streams were restored from an older backup, or which has
/// lost for good what its nodes had applied: nodes that know more refuse to go on until then. Returns the new epoch's id.
///
/// Not cancel-safe: if it ends before its time, it has to be called again.
///
/// # Errors
/// If the servers can't be reached, or a stream is missing or another application's: what was begun is finished by calling it again.
pub async fn renew(settings: &ClusterSettings) -> Result<String, ClusterError> {
    let client = connect(settings).await?;
    check_version(&client.server_info().version)?;
    let streams = ContextBuilder::new().timeout(ACK_PATIENCE).build(client);
    check_jetstream(&streams).await?;
    let mut configs = Vec::new();
    // All of them are there and ours before the first one is changed; that of the cluster's identity is the last.
    for name in (0..names::SHARDS).map(names::history).chain([names::ACCESS.to_owned()]) {
        let found = streams.get_stream(&name).await.map_err(|error| match error.kind() {
            GetStreamErrorKind::JetStream(refused) if refused.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                ClusterError::MissingStream { stream: name.clone() }
            }
            _ => ClusterError::Unreachable { cause: described(&error) },
        })?;
        let config = found.cached_info().config.clone();
        if !is_ours(&config) {
            return Err(ClusterError::ForeignStream { stream: name });
        }
        configs.push(config);
    }
    let epoch = uuid::Uuid::now_v7().to_string();
    for mut config in configs {
        config.metadata.insert(EPOCH.to_owned(), epoch.clone());
        let refused = |error: CreateStreamError| ClusterError::Refused {
            what: "a change of its stream",
            cause: described(&error),
        };
        streams.update_stream(&config).await.map_err(refused)?;
    }
    Ok(epoch)
}
