//! Who may come in, told by one stream that holds the last record of each user, room and sign-in.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::broker::{Broker, StreamState};
use super::connect::described;
use super::fault::ClusterFault;
use super::names;
use super::reader::{HEARTBEAT, IS_BEHIND, Reader, StreamRecord};
use super::status::ClusterStatus;
use crate::store::access_state::{AccessEntry, AccessState, Subject};
use crate::store::error::StoreError;
use crate::store::sqlite::SqliteAccounts;

/// How long a change may be without an outcome.
const PATIENCE: Duration = Duration::from_secs(10);

/// How soon it is tried again.
const AGAIN: Duration = Duration::from_millis(250);

/// How often a server says how far it has read for us.
const PACE: Duration = Duration::from_millis(200);

/// How long a sign-in is kept that nobody goes on with: longer than any of its tokens is good.
const SIGN_IN: Duration = Duration::from_secs(60 * 86_400);

type Entries = Vec<AccessEntry>;

/// What is written of a user, a room or a sign-in.
#[derive(Debug, Serialize, Deserialize)]
struct AccessRecord {
    /// Of this writing.
    id: String,
    state: AccessState,
}

/// The way to the stream, for threads that may wait.
#[derive(Clone, Debug)]
pub(super) struct AccessLink {
    pub(super) broker: Broker,
    pub(super) status: Arc<ClusterStatus>,
    pub(super) runtime: Handle,
}

impl AccessLink {
    /// Writes what is known now, if the record of this sequence is still the last of its subject. The sequence of the new one; `None`:
    /// another has come. Blocks.
    ///
    /// # Errors
    /// If the outcome is not known in time.
    pub(super) fn put(&self, after: u64, state: AccessState) -> Result<Option<u64>, StoreError> {
        let broker = self.broker.clone();
        self.call(async move { put(&broker, after, state).await })
    }

    /// What the stream holds beyond this sequence, and where it ends. Blocks.
    ///
    /// # Errors
    /// If the servers don't answer.
    pub(super) fn read(&self, after: u64) -> Result<(Entries, u64), StoreError> {
        let broker = self.broker.clone();
        self.call(async move { read_all(&broker, after).await })
    }

    /// On the cluster's thread; this one waits.
    fn call<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = std::sync::mpsc::channel();
        self.runtime.spawn(async move {
            let _ = answer.send(call.await);
        });
        answered.recv().map_err(|_| StoreError::Closed)?
    }
}

async fn put(broker: &Broker, after: u64, state: AccessState) -> Result<Option<u64>, StoreError> {
    let is_sign_in = matches!(state, AccessState::SignIn { .. });
    let subject = names::of_access(&state.subject());
    let id = crate::id::new_id();
    let payload = Bytes::from(serde_json::to_vec(&AccessRecord { id: id.clone(), state }).unwrap_or_default());
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let mut message = PublishMessage::build()
            .payload(payload.clone())
            .expected_stream(names::ACCESS)
            .expected_last_subject_sequence(after);
        if is_sign_in {
            message = message.ttl(SIGN_IN);
        }
        let answer = match broker.streams.send_publish(subject.clone(), message).await {
            Ok(answer) => answer.await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(stored) => return Ok(Some(stored.sequence)),
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => {
                // It may be our own, from an attempt whose answer was lost.
                if let Ok(last) = broker.last(names::ACCESS, &subject).await {
                    let is_own = |payload: &[u8]| {
                        serde_json::from_slice::<AccessRecord>(payload).is_ok_and(|record| record.id == id)
                    };
                    return Ok(last.and_then(|(sequence, payload)| is_own(&payload).then_some(sequence)));
                }
            }
            Err(error) => tracing::debug!(error = described(&error), "the outcome of a change of access is unknown"),
        }
        tokio::time::sleep(AGAIN).await;
    }
    Err(StoreError::Cluster(ClusterFault::Unknown))
}

/// All records beyond a sequence, and where the stream ended before they were read.
pub(super) async fn read_all(broker: &Broker, after: u64) -> Result<(Entries, u64), StoreError> {
    let silent = |why: String| {
        tracing::warn!(why, "who may come in can't be read from the cluster");
        StoreError::Cluster(ClusterFault::Silent)
    };
    let began = Instant::now();
    loop {
        match read_once(broker, after).await {
            Ok(read) => return Ok(read),
            Err(why) if began.elapsed() >= PATIENCE => return Err(silent(why)),
            Err(_) => tokio::time::sleep(AGAIN).await,
        }
    }
}

