use std::collections::{HashMap, VecDeque};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::sqlite::{Database, HistoryError, Reading, ReadingQuestion};
use super::{Bounds, Page, Place, Post, Removed, Start, Told, WAITING};
use crate::rooms::{KeptMarks, KeptPosition};

#[derive(Debug)]
pub(super) enum Command {
    Post(Post),
    Read(Question),
    Write(Chore),
}

/// What only reads: no other program keeps it from its answer.
#[derive(Debug)]
pub(super) enum Question {
    Page { room: String, from: Start, answer: oneshot::Sender<Result<Page, HistoryError>> },
    Marks { room: String, answer: oneshot::Sender<Result<KeptMarks, HistoryError>> },
    Reading { question: ReadingQuestion, answer: oneshot::Sender<Result<Reading, HistoryError>> },
}

/// What may write, or waits until others have. It is answered at once that another program holds the database.
#[derive(Debug)]
pub(super) enum Chore {
    Remove { bounds: Bounds, from: String, answer: oneshot::Sender<Result<Removed, HistoryError>> },
    Shrink { answer: oneshot::Sender<Result<bool, HistoryError>> },
    KeepMarks { marks: HashMap<String, KeptMarks>, answer: oneshot::Sender<Result<(), HistoryError>> },
    KeepPositions { positions: Vec<KeptPosition>, answer: oneshot::Sender<Result<(), HistoryError>> },
    Check { answer: oneshot::Sender<Result<(), HistoryError>> },
    Settle { answer: oneshot::Sender<Result<(), HistoryError>> },
}

/// Messages in one commit at most, while no other program holds the database.
const TOGETHER: usize = 1024;

/// How long posts wait for another program that holds the database.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// How long the thread itself waits for it: who comes in and only reads waits as long.
const STEP: Duration = Duration::from_millis(50);

/// The thread: takes what has come in meanwhile, commits its posts in one go, answers its questions, and starts again.
/// `patience`: how long posts wait for another program that holds the database.
pub(super) fn run(database: Database, commands: mpsc::Receiver<Command>, patience: Duration, tell: impl FnMut(Told)) {
    if let Err(error) = database.wait_for_others(STEP) {
        tracing::warn!(%error, "reading may wait while another program holds the history");
    }
    let queue = Queue { commands, batch: Vec::new(), waiting: VecDeque::new() };
    let mut writer =
        Writer { database, queue, posts: Vec::new(), asked: Vec::new(), tell, patience, works: Works::Unknown };
    while writer.queue.fill() {
        while let Some(command) = writer.queue.waiting.pop_front() {
            writer.take(command);
        }
        writer.store();
    }
    let saved = writer.database.wait_for_others(PATIENCE).and_then(|()| writer.database.save_clock());
    if let Err(error) = saved {
        tracing::warn!(%error, "where the history's clock stands can't be stored");
    }
}

/// What has come in, in order.
struct Queue {
    commands: mpsc::Receiver<Command>,
    batch: Vec<Command>,
    waiting: VecDeque<Command>,
}

impl Queue {
    /// Waits for something. False if nothing comes any more.
    fn fill(&mut self) -> bool {
        let count = self.commands.blocking_recv_many(&mut self.batch, TOGETHER);
        self.waiting.extend(self.batch.drain(..));
        count > 0
    }

    /// What is there now.
    fn next(&mut self) -> Option<Command> {
        self.waiting.pop_front().or_else(|| self.commands.try_recv().ok())
    }
}

struct Writer<T> {
    database: Database,
    queue: Queue,
    posts: Vec<Post>,
    asked: Vec<Question>,
    tell: T,
    patience: Duration,
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
    fn take(&mut self, command: Command) {
        match command {
            Command::Post(post) => self.posts.push(post),
            Command::Read(question) => {
                self.asked.push(question);
                // What was posted before the question is told before the answer, unless another program holds the database.
                self.store();
                self.answer();
            }
            Command::Write(chore) => {
                self.store();
                self.perform(chore);
            }
        }
    }

