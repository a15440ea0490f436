//! The stored messages. One thread owns the database: it commits what has come in meanwhile in one go, tells the outcome
//! in the order of the commits, and reads pages in between. So whoever asks for a page after it has been registered for
//! the live messages misses none: what the page does not hold is told later.

mod backup;
mod folder;
mod layout;
mod sqlite;
mod writer;

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use everwire_chat_core::TextMessage;
use tokio::sync::{mpsc, oneshot};

use crate::config::Keep;
use crate::error::OpenError;
use crate::rooms::{KeptMarks, KeptPosition};
pub use backup::{Restored, backup, restore};
use sqlite::Database;
pub use sqlite::HistoryError;
pub(crate) use sqlite::{Reader, Reading, ReadingQuestion, beside, exists, write};
use writer::{Chore, Command, PATIENCE, Question};

/// Posts and questions that may wait for the thread; who has more waits.
const WAITING: usize = 4096;

/// How soon what writes is asked again while another program holds the database.
const PAUSE: Duration = Duration::from_millis(50);

/// The way to the history's thread.
#[derive(Debug)]
pub(crate) struct History {
    commands: Mutex<Option<mpsc::Sender<Command>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    epoch: String,
}

/// A message to be stored.
#[derive(Debug)]
pub(crate) struct Post {
    pub(crate) room: String,
    pub(crate) message: TextMessage,
    /// The connection it came from.
    pub(crate) origin: u64,
    /// A post of that connection has failed: none behind it may be stored, or it would be overtaken for good.
    pub(crate) doomed: Arc<AtomicBool>,
}

/// What became of posts, in the order in which they were made.
#[derive(Debug)]
pub(crate) enum Told {
    /// These were committed together: what is stored of them is stored for good.
    Committed {
        posts: Vec<(Post, Place)>,
        /// How long the disk took.
        took: Duration,
    },
    /// Nothing is stored.
    Failed(Post),
}

/// What a post's id says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It is new, and stands here.
    New(u64),
    /// It is a repeat, and stands here: nobody needs to hear of it again.
    Known(u64),
    /// It is that of another user's message: the post is not stored, and never will be.
    Taken,
}

/// A piece of the history.
#[derive(Debug)]
pub(crate) struct Page {
    /// In order.
    pub(crate) messages: Vec<TextMessage>,
    /// Where the history ended when this was read.
    pub(crate) end: u64,
    /// There are older ones; only told to whom asks for those [before](Start::Before).
    pub(crate) more: bool,
}

/// Where to read from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Start {
    /// What follows this offset.
    After(u64),
    /// So many from the end.
    Latest(u64),
    /// So many right before this offset.
    Before(u64, u64),
}

/// What is to be removed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// What was stored longer ago, by the history's own clock.
    pub(crate) kept_for: Option<Duration>,
    /// What is beyond so many in its room.
    pub(crate) most: Option<u64>,
}

/// What a server says when it opens its history.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Opening {
    /// How long messages are kept.
    pub(crate) kept_for: Option<Duration>,
    /// How users say who they are, for the commands that keep some out.
    pub(crate) auth: Option<&'static str>,
}

/// How far removing has come in one step.
#[derive(Debug)]
pub(crate) struct Removed {
    pub(crate) messages: u64,
    /// The room to go on with.
    pub(crate) next: Option<String>,
}

/// A stored message, for those who take it elsewhere.
#[derive(Debug)]
pub(crate) struct Exported {
    pub(crate) message: TextMessage,
    /// By the server's clock: milliseconds since the Unix epoch.
    pub(crate) stored: i64,
}

impl History {
    /// Opens the history in this folder, or one in memory, and starts its thread; `tell` runs there.
    pub(crate) fn open(
        folder: Option<&Path>,
        opening: &Opening,
        tell: impl FnMut(Told) + Send + 'static,
    ) -> Result<Self, OpenError> {
        let mut database = Database::open(folder)?;
        let file = || folder.unwrap_or(Path::new(":memory:")).join(folder::FILE);
        database.begin(opening).map_err(|source| OpenError::File { file: file(), source })?;
        let epoch = database.epoch().to_owned();
        let (commands, receiver) = mpsc::channel(WAITING);
        let spawned = std::thread::Builder::new()
            .name("everwire-history".into())
            .spawn(move || writer::run(database, receiver, PATIENCE, tell));
        let thread =
            spawned.map_err(|source| OpenError::Folder { folder: Path::new("history thread").into(), source })?;
        Ok(Self { commands: Mutex::new(Some(commands)), thread: Mutex::new(Some(thread)), epoch })
    }