async fn read_once(broker: &Broker, after: u64) -> Result<(Entries, u64), String> {
    let StreamState::There { last, .. } = broker.state(names::ACCESS).await? else {
        return Err("the stream is not there".to_owned());
    };
    if last <= after {
        return Ok((Vec::new(), last));
    }
    let mut reader = Reader::open(broker, names::ACCESS, after.saturating_add(1), PACE).await?;
    let read = read_up_to(&mut reader, last).await;
    reader.close().await;
    Ok((read?, last))
}

/// All that a reader has up to this sequence. Its server may be behind the one that was asked where the stream ends: what it says of
/// its own end proves nothing.
pub(super) async fn read_up_to(reader: &mut Reader, last: u64) -> Result<Entries, String> {
    let mut all = Vec::new();
    while reader.position() < last {
        let (records, why) = reader.next().await;
        all.extend(records.into_iter().filter_map(entry_of));
        let is_behind = reader.is_behind(last).then(|| IS_BEHIND.to_owned());
        if let Some(why) = why.or(is_behind)
            && reader.position() < last
        {
            return Err(why);
        }
    }
    Ok(all)
}

/// Applies what comes, for ever.
pub(super) async fn follow(link: AccessLink, accounts: SqliteAccounts) {
    let accounts = Arc::new(std::sync::Mutex::new(accounts));
    loop {
        let from = link.status.access_applied().saturating_add(1);
        if let Ok(mut reader) = Reader::open(&link.broker, names::ACCESS, from, HEARTBEAT).await {
            loop {
                let (records, why) = reader.next().await;
                if let Some(end) = records.last().map(|record| record.sequence) {
                    let states = records.into_iter().filter_map(entry_of).collect();
                    if !apply(&accounts, states, end).await {
                        break;
                    }
                    link.status.set_access_applied(end);
                }
                if why.is_some() || reader.is_behind(link.status.access_end()) {
                    break;
                }
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Off the cluster's thread, since it waits for the disk; whether it could be done.
async fn apply(accounts: &Arc<std::sync::Mutex<SqliteAccounts>>, states: Entries, end: u64) -> bool {
    let accounts = Arc::clone(accounts);
    let applied =
        tokio::task::spawn_blocking(move || crate::sync::lock(&accounts).apply_access(&states, Some(end))).await;
    match applied {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::error!(%error, "who may come in can't be stored on this node; it is tried again");
            false
        }
        Err(_) => false,
    }
}

fn entry_of(record: StreamRecord) -> Option<AccessEntry> {
    let StreamRecord { sequence, subject: place, payload, .. } = record;
    if place == names::RETENTION_LEASE {
        return None;
    }
    let read = serde_json::from_slice::<AccessRecord>(&payload).map_err(|error| error.to_string());
    let state = read.and_then(|AccessRecord { state, .. }| {
        let is_here = names::of_access(&state.subject()) == place;
        if is_here { Ok(state) } else { Err("it is about something else than its subject".to_owned()) }
    });
    let state = state.inspect_err(|why| {
        tracing::error!(
            subject = place,
            sequence,
            why,
            "a record of who may come in can't be read: nobody comes in by it until it is written anew (everwire user add or ban, \
             everwire room close or open)"
        );
    });
    Some(AccessEntry { place, sequence, state: state.ok() })
}

/// Brings a node's tables up to the stream's end, and makes all nodes sign tokens with one key.
pub(super) async fn catch_up(link: &AccessLink, accounts: &mut SqliteAccounts) -> Result<(), StoreError> {
    accounts.prepare_replica()?;
    let mut after = accounts.access_position()?;
    loop {
        let (records, end) = read_all(&link.broker, after).await?;
        accounts.apply_access(&records, Some(end))?;
        link.status.set_access_applied(end);
        let place = names::of_access(&Subject::Key);
        let (key, sequence) = accounts.access_state(&Subject::Key, &place)?;
        // The key of the first node is used, or of the one that writes first if two nodes are first at once. A key that
        // can't be read is written again.
        if sequence > 0 && !accounts.is_unreadable(&place)? {
            return Ok(());
        }
        if put(&link.broker, sequence, key).await?.is_none() {
            // There is one that this node does not have, wherever it is.
            after = 0;
            tokio::time::sleep(AGAIN).await;
        }
    }
}
