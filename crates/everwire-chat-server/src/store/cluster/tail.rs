//! One stream of the log, from what was applied last on, in order and without a gap.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;

use super::broker::Broker;
use super::log::Event;
use super::names;
use super::reader::{HEARTBEAT, IS_BEHIND, Reader, StreamRecord};
use super::status::ClusterStatus;
use crate::store::replica::{Flights, LogRecord, RecordOutcome, Run};
use crate::store::sqlite::SqliteStore;

/// How soon it is tried again to store what was committed.
const STORE_AGAIN: Duration = Duration::from_secs(1);

/// The pause before a reading that has ended starts again.
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
    /// The reading has to start again from what was applied, for this reason.
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
        let from = self.status.applied(shard).saturating_add(1);
        let mut reader = match Reader::open(&self.broker, &names::history(shard), from, HEARTBEAT).await {
            Ok(reader) => reader,
            Err(why) => return Ended::Again(why),
        };
        loop {
            let (records, why) = reader.next().await;
            let records = records.into_iter().map(|record| log_record(shard, record)).collect();
            if let Some(ended) = self.apply(shard, records).await {
                return ended;
            }
            let is_behind = reader.is_behind(self.status.end(shard)).then(|| IS_BEHIND.to_owned());
            if let Some(why) = why.or(is_behind) {
                return Ended::Again(why);
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
                    tokio::time::sleep(STORE_AGAIN).await;
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
                if !self.tell(record, *outcome) {
                    return Some(Ended::Closed);
                }
            }
            if outcomes.last() == Some(&RecordOutcome::Gap) {
                let Some(run) = records.first().and_then(|record| record.run.as_ref().ok()) else { continue };
                match self.broker.record(&names::history(shard), run.after).await {
                    // Removed for its age, or that of its room.
                    Ok(None) => is_gap_fine = true,
                    Ok(Some(_)) => return Some(Ended::Again("a record was left out".to_owned())),
                    Err(why) => return Some(Ended::Again(why)),
                }
            }
        }
        None
    }

    /// Tells the log what became of a record; false if nobody listens any more.
    fn tell(&self, record: LogRecord, outcome: RecordOutcome) -> bool {
        let LogRecord { shard, sequence, subject, run } = record;
        let stream = names::history(shard);
        let event = match (run, outcome) {
            (_, RecordOutcome::Known) => return true,
            (Ok(Run { room, id: run, .. }), outcome) => {
                if outcome == RecordOutcome::Void {
                    self.status.void_records.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(
                        stream,
                        sequence,
                        "a record did not follow its room's last one, and counts as not there"
                    );
                }
                Event::Applied { room, run, sequence, outcome }
            }
            (Err(why), _) => {
                self.status.void_records.fetch_add(1, Ordering::Relaxed);
                tracing::error!(
                    stream,
                    sequence,
                    subject,
                    why,
                    "a record can't be read, and counts as not there on all nodes: nothing in it was acknowledged; find out who else \
                     writes to this stream"
                );
                Event::Unreadable { subject, sequence }
            }
        };
        self.events.send(event).is_ok()
    }
}

/// What is no run of this subject's room, or none that a node could have made, is none for all nodes alike.
fn log_record(shard: usize, record: StreamRecord) -> LogRecord {
    let StreamRecord { sequence, subject, payload, .. } = record;
    let run = serde_json::from_slice::<Run>(&payload).map_err(|error| error.to_string()).and_then(|run| {
        if names::place(&run.room).1 != subject {
            Err("it names a room whose subject is another".to_owned())
        } else if !run.is_possible() {
            Err("no node makes such a run".to_owned())
        } else {
            Ok(run)
        }
    });
    LogRecord { shard, sequence, subject, run }
}
