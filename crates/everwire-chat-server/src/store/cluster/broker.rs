//! The connection to the NATS servers, and the streams made and looked at.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::jetstream::context::{
    AccountErrorKind, ContextBuilder, CreateStreamError, CreateStreamErrorKind, GetStreamErrorKind,
};
use async_nats::jetstream::stream::{self, StorageType};
use async_nats::jetstream::{Context, ErrorCode};
use async_nats::{Client, ConnectErrorKind, ConnectOptions, ServerAddr};
use percent_encoding::percent_decode_str;

use super::error::ClusterError;
use super::names;
use super::settings::ClusterSettings;
use crate::clock::unix_ms;
use crate::store::replica::Identity;

/// How long the servers may take for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long an append may be without an outcome before it counts as unknown.
pub(super) const ACK_PATIENCE: Duration = Duration::from_secs(2);

/// Clocks further apart than this are refused: times of messages would jump from node to node.
const MOST_APART: i64 = 60_000;

/// The oldest version: single messages can expire since then.
const OLDEST: (u64, u64) = (2, 11);

/// Bytes that a run may have beside its posts.
const ENVELOPE: usize = 8 << 10;

/// What the streams say of themselves.
const KIND: &str = "everwire";
const KIND_IS: &str = "chat-1";
const CLUSTER: &str = "everwire-cluster";
pub(super) const EPOCH: &str = "everwire-epoch";
/// All streams have been made: one that is not there was lost.
const COMPLETE: &str = "everwire-complete";

/// A connection, and the cluster that it leads to.
#[derive(Clone, Debug)]
pub(super) struct Broker {
    pub(super) client: Client,
    pub(super) streams: Context,
    pub(super) identity: Identity,
}

/// How a stream stands.
#[derive(Clone, Debug)]
pub(super) enum StreamState {
    /// Its epoch, and where it ends.
    There {
        epoch: String,
        last: u64,
    },
    Missing,
}

impl Broker {
    /// Connects, and finds or makes the streams. `largest`: bytes that one post may have.
    pub(super) async fn open(settings: &ClusterSettings, largest: usize) -> Result<Self, ClusterError> {
        let client = connect(settings).await?;
        let info = client.server_info();
        check_version(&info.version)?;
        // Escaped as JSON, a post may be twice as large.
        let needs = largest.saturating_mul(2).saturating_add(ENVELOPE);
        if info.max_payload < needs {
            return Err(ClusterError::TooSmall { takes: info.max_payload, needs });
        }
        let streams = ContextBuilder::new()
            .timeout(ACK_PATIENCE)
            .ack_timeout(ACK_PATIENCE)
            .max_ack_inflight(16 << 10)
            .backpressure_on_inflight(true)
            .build(client.clone());
        check_jetstream(&streams).await?;
        if !settings.accept_sync {
            return Err(ClusterError::Sync);
        }
        let identity = find_or_make(&streams, settings.replicas).await?;
        let broker = Self { client, streams, identity };
        broker.check_clock().await?;
        Ok(broker)
    }

    /// Connects, and finds a cluster that there is.
    pub(super) async fn find(settings: &ClusterSettings) -> Result<Self, ClusterError> {
        let client = connect(settings).await?;
        check_version(&client.server_info().version)?;
        let streams = ContextBuilder::new().timeout(ACK_PATIENCE).ack_timeout(ACK_PATIENCE).build(client.clone());
        check_jetstream(&streams).await?;
        let found = look(&streams, names::ACCESS, None).await?;
        Ok(Self { client, streams, identity: identity_of(&found)? })
    }

