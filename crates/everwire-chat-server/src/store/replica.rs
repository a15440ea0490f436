//! What the nodes of a cluster agree on: runs of posts, and what a node makes of them.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use everwire_chat_core::TextMessage;
use everwire_chat_core::wire::WireStatus;
use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::messages::Append;
use crate::domain::{Appended, ReadPosition};
use crate::sync::lock;

/// Which cluster, and which of its histories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) cluster: String,
    /// What clients know the history by.
    pub(crate) epoch: String,
}

/// Posts of one room that are appended together: one record of the log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Run {
    /// Of this run, wherever it is met.
    pub(crate) id: String,
    pub(crate) room: String,
    /// The sequence of the room's record before this one; 0: there was none. A run whose author was mistaken in this is void.
    pub(crate) after: u64,
    /// The offset of the first post; the others follow it.
    pub(crate) first: u64,
    /// By the author's clock, never before that of the room's last post: milliseconds since the Unix epoch.
    pub(crate) stored: i64,
    pub(crate) posts: Vec<Post>,
}

impl Run {
    /// Whether any node could have made it.
    pub(crate) fn is_possible(&self) -> bool {
        let count = i64::try_from(self.posts.len()).unwrap_or(i64::MAX);
        let end = i64::try_from(self.first).ok().and_then(|first| first.checked_add(count));
        self.first > 0 && count > 0 && end.is_some() && i64::try_from(self.after).is_ok()
    }
}

/// Some of the read positions of a node.
#[derive(Debug)]
pub(crate) struct PositionsPage {
    pub(crate) positions: Vec<ReadPosition>,
    /// Behind which the next page begins, if there is one.
    pub(crate) next: Option<PositionPlace>,
}

/// A place among the read positions of a node, in the order in which they have risen.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct PositionPlace {
    /// By the clock of the node's history.
    pub(crate) touched: i64,
    pub(crate) room: String,
    pub(crate) user: String,
}

/// A post in a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Post {
    id: String,
    user: String,
    name: String,
    text: String,
    sent: i64,
}

impl Post {
    pub(crate) fn of(message: &TextMessage) -> Self {
        let TextMessage { id, user_id, user_name, text, timestamp, .. } = message.clone();
        Self { id, user: user_id, name: user_name, text, sent: timestamp }
    }

    pub(crate) fn message(&self, offset: u64) -> TextMessage {
        let Self { id, user, name, text, sent } = self.clone();
        TextMessage {
            id,
            user_id: user,
            user_name: name,
            text,
            timestamp: sent,
            status: WireStatus::Sent,
            offset: Some(offset),
        }
    }
}

/// A record where it stands in the log.
#[derive(Clone, Debug)]
pub(crate) struct LogRecord {
    pub(crate) shard: usize,
    pub(crate) sequence: u64,
    /// Each room has its own.
    pub(crate) subject: String,
    /// Why it can't be read, if it can't.
    pub(crate) run: Result<Run, String>,
}

/// What a node made of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordOutcome {
    Applied,
    /// Applied before.
    Known,
    /// Its author did not know the room's end; as if it were not there.
    Void,
    /// It can't be read, on no node; as if it were not there.
    Unreadable,
    /// The record that it follows has not been applied. Nothing behind this one was looked at.
    Gap,
}

/// Posts of one room that are to be planned.
#[derive(Debug)]
pub(crate) struct RoomPosts {
    pub(crate) room: String,
    /// Of the room, in the log.
    pub(crate) subject: String,
    pub(crate) posts: Vec<Append>,
}

/// What a node would append now to a room, and behind what.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) room: String,
    /// The sequence of the room's last record.
    pub(crate) after: u64,
    pub(crate) first: u64,
    pub(crate) stored: i64,
    /// Each append with what becomes of it if the run is committed.
    pub(crate) appends: Vec<(Append, Appended)>,
}

/// What was asked of a store that plans.
#[derive(Debug)]
pub(crate) enum Planned {
    Plans(Vec<Plan>),
    /// Nothing could be read; the posts as they were.
    Failed(StoreError, Vec<RoomPosts>),
}

/// Runs of this node that are on their way, by their ids.
#[derive(Debug, Default)]
pub(crate) struct Flights(Mutex<HashMap<String, Flight>>);

#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) appends: Vec<(Append, Appended)>,
    pub(crate) since: Instant,
}

impl Flights {
    pub(crate) fn put(&self, run: &str, appends: Vec<(Append, Appended)>) {
        lock(&self.0).insert(run.to_owned(), Flight { appends, since: Instant::now() });
    }

    /// The caller that takes a flight reports its outcome.
    pub(crate) fn take(&self, run: &str) -> Option<Flight> {
        lock(&self.0).remove(run)
    }
}

impl Flight {
    pub(crate) fn took(&self) -> Duration {
        self.since.elapsed()
    }
}
