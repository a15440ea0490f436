//! What a node of a cluster asks of its own SQLite.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::database::Database;
use super::folder::FILE;
use super::replica::{FolderIs, Positions, ReplicaWork, prepare};
use super::store::SqliteStore;
use super::writer::{Command, Question};
use crate::store::commits::{Commit, Commits};
use crate::store::error::{StoreError, StoreOpenError};
use crate::store::messages::StoreOptions;
use crate::store::replica::{
    Flights, Identity, LogRecord, Planned, PositionPlace, PositionsPage, RecordOutcome, RoomPosts,
};

/// A data folder that this cluster's node was to use.
#[derive(Debug)]
pub(crate) enum ReplicaOpened {
    /// With what it has applied of each stream.
    Open {
        store: SqliteStore,
        commits: Commits,
        positions: Positions,
    },
    Not(FolderIs),
}

impl SqliteStore {
    /// Opens what a node of a cluster has applied, and starts its thread.
    ///
    /// # Errors
    /// If it can't be used, or another server uses it.
    pub(crate) fn open_replica(
        folder: &Path,
        options: &StoreOptions,
        identity: &Identity,
    ) -> Result<ReplicaOpened, StoreOpenError> {
        let mut database = Database::open(Some(folder))?;
        let file = || folder.join(FILE);
        let (found, positions) =
            prepare(&mut database, identity).map_err(|source| StoreOpenError::File { file: file(), source })?;
        if found != FolderIs::Ours {
            return Ok(ReplicaOpened::Not(found));
        }
        let (store, commits) = Self::start(database, Some(folder), options)?;
        Ok(ReplicaOpened::Open { store, commits, positions })
    }

    /// What these posts would become now, by room. `None`: the store is closed.
    pub(crate) async fn plan(&self, runs: Vec<RoomPosts>) -> Option<Planned> {
        let (answer, answered) = oneshot::channel();
        self.commands()?.send(Command::Replica(ReplicaWork::Plan { runs, answer })).await.ok()?;
        answered.await.ok()
    }

    /// Applies records of one stream in order, and tells of them; what became of each that was looked at.
    pub(crate) async fn apply(
        &self,
        records: Vec<LogRecord>,
        is_gap_fine: bool,
        flights: Arc<Flights>,
    ) -> Result<Vec<RecordOutcome>, StoreError> {
        self.ask(|answer| Command::Replica(ReplicaWork::Apply { records, is_gap_fine, flights, answer })).await
    }

    /// What was applied last of each shard.
    pub(crate) async fn positions(&self) -> Result<Positions, StoreError> {
        self.ask(|answer| Command::Replica(ReplicaWork::Positions { answer })).await
    }

    /// Up to `most` read positions that have risen within a time, or all; behind the place that an earlier page has told.
    pub(crate) async fn read_positions(
        &self,
        within: Option<Duration>,
        after: Option<PositionPlace>,
        most: usize,
    ) -> Result<PositionsPage, StoreError> {
        self.ask(|answer| Command::Read(Question::ReadPositions { within, after, most, answer })).await
    }

    /// Rooms with records that hold nothing but what was removed here, and the first record to be kept of each.
    pub(crate) async fn surplus_records(&self) -> Result<Vec<(String, u64)>, StoreError> {
        self.ask(|answer| Command::Replica(ReplicaWork::Surplus { answer })).await
    }

    /// What is before these records is not looked at any more.
    pub(crate) async fn forget_records(&self, kept_from: Vec<(String, u64)>) {
        if let Some(sender) = self.commands() {
            let _ = sender.send(Command::Replica(ReplicaWork::Forget(kept_from))).await;
        }
    }

    /// Tells of these in order with all else that is told.
    pub(crate) async fn tell(&self, commits: Vec<Commit>) {
        if let Some(sender) = self.commands() {
            let _ = sender.send(Command::Replica(ReplicaWork::Tell(commits))).await;
        }
    }
}
