//! One stream of the log, from what was applied last on, in order and without a gap.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, push};
use async_nats::{Message, StatusCode, Subscriber};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::broker::{Broker, described};
use super::log::Event;
use super::names;
use super::status::ClusterStatus;
use crate::store::replica::{Flights, LogRecord, RecordOutcome, Run};
use crate::store::sqlite::SqliteStore;

/// How often the server says that it is there while nothing comes, and after how long without that the reading begins anew.
const HEARTBEAT: Duration = Duration::from_secs(1);
const SILENCE: Duration = Duration::from_millis(3500);

/// How long the server keeps a reader that has gone.
const KEPT: Duration = Duration::from_secs(30);

/// Records that are applied together.
const TOGETHER: usize = 256;

/// How soon a reading that has ended begins anew.
const PAUSE: Duration = Duration::from_millis(250);

/// What all readers share.
#[derive(Clone, Debug)]
pub(super) struct Tail {
    pub(super) broker: Broker,
    pub(super) store: Arc<SqliteStore>,
    pub(super) flights: Arc<Flights>,
    pub(super) status: Arc<ClusterStatus>,
    pub(super) events: mpsc::UnboundedSender<Event>,
}

/// Why a reading has ended.
enum Ended {
    /// The store is closed.
    Closed,
    /// To begin anew from what was applied.
    Again(String),
}

impl Tail {
    /// Reads and applies a shard's stream; ends with the store. Cancelled, what was read and not applied is read again.
    pub(super) async fn run(self, shard: usize) {
        loop {
            match self.read(shard).await {
                Ended::Closed => return,
                Ended::Again(why) => {
                    self.status.restarts.fetch_add(1, Ordering::Relaxed);
                    tracing::debug!(shard, why, "the reading of a stream begins anew");
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn read(&self, shard: usize) -> Ended {
        let (mut subscriber, mut seen) = match self.subscribe(shard).await {
            Ok(subscriber) => (subscriber, 0),
            Err(why) => return Ended::Again(why),
        };
        loop {
            let first = match timeout(SILENCE, subscriber.next()).await {
                Ok(Some(message)) => message,
                Ok(None) => return Ended::Again("the subscription has ended".to_owned()),
                Err(_) => return Ended::Again("nothing came for too long".to_owned()),
            };
            let mut records = Vec::new();
            let mut next = Some(first);
            while let Some(message) = next {
                match self.take(shard, &mut seen, message).await {
                    Ok(record) => records.extend(record),
                    Err(why) => {
                        // What came before it is whole.
                        if let Some(ended) = self.apply(shard, records).await {
                            return ended;
                        }
                        return Ended::Again(why);
                    }
                }
                next = if records.len() < TOGETHER { subscriber.next().now_or_never().flatten() } else { None };
            }
            if let Some(ended) = self.apply(shard, records).await {
                return ended;
            }
        }
    }

    async fn subscribe(&self, shard: usize) -> Result<Subscriber, String> {
        let Broker { client, streams, .. } = &self.broker;
        let inbox = client.new_inbox();
        let subscriber = client.subscribe(inbox.clone()).await.map_err(|error| described(&error))?;
        let config = push::Config {
            deliver_subject: inbox,
            description: Some("everwire serve: one reader for each node and stream".to_owned()),
            deliver_policy: DeliverPolicy::ByStartSequence {
                start_sequence: self.status.applied(shard).saturating_add(1),
            },
            ack_policy: AckPolicy::None,
            max_deliver: 1,
            flow_control: true,
            idle_heartbeat: HEARTBEAT,
            inactive_threshold: KEPT,
            memory_storage: true,
            num_replicas: 1,
            ..push::Config::default()
        };
        let made = streams.create_consumer_on_stream(config, names::history(shard)).await;
        made.map_err(|error| described(&error))?;
        Ok(subscriber)
    }

    /// A record, unless the message is one of the reading itself. `seen`: messages of this reader so far.
    async fn take(&self, shard: usize, seen: &mut u64, message: Message) -> Result<Option<LogRecord>, String> {
        match message.status {
            Some(StatusCode::IDLE_HEARTBEAT) => {
                if let Some(reply) = message.reply {
                    // Flow control: the server waits for this.
                    let _ = self.broker.client.publish(reply, Bytes::new()).await;
                }
                let last = message.headers.as_ref().and_then(|headers| headers.get("Nats-Last-Consumer"));
                match last.and_then(|last| last.as_str().parse::<u64>().ok()) {
                    Some(last) if last != *seen => Err("some messages have not come".to_owned()),
                    _ => Ok(None),
                }
            }
            Some(status) if status == StatusCode::OK => Ok(None),
            Some(status) => Err(format!("the server ends it: {status}")),
            None => {
                let message = async_nats::jetstream::Message { message, context: self.broker.streams.clone() };
                let info = message.info().map_err(|error| error.to_string())?;
                let (sequence, number) = (info.stream_sequence, info.consumer_sequence);
                if number != seen.saturating_add(1) {
                    return Err("some messages have not come".to_owned());
                }
                *seen = number;
                match serde_json::from_slice::<Run>(&message.message.payload) {
                    Ok(run) => Ok(Some(LogRecord { shard, sequence, run })),
                    Err(error) => {
                        tracing::error!(shard, sequence, %error, "a record makes no sense, and is left out");
                        Ok(None)
                    }
                }
            }
        }
    }

    /// Applies records; why the reading ends, if it does.
    async fn apply(&self, shard: usize, mut records: Vec<LogRecord>) -> Option<Ended> {
        let mut is_gap_fine = false;
        while !records.is_empty() {
            let count = if is_gap_fine { 1 } else { records.len() };
            let batch = records.get(..count).unwrap_or_default().to_vec();
            let outcomes = match self.store.apply(batch, is_gap_fine, Arc::clone(&self.flights)).await {
                Ok(outcomes) => outcomes,
                Err(crate::store::error::StoreError::Closed) => return Some(Ended::Closed),
                Err(error) => {
                    tracing::error!(shard, %error, "what the cluster has committed can't be stored on this node; it is tried again");
                    tokio::time::sleep(HEARTBEAT).await;
                    continue;
                }
            };
            is_gap_fine = false;
            let done = outcomes.iter().take_while(|outcome| **outcome != RecordOutcome::Gap).count();
            let applied: Vec<LogRecord> = records.drain(..done.min(records.len())).collect();
            if let Some(last) = applied.last() {
                self.status.set_applied(shard, last.sequence.max(self.status.applied(shard)));
            }
            for (record, outcome) in applied.into_iter().zip(&outcomes) {
                if *outcome == RecordOutcome::Void {
                    self.status.void_records.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(
                        shard,
                        sequence = record.sequence,
                        "a record did not follow its room's last one, and counts as not there"
                    );
                }
                let Run { room, id: run, .. } = record.run;
                if *outcome != RecordOutcome::Known
                    && self.events.send(Event::Applied { room, run, outcome: *outcome }).is_err()
                {
                    return Some(Ended::Closed);
                }
            }
            if outcomes.last() == Some(&RecordOutcome::Gap) {
                let Some(record) = records.first() else { continue };
                match self.broker.record(&names::history(shard), record.run.after).await {
                    // Removed for its age, or that of its room.
                    Ok(None) => is_gap_fine = true,
                    Ok(Some(_)) => return Some(Ended::Again("a record was left out".to_owned())),
                    Err(why) => return Some(Ended::Again(why)),
                }
            }
        }
        None
    }
}
