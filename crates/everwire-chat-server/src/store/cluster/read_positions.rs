//! How far users have read. Nodes tell each other while they hear each other; what a node has missed, it asks page by page
//! of each node that it hears for the first time, or again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::client::RequestErrorKind;
use bytes::Bytes;
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::broker::Broker;
use super::connect::described;
use super::names;
use crate::domain::{ReadPosition, Rooms};
use crate::store::messages::MessageStore;
use crate::store::replica::{PositionPlace, PositionsPage};
use crate::store::sqlite::SqliteStore;
use crate::sync::lock;

/// Positions in one answer: it has to fit a message of NATS.
const TOGETHER: usize = 500;

/// What members have said of late is stored by then.
const STORED_BY: Duration = Duration::from_secs(3);

/// What was said about the time at which a node was lost is asked for, too.
const MARGIN: Duration = Duration::from_secs(10);

/// How often a page is asked for, and how soon again.
const TRIES: usize = 3;
const AGAIN: Duration = Duration::from_secs(2);

/// Another node that is heard for the first time, or again.
#[derive(Debug)]
pub(super) struct Newcomer {
    pub(super) node: String,
    /// For how long it may not have been heard, and at most as long it was not; `None`: this node has just begun.
    pub(super) apart: Option<Duration>,
}

/// A question.
#[derive(Debug, Serialize, Deserialize)]
struct Ask {
    within_ms: Option<u64>,
    after: Option<PositionPlace>,
}

/// The answer.
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    positions: Vec<ReadPosition>,
    next: Option<PositionPlace>,
}

/// Answers other nodes; never returns.
pub(super) async fn answer(broker: Broker, node: String, store: Arc<SqliteStore>) {
    loop {
        if let Ok(mut asked) = broker.client.subscribe(names::read_positions(&node)).await {
            while let Some(message) = asked.next().await {
                let Some(reply) = message.reply else { continue };
                let Ok(Ask { within_ms, after }) = serde_json::from_slice(&message.payload) else { continue };
                let within = within_ms.map(Duration::from_millis);
                let Ok(page) = store.read_positions(within, after, TOGETHER).await else { continue };
                let PositionsPage { positions, next } = page;
                let answer = serde_json::to_vec(&Answer { positions, next }).unwrap_or_default();
                // An answer that is lost is asked for again.
                let _ = broker.client.publish(reply, Bytes::from(answer)).await;
            }
        }
        sleep(AGAIN).await;
    }
}

/// Asks the newcomers, one after the other; returns when the channel is closed.
pub(super) async fn ask(
    broker: Broker,
    store: Arc<SqliteStore>,
    rooms: Arc<Mutex<Rooms>>,
    mut newcomers: mpsc::UnboundedReceiver<Newcomer>,
) {
    while let Some(Newcomer { node, apart }) = newcomers.recv().await {
        sleep(STORED_BY).await;
        let within = apart.map(|apart| apart.saturating_add(MARGIN));
        let mut after = None;
        loop {
            let Answer { positions, next } = match page(&broker, &node, within, after).await {
                Ok(answer) => answer,
                Err(why) => {
                    tracing::debug!(node, why, "another node does not tell how far users have read");
                    break;
                }
            };
            let here: Vec<ReadPosition> = {
                let mut rooms = lock(&rooms);
                positions.into_iter().inspect(|position| rooms.read_elsewhere(position)).collect()
            };
            if let Err(error) = store.save_read_positions(here).await {
                tracing::warn!(%error, "how far users have read can't be stored");
                break;
            }
            after = next;
            if after.is_none() {
                break;
            }
        }
    }
}

async fn page(
    broker: &Broker,
    node: &str,
    within: Option<Duration>,
    after: Option<PositionPlace>,
) -> Result<Answer, String> {
    let within_ms = within.map(|within| u64::try_from(within.as_millis()).unwrap_or(u64::MAX));
    let question = Bytes::from(serde_json::to_vec(&Ask { within_ms, after }).unwrap_or_default());
    let mut why = String::new();
    for _ in 0..TRIES {
        match broker.client.request(names::read_positions(node), question.clone()).await {
            Ok(message) => return serde_json::from_slice(&message.payload).map_err(|error| error.to_string()),
            // It has gone, or is an earlier version's.
            Err(error) if error.kind() == RequestErrorKind::NoResponders => return Err(described(&error)),
            Err(error) => why = described(&error),
        }
        sleep(AGAIN).await;
    }
    Err(why)
}