    /// The payload and the sequence of a subject's last record.
    ///
    /// # Errors
    /// What went wrong, in words.
    pub(super) async fn last(&self, stream: &str, subject: &str) -> Result<Option<(u64, Vec<u8>)>, String> {
        let stream = self.streams.get_stream_no_info(stream).await.map_err(|error| described(&error))?;
        match stream.get_last_raw_message_by_subject(subject).await {
            Ok(message) => Ok(Some((message.sequence, message.payload.to_vec()))),
            Err(error) => match error.kind() {
                async_nats::jetstream::stream::LastRawMessageErrorKind::NoMessageFound => Ok(None),
                _ => Err(described(&error)),
            },
        }
    }

    /// How the stream of this name stands.
    ///
    /// # Errors
    /// What went wrong, in words: the servers did not answer.
    pub(super) async fn state(&self, stream: &str) -> Result<StreamState, String> {
        match self.streams.get_stream(stream).await {
            Ok(found) => {
                let info = found.cached_info();
                let epoch = info.config.metadata.get(EPOCH).cloned().unwrap_or_default();
                Ok(StreamState::There { epoch, last: info.state.last_sequence })
            }
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(refused) if refused.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                    Ok(StreamState::Missing)
                }
                _ => Err(described(&error)),
            },
        }
    }

    /// The payload of one record. `None`: there is none of this sequence any more.
    ///
    /// # Errors
    /// What went wrong, in words.
    pub(super) async fn record(&self, stream: &str, sequence: u64) -> Result<Option<Vec<u8>>, String> {
        let stream = self.streams.get_stream_no_info(stream).await.map_err(|error| described(&error))?;
        match stream.get_raw_message(sequence).await {
            Ok(message) => Ok(Some(message.payload.to_vec())),
            Err(error) => match error.kind() {
                async_nats::jetstream::stream::LastRawMessageErrorKind::NoMessageFound => Ok(None),
                _ => Err(described(&error)),
            },
        }
    }

    /// By what the newest stream's server says of the time.
    async fn check_clock(&self) -> Result<(), ClusterError> {
        let asked = unix_ms();
        let answer: serde_json::Value = self
            .streams
            .request(format!("STREAM.INFO.{}", names::ACCESS), &())
            .await
            .map_err(|error| ClusterError::Refused { what: "a look at its stream", cause: described(&error) })?;
        let Some(server) = answer["ts"].as_str().and_then(|at| async_nats::datetime::parse_rfc3339(at).ok()) else {
            return Ok(());
        };
        let server = i64::try_from(server.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX);
        let ahead = asked.saturating_sub(server);
        if ahead.abs() > MOST_APART {
            return Err(ClusterError::Clocks { seconds: ahead / 1000 });
        }
        Ok(())
    }
}

pub(super) async fn connect(settings: &ClusterSettings) -> Result<Client, ClusterError> {
    let mut servers = Vec::with_capacity(settings.servers.len());
    for server in &settings.servers {
        let address: ServerAddr = server.parse().map_err(|_| ClusterError::Address { server: shown(server) })?;
        servers.push(address);
    }
    if servers.is_empty() {
        return Err(ClusterError::Address { server: "nothing".to_owned() });
    }
    let mut options = ConnectOptions::new()
        .name("everwire")
        .connection_timeout(PATIENCE)
        .request_timeout(Some(PATIENCE))
        .ping_interval(Duration::from_secs(2))
        .client_capacity(8 << 10)
        .subscription_capacity(64 << 10)
        .reconnect_delay_callback(|attempt| {
            Duration::from_millis(50)
                .saturating_mul(u32::try_from(attempt).unwrap_or(u32::MAX))
                .min(Duration::from_secs(1))
        })
        .event_callback(|event| async move {
            match event {
                async_nats::Event::Connected => tracing::info!("connected to the cluster's NATS servers"),
                async_nats::Event::Disconnected => tracing::warn!("the connection to the NATS server is lost"),
                other => tracing::debug!(event = %other, "of the NATS connection"),
            }
        });
    // The client library leaves out what stands in an address.
    if let Some((user, password)) = servers.iter().find_map(user_and_password) {
        options = options.user_and_password(user, password);
    }
    if let Some(file) = &settings.credentials {
        let unusable = |error: std::io::Error| ClusterError::File { file: file.clone(), cause: error.to_string() };
        options = options.credentials_file(file).await.map_err(unusable)?;
    }
    if let Some(file) = &settings.ca {
        if let Err(error) = std::fs::metadata(file) {
            return Err(ClusterError::File { file: file.clone(), cause: error.to_string() });
        }
        options = options.add_root_certificates(file.clone());
    }
    options.connect(servers).await.map_err(|error| match error.kind() {
        ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => ClusterError::Credentials,
        _ => ClusterError::Unreachable { cause: described(&error) },
    })
}