    /// Answering fails only if the asker has gone.
    fn answer(&mut self) {
        for question in self.asked.drain(..) {
            match question {
                Question::Page { room, from, answer } => {
                    let page = self.database.page(&room, from);
                    if let Err(error) = &page {
                        self.database.note(error);
                    }
                    let _ = answer.send(page);
                }
                Question::Marks { room, answer } => drop(answer.send(self.database.marks(&room))),
                Question::Reading { question, answer } => drop(answer.send(self.database.reading(&question))),
            }
        }
    }

    fn perform(&mut self, chore: Chore) {
        match chore {
            Chore::Remove { bounds, from, answer } => drop(answer.send(self.database.remove(&bounds, &from))),
            Chore::Shrink { answer } => drop(answer.send(self.database.shrink())),
            Chore::KeepMarks { marks, answer } => drop(answer.send(self.database.keep_marks(&marks))),
            Chore::KeepPositions { positions, answer } => drop(answer.send(self.database.keep_positions(&positions))),
            Chore::Check { answer } => drop(answer.send(self.check())),
            Chore::Settle { answer } => drop(answer.send(Ok(()))),
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
        self.fail_doomed();
        if self.posts.is_empty() {
            return;
        }
        let started = Instant::now();
        let stored = self.store_in_turn(started);
        self.works = if stored.is_ok() { Works::Since(Instant::now()) } else { Works::No };
        let Self { posts, tell, .. } = self;
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

    /// Waits for another program that holds the database; meanwhile answers who only reads.
    fn store_in_turn(&mut self, started: Instant) -> Result<Vec<Place>, HistoryError> {
        let mut later = VecDeque::new();
        let stored = loop {
            match self.database.store(&self.posts) {
                Err(error) if error.is_busy() && started.elapsed() < self.patience => self.answer_meanwhile(&mut later),
                stored => break stored,
            }
        };
        later.append(&mut self.queue.waiting);
        self.queue.waiting = later;
        stored
    }

    /// What writes waits in `later`, in order.
    fn answer_meanwhile(&mut self, later: &mut VecDeque<Command>) {
        self.answer();
        while later.len() < WAITING
            && let Some(command) = self.queue.next()
        {
            match command {
                Command::Read(question) => self.asked.push(question),
                Command::Post(_) | Command::Write(_) => later.push_back(command),
            }
        }
        self.answer();
    }

    fn fail_doomed(&mut self) {
        let Self { posts, tell, .. } = self;
        let doomed = posts.extract_if(.., |post| post.doomed.load(Ordering::Relaxed));
        doomed.for_each(|post| tell(Told::Failed(post)));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::history::beside;
    use crate::history::tests::post;

    #[tokio::test]
    async fn who_only_reads_does_not_wait_while_another_program_holds_the_database() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(Some(folder.path())).unwrap();
        let other = beside(Some(folder.path())).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let (commands, receiver) = mpsc::channel(WAITING);
        let told = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&told);
        let thread = std::thread::spawn(move || {
            run(database, receiver, Duration::MAX, move |what| match what {
                Told::Committed { posts, .. } => drop(counted.fetch_add(posts.len(), Ordering::SeqCst)),
                Told::Failed(post) => panic!("{post:?} has failed"),
            });
        });
        // Behind a post and what else writes, there at once or while they wait.
        for n in 0..3 {
            commands.send(Command::Post(post("a", &n.to_string()))).await.unwrap();
            let (answer, kept) = oneshot::channel();
            let chore = Chore::KeepPositions { positions: Vec::new(), answer };
            commands.send(Command::Write(chore)).await.unwrap();
            let (answer, page) = oneshot::channel();
            let question = Question::Page { room: "a".into(), from: Start::After(0), answer };
            commands.send(Command::Read(question)).await.unwrap();
            assert_eq!(page.await.unwrap().unwrap().end, 0);
            assert_eq!(told.load(Ordering::SeqCst), 0);
            drop(kept);
        }
        other.execute_batch("ROLLBACK").unwrap();
        let (answer, settled) = oneshot::channel();
        commands.send(Command::Write(Chore::Settle { answer })).await.unwrap();
        settled.await.unwrap().unwrap();
        assert_eq!(told.load(Ordering::SeqCst), 3, "in order, and none twice");
        drop(commands);
        thread.join().unwrap();
    }
}
