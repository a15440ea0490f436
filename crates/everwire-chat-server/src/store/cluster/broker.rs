//! A connection with the cluster that it leads to, and questions to its streams.

use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::context::{ContextBuilder, GetStreamErrorKind};
use async_nats::jetstream::{Context, ErrorCode};

use super::connect::{check_jetstream, check_version, connect, described};
use super::error::ClusterError;
use super::names;
use super::settings::ClusterSettings;
use super::streams::{EPOCH, find_or_make, identity_of, look};
use crate::clock::unix_ms;
use crate::store::replica::Identity;

/// How long an append may be without an outcome before it counts as unknown.
pub(super) const ACK_PATIENCE: Duration = Duration::from_secs(2);

/// Clocks further apart than this are refused: times of messages would jump from node to node.
const MOST_APART: i64 = 60_000;

/// Bytes that a run may have beside its posts.
const ENVELOPE: usize = 8 << 10;

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