/// Those in an address, if there are any.
fn user_and_password(server: &ServerAddr) -> Option<(String, String)> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    Some((decoded(server.username()?), decoded(server.password().unwrap_or_default())))
}

pub(super) fn check_version(version: &str) -> Result<(), ClusterError> {
    let mut parts = version.split('.').map(|part| part.parse::<u64>().ok());
    match (parts.next().flatten(), parts.next().flatten()) {
        (Some(major), Some(minor)) if (major, minor) >= OLDEST => Ok(()),
        _ => Err(ClusterError::TooOld { version: version.to_owned() }),
    }
}

pub(super) async fn check_jetstream(streams: &Context) -> Result<(), ClusterError> {
    match streams.query_account().await {
        Ok(_) => Ok(()),
        Err(error) => match error.kind() {
            AccountErrorKind::JetStream(refused)
                if matches!(
                    refused.error_code(),
                    ErrorCode::JETSTREAM_NOT_ENABLED | ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT
                ) =>
            {
                Err(ClusterError::NoJetStream)
            }
            AccountErrorKind::JetStreamUnavailable => Err(ClusterError::NoJetStream),
            _ => Err(ClusterError::Unreachable { cause: format!("JetStream does not answer: {}", described(&error)) }),
        },
    }
}

/// The cluster that there is, or a new one. Several nodes may do so at once.
async fn find_or_make(streams: &Context, replicas: usize) -> Result<Identity, ClusterError> {
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

fn identity_of(access: &stream::Config) -> Result<Identity, ClusterError> {
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

/// A stream that has to be there, and ours; with so many replicas.
async fn look(streams: &Context, name: &str, replicas: Option<usize>) -> Result<stream::Config, ClusterError> {
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

/// An address without what may be a password.
pub(super) fn shown(server: &str) -> String {
    match (server.split_once("://"), server.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        (None, Some((_, host))) => host.to_owned(),
        (_, None) => server.to_owned(),
    }
}

/// An error and its causes, in one line.
pub(super) fn described<E: std::error::Error>(error: &E) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_line = cause.to_string();
        if !line.contains(&cause_line) {
            line = format!("{line}: {cause_line}");
        }
        source = cause.source();
    }
    line.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_without_expiring_messages_is_too_old() {
        assert!(check_version("2.11.0").is_ok() && check_version("2.15.1").is_ok() && check_version("3.0.0").is_ok());
        assert!(check_version("2.9.10").is_err() && check_version("nonsense").is_err());
    }

    #[test]
    fn user_and_password_are_taken_out_of_an_address() {
        let of = |address: &str| user_and_password(&address.parse().unwrap());
        assert_eq!(of("nats://ana:a%20secret@host"), Some(("ana".to_owned(), "a secret".to_owned())));
        assert_eq!(of("nats://ana:a secret@host"), Some(("ana".to_owned(), "a secret".to_owned())));
        assert_eq!(of("tls://host:4222"), None);
    }

    #[test]
    fn a_password_in_an_address_is_not_shown() {
        assert_eq!(shown("nats://ana:secret@host:x"), "nats://host:x");
        assert_eq!(shown("ana:secret@host"), "host");
        assert_eq!(shown("host:1"), "host:1");
    }
}
