use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::database::{Database, RemovedStep};
use super::folder;
use super::writer::{self, Chore, Command, PATIENCE, Question, WAITING};
use crate::domain::{ReadPosition, StoredReceipts};
use crate::store::commits::{Commits, commits};
use crate::store::error::{StoreError, StoreOpenError};
use crate::store::messages::{
    Append, BoxFuture, MessageStore, Page, PageRequest, ReadQuery, ReadState, Retention, StoreOptions,
};
use crate::sync::lock;

/// How soon what writes is asked again while another program holds the database.
const PAUSE: Duration = Duration::from_millis(50);

/// The messages in SQLite. One thread owns the database: it commits what has come in meanwhile in one go, and reads pages in
/// between.
#[derive(Debug)]
pub(crate) struct SqliteStore {
    commands: Mutex<Option<mpsc::Sender<Command>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    epoch: String,
}

impl SqliteStore {
    /// Opens the history in this folder, or one in memory, and starts its thread.
    pub(crate) fn open(folder: Option<&Path>, options: &StoreOptions) -> Result<(Self, Commits), StoreOpenError> {
        let database = Database::open(folder)?;
        // What it stored alone would stand where the cluster has something else.
        if let Some(path) = folder {
            let file = || path.join(folder::FILE);
            if database.is_of_cluster().map_err(|source| StoreOpenError::File { file: file(), source })? {
                return Err(StoreOpenError::OfCluster { folder: path.to_owned() });
            }
        }
        Self::start(database, folder, options)
    }

    pub(super) fn start(
        mut database: Database,
        folder: Option<&Path>,
        options: &StoreOptions,
    ) -> Result<(Self, Commits), StoreOpenError> {
        let file = || folder.unwrap_or(Path::new(":memory:")).join(folder::FILE);
        database.begin(options).map_err(|source| StoreOpenError::File { file: file(), source })?;
        let epoch = database.epoch().to_owned();
        let (sender, receiver) = mpsc::channel(WAITING);
        let (told, commits) = commits();
        let spawned = std::thread::Builder::new()
            .name("everwire-history".into())
            .spawn(move || writer::run(database, receiver, PATIENCE, told));
        let thread =
            spawned.map_err(|source| StoreOpenError::Folder { folder: Path::new("history thread").into(), source })?;
        Ok((Self { commands: Mutex::new(Some(sender)), thread: Mutex::new(Some(thread)), epoch }, commits))
    }

    /// Of what writes: asks again while another program holds the database, up to a second. The thread does not wait for it, so
    /// that who reads does not either.
    async fn ask_in_turn<T>(
        &self,
        chore: impl Fn(oneshot::Sender<Result<T, StoreError>>) -> Chore,
    ) -> Result<T, StoreError> {
        let started = Instant::now();
        loop {
            match self.ask(|answer| Command::Write(chore(answer))).await {
                Err(error) if error.is_busy() && started.elapsed() < PATIENCE => tokio::time::sleep(PAUSE).await,
                answer => return answer,
            }
        }
    }

    pub(super) async fn ask<T>(
        &self,
        question: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Command,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let commands = self.commands().ok_or(StoreError::Closed)?;
        commands.send(question(answer)).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    pub(super) fn commands(&self) -> Option<mpsc::Sender<Command>> {
        lock(&self.commands).clone()
    }

    async fn remove(&self, retention: Retention) -> Result<u64, StoreError> {
        let mut removed = 0;
        let mut next = Some(String::new());
        while let Some(from) = next {
            let chore = |answer| Chore::Remove { retention, from: from.clone(), answer };
            let step: RemovedStep = self.ask_in_turn(chore).await?;
            removed += step.messages;
            next = step.next;
        }
        while self.ask_in_turn(|answer| Chore::Shrink { answer }).await? {}
        Ok(removed)
    }
}

impl MessageStore for SqliteStore {
    fn epoch(&self) -> &str {
        &self.epoch
    }

    fn append(&self, append: Append) -> BoxFuture<'_, bool> {
        Box::pin(async move {
            let Some(commands) = self.commands() else { return false };
            commands.send(Command::Append(append)).await.is_ok()
        })
    }

    fn flush(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.ask(|answer| Command::Write(Chore::Flush { answer })))
    }

    fn page<'a>(&'a self, room: &'a str, request: PageRequest) -> BoxFuture<'a, Result<Page, StoreError>> {
        Box::pin(self.ask(move |answer| Command::Read(Question::Page { room: room.to_owned(), from: request, answer })))
    }

    fn receipts<'a>(&'a self, room: &'a str) -> BoxFuture<'a, Result<StoredReceipts, StoreError>> {
        Box::pin(self.ask(move |answer| Command::Read(Question::Receipts { room: room.to_owned(), answer })))
    }

    fn save_receipts(&self, receipts: HashMap<String, StoredReceipts>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.ask_in_turn(move |answer| Chore::SaveReceipts { receipts: receipts.clone(), answer }))
    }

    fn read_state(&self, query: ReadQuery) -> BoxFuture<'_, Result<ReadState, StoreError>> {
        Box::pin(self.ask(|answer| Command::Read(Question::ReadState { query, answer })))
    }

    fn save_read_positions(&self, positions: Vec<ReadPosition>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.ask_in_turn(move |answer| Chore::SaveReadPositions { positions: positions.clone(), answer }))
    }

    fn check(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.ask_in_turn(|answer| Chore::Check { answer }))
    }

    fn retain(&self, retention: Retention) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(self.remove(retention))
    }

    fn close(&self) {
        lock(&self.commands).take();
        if let Some(thread) = lock(&self.thread).take()
            && thread.join().is_err()
        {
            tracing::error!("the history's thread has panicked");
        }
    }
}