    /// Which history this is.
    pub(crate) fn epoch(&self) -> &str {
        &self.epoch
    }

    /// Hands a message over; what becomes of it is told. False if the history has been closed.
    pub(crate) async fn post(&self, post: Post) -> bool {
        let Some(commands) = self.commands() else { return false };
        commands.send(Command::Post(post)).await.is_ok()
    }

    /// Reads a page.
    pub(crate) async fn page(&self, room: &str, from: Start) -> Result<Page, HistoryError> {
        self.ask(|answer| Command::Read(Question::Page { room: room.to_owned(), from, answer })).await
    }

    /// How far a room's messages had come when that was last stored.
    pub(crate) async fn marks(&self, room: &str) -> Result<KeptMarks, HistoryError> {
        self.ask(|answer| Command::Read(Question::Marks { room: room.to_owned(), answer })).await
    }

    /// Stores how far the messages of rooms have come.
    pub(crate) async fn keep_marks(&self, marks: HashMap<String, KeptMarks>) -> Result<(), HistoryError> {
        self.ask_in_turn(|answer| Chore::KeepMarks { marks: marks.clone(), answer }).await
    }

    /// How far a user has read a room.
    pub(crate) async fn reading(&self, question: ReadingQuestion) -> Result<Reading, HistoryError> {
        self.ask(|answer| Command::Read(Question::Reading { question, answer })).await
    }

    /// Stores how far users have read.
    pub(crate) async fn keep_positions(&self, positions: Vec<KeptPosition>) -> Result<(), HistoryError> {
        self.ask_in_turn(|answer| Chore::KeepPositions { positions: positions.clone(), answer }).await
    }

    /// Whether messages can be stored.
    pub(crate) async fn check(&self) -> Result<(), HistoryError> {
        self.ask_in_turn(|answer| Chore::Check { answer }).await
    }

    /// Waits until it has been told what became of all that was posted before. Writes nothing more: many may ask while the
    /// disk is slow or full.
    pub(crate) async fn settle(&self) -> Result<(), HistoryError> {
        self.ask(|answer| Command::Write(Chore::Settle { answer })).await
    }

    /// Removes what is not to be kept, in steps between which posts are stored, so that it can't be read in the files any
    /// more, and gives its space back; how many messages. Cancel-safe.
    pub(crate) async fn retain(&self, keep: &Keep) -> Result<u64, HistoryError> {
        let bounds = Bounds { kept_for: keep.time, most: keep.messages };
        let mut removed = 0;
        let mut next = Some(String::new());
        while let Some(from) = next {
            let step = self.ask_in_turn(|answer| Chore::Remove { bounds, from: from.clone(), answer }).await?;
            removed += step.messages;
            next = step.next;
        }
        while self.ask_in_turn(|answer| Chore::Shrink { answer }).await? {}
        Ok(removed)
    }

    /// Of what writes: asks again while another program holds the database, up to a second. The thread does not wait for it, so
    /// that who reads does not either.
    async fn ask_in_turn<T>(
        &self,
        chore: impl Fn(oneshot::Sender<Result<T, HistoryError>>) -> Chore,
    ) -> Result<T, HistoryError> {
        let started = Instant::now();
        loop {
            match self.ask(|answer| Command::Write(chore(answer))).await {
                Err(error) if error.is_busy() && started.elapsed() < PATIENCE => tokio::time::sleep(PAUSE).await,
                answer => return answer,
            }
        }
    }

    async fn ask<T>(
        &self,
        question: impl FnOnce(oneshot::Sender<Result<T, HistoryError>>) -> Command,
    ) -> Result<T, HistoryError> {
        let (answer, answered) = oneshot::channel();
        let commands = self.commands().ok_or(HistoryError::Closed)?;
        commands.send(question(answer)).await.map_err(|_| HistoryError::Closed)?;
        answered.await.map_err(|_| HistoryError::Closed)?
    }

    /// Commits what was handed over, and ends the thread. Blocks until that is done.
    pub(crate) fn close(&self) {
        lock(&self.commands).take();
        if let Some(thread) = lock(&self.thread).take()
            && thread.join().is_err()
        {
            tracing::error!("the history's thread has panicked");
        }
    }

    fn commands(&self) -> Option<mpsc::Sender<Command>> {
        lock(&self.commands).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
