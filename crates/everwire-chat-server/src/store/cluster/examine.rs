//! How a cluster's servers and streams stand, for an operator: nothing is made or changed.

use std::time::{Duration, Instant};

use async_nats::jetstream::Context;
use async_nats::jetstream::context::{ContextBuilder, GetStreamErrorKind};
use async_nats::jetstream::{ErrorCode, stream};

use super::broker::ACK_PATIENCE;
use super::connect::{self, described};
use super::error::ClusterError;
use super::names;
use super::settings::ClusterSettings;
use super::streams;
use crate::clock::unix_ms;

/// The findings of [`examine`].
#[derive(Debug)]
#[non_exhaustive]
pub struct ClusterReport {
    /// One for each address of the settings, in their order.
    pub servers: Vec<ServerReport>,
    /// Those that there are; none in a cluster that is not made yet.
    pub streams: Vec<StreamReport>,
    /// Streams of this cluster that are not there although others are.
    pub missing: Vec<String>,
    /// The reason why streams could not be asked for, if they could not.
    pub problem: Option<ClusterError>,
}

/// One NATS server.
#[derive(Debug)]
#[non_exhaustive]
pub struct ServerReport {
    /// Its address, without a password.
    pub address: String,
    /// Its own words of itself, or the reason why a node could not use it.
    pub found: Result<ServerFacts, ClusterError>,
}

/// A NATS server's own words of itself.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerFacts {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The time that an answer takes.
    pub round_trip: Duration,
    /// The largest message that it takes, in bytes.
    pub max_payload: usize,
    /// Milliseconds that this machine's clock is ahead of its cluster's; `None` before there are streams.
    pub clock_ahead: Option<i64>,
}

/// One stream of the cluster.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StreamReport {
    /// Its name.
    pub name: String,
    /// It is Everwire's.
    pub is_ours: bool,
    /// The server that leads it; `None`: none does, or there is only one server.
    pub leader: Option<String>,
    /// On how many servers it is to be.
    pub replicas: usize,
    /// On how many of them it is whole now.
    pub current: usize,
    /// Its records.
    pub records: u64,
    /// Bytes on each server.
    pub bytes: u64,
}

/// Looks at each server of the settings by itself, and then at the streams.
///
/// Cancel-safe: nothing is changed. Each server is waited for 5 s at most.
pub async fn examine(settings: &ClusterSettings) -> ClusterReport {
    let mut servers = Vec::with_capacity(settings.servers.len());
    let mut connected = None;
    for server in &settings.servers {
        let one = ClusterSettings { servers: vec![server.clone()], ..settings.clone() };
        let found = match look(&one).await {
            Ok((facts, streams)) => {
                connected.get_or_insert(streams);
                Ok(facts)
            }
            Err(error) => Err(error),
        };
        servers.push(ServerReport { address: connect::shown(server), found });
    }
    let mut report = ClusterReport { servers, streams: Vec::new(), missing: Vec::new(), problem: None };
    if let Some(streams) = connected {
        report.look_at_streams(&streams).await;
    }
    report
}

async fn look(settings: &ClusterSettings) -> Result<(ServerFacts, Context), ClusterError> {
    let client = connect::connect(settings).await?;
    let info = client.server_info();
    connect::check_version(&info.version)?;
    let streams = ContextBuilder::new().timeout(ACK_PATIENCE).build(client.clone());
    connect::check_jetstream(&streams).await?;
    let started = Instant::now();
    client.flush().await.map_err(|error| ClusterError::Unreachable { cause: described(&error) })?;
    let round_trip = started.elapsed();
    let clock_ahead = clock(&streams).await;
    let facts = ServerFacts {
        name: info.server_name,
        version: info.version,
        round_trip,
        max_payload: info.max_payload,
        clock_ahead,
    };
    Ok((facts, streams))
}

/// By what the server says of the time beside a stream's figures; where there is no stream it does not.
async fn clock(streams: &Context) -> Option<i64> {
    let asked = unix_ms();
    let answer: serde_json::Value = streams.request(format!("STREAM.INFO.{}", names::ACCESS), &()).await.ok()?;
    let server = async_nats::datetime::parse_rfc3339(answer["ts"].as_str()?).ok()?;
    i64::try_from(server.unix_timestamp_nanos() / 1_000_000).ok().map(|server| asked.saturating_sub(server))
}

fn report(name: String, info: &stream::Info) -> StreamReport {
    let cluster = info.cluster.as_ref();
    let leader = cluster.and_then(|cluster| cluster.leader.clone());
    let followers = cluster.map_or(0, |cluster| cluster.replicas.iter().filter(|one| one.current).count());
    StreamReport {
        name,
        is_ours: streams::is_ours(&info.config),
        // Without a cluster the one server that there is has it.
        current: followers.saturating_add(usize::from(leader.is_some() || cluster.is_none())),
        leader,
        replicas: info.config.num_replicas,
        records: info.state.messages,
        bytes: info.state.bytes,
    }
}

impl ClusterReport {
    async fn look_at_streams(&mut self, streams: &Context) {
        let names = (0..names::SHARDS).map(names::history).chain([names::ACCESS.to_owned()]);
        for name in names {
            match streams.get_stream(&name).await {
                Ok(found) => self.streams.push(report(name, found.cached_info())),
                Err(error) => match error.kind() {
                    GetStreamErrorKind::JetStream(refused) if refused.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                        self.missing.push(name);
                    }
                    _ => {
                        let cause = described(&error);
                        self.problem = Some(ClusterError::Unreachable { cause: format!("{name}: {cause}") });
                        return;
                    }
                },
            }
        }
        // A cluster that nobody has made yet misses nothing.
        if self.streams.is_empty() {
            self.missing.clear();
        }
    }
}
