use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::sqlite::{Database, HistoryError, Reading, ReadingQuestion};
use super::{Bounds, Page, Post, Removed, Start, Told};
use crate::rooms::{KeptMarks, KeptPosition};

#[derive(Debug)]
pub(super) enum Command {
    Post(Post),
    Page { room: String, from: Start, answer: oneshot::Sender<Result<Page, HistoryError>> },
    Remove { bounds: Bounds, from: String, answer: oneshot::Sender<Result<Removed, HistoryError>> },
    Shrink { answer: oneshot::Sender<Result<bool, HistoryError>> },
    Marks { room: String, answer: oneshot::Sender<Result<KeptMarks, HistoryError>> },
    KeepMarks { marks: HashMap<String, KeptMarks>, answer: oneshot::Sender<Result<(), HistoryError>> },
    Reading { question: ReadingQuestion, answer: oneshot::Sender<Result<Reading, HistoryError>> },
    KeepPositions { positions: Vec<KeptPosition>, answer: oneshot::Sender<Result<(), HistoryError>> },
    Check { answer: oneshot::Sender<Result<(), HistoryError>> },
    Settle { answer: oneshot::Sender<Result<(), HistoryError>> },
}

/// Messages in one commit at most.
const TOGETHER: usize = 1024;

/// The thread: takes what has come in meanwhile, commits its posts in one go, answers its questions, and starts again.
pub(super) fn run(database: Database, mut commands: mpsc::Receiver<Command>, tell: impl FnMut(Told)) {
    let mut writer = Writer { database, posts: Vec::new(), tell, works: Works::Unknown };
    let mut batch = Vec::new();
    while commands.blocking_recv_many(&mut batch, TOGETHER) > 0 {
        for command in batch.drain(..) {
            writer.take(command);
        }
        writer.store();
    }
    if let Err(error) = writer.database.save_clock() {
        tracing::warn!(%error, "where the history's clock stands can't be stored");
    }
}

struct Writer<T> {
    database: Database,
    posts: Vec<Post>,
    tell: T,
    works: Works,
}

/// What is known of whether something can be stored.
#[derive(Clone, Copy, Debug)]
enum Works {
    Unknown,
    /// It could be at this time.
    Since(Instant),
    /// It could not be when it was last tried.
    No,
}

/// What was stored so recently speaks for now: however many ask, the disk has work once in so long.
const SPEAKS_FOR: Duration = Duration::from_secs(1);

/// Bytes that are stored to see whether something can be; and after something could not be: as many as a large message
/// needs, since a disk that is full still takes a few.
const PROBE: usize = 16;
const LARGE_PROBE: usize = 64 << 10;

impl<T: FnMut(Told)> Writer<T> {
    /// Questions: answering fails only if the asker has gone.
    fn take(&mut self, command: Command) {
        match command {
            Command::Post(post) => self.posts.push(post),
            Command::Page { room, from, answer } => {
                // What was posted before the question is told before the answer.
                self.store();
                let page = self.database.page(&room, from);
                if let Err(error) = &page {
                    self.database.note(error);
                }
                let _ = answer.send(page);
            }
            Command::Remove { bounds, from, answer } => {
                self.store();
                let _ = answer.send(self.database.remove(&bounds, &from));
            }
            Command::Shrink { answer } => {
                self.store();
                let _ = answer.send(self.database.shrink());
            }
            Command::Marks { room, answer } => {
                let _ = answer.send(self.database.marks(&room));
            }
            Command::KeepMarks { marks, answer } => {
                self.store();
                let _ = answer.send(self.database.keep_marks(&marks));
            }
            Command::Reading { question, answer } => {
                let _ = answer.send(self.database.reading(&question));
            }
            Command::KeepPositions { positions, answer } => {
                self.store();
                let _ = answer.send(self.database.keep_positions(&positions));
            }
            Command::Check { answer } => {
                self.store();
                let _ = answer.send(self.check());
            }
            Command::Settle { answer } => {
                self.store();
                let _ = answer.send(Ok(()));
            }
        }
    }

    fn check(&mut self) -> Result<(), HistoryError> {
        let checked = match self.works {
            Works::Since(at) if at.elapsed() < SPEAKS_FOR => return self.database.check_files(),
            Works::Since(_) | Works::Unknown => self.database.check(PROBE),
            Works::No => self.database.check(LARGE_PROBE),
        };
        self.works = if checked.is_ok() { Works::Since(Instant::now()) } else { Works::No };
        checked
    }

    fn store(&mut self) {
        let Self { database, posts, tell, works } = self;
        let doomed = posts.extract_if(.., |post| post.doomed.load(Ordering::Relaxed));
        doomed.for_each(|post| tell(Told::Failed(post)));
        if posts.is_empty() {
            return;
        }
        let started = Instant::now();
        let stored = database.store(posts);
        *works = if stored.is_ok() { Works::Since(Instant::now()) } else { Works::No };
        match stored {
            Ok(places) => {
                let took = started.elapsed();
                tell(Told::Committed { posts: posts.drain(..).zip(places).collect(), took });
            }
            Err(error) => {
                let messages = posts.len();
                tracing::error!(%error, messages, "messages could not be stored; their senders are told to try again");
                for post in posts.drain(..) {
                    post.doomed.store(true, Ordering::Relaxed);
                    tell(Told::Failed(post));
                }
            }
        }
    }
}
