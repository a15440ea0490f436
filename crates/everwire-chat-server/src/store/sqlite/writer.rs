use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::database::{Database, RemovedStep};
#[cfg(feature = "cluster")]
use super::replica::{self, ReplicaWork};
use crate::domain::{Appended, ReadPosition, StoredReceipts};
use crate::store::commits::{Commit, CommitSender};
use crate::store::error::StoreError;
use crate::store::messages::{Append, Page, PageRequest, ReadQuery, ReadState, Retention};
#[cfg(feature = "cluster")]
use crate::store::replica::{PositionPlace, PositionsPage};

/// Messages and questions that may wait for the thread; who has more waits.
pub(super) const WAITING: usize = 4096;

#[derive(Debug)]
pub(super) enum Command {
    Append(Append),
    Read(Question),
    Write(Chore),
    #[cfg(feature = "cluster")]
    Replica(ReplicaWork),
}

/// What only reads: no other program keeps it from its answer.
#[derive(Debug)]
pub(super) enum Question {
    Page {
        room: String,
        from: PageRequest,
        answer: oneshot::Sender<Result<Page, StoreError>>,
    },
    Receipts {
        room: String,
        answer: oneshot::Sender<Result<StoredReceipts, StoreError>>,
    },
    ReadState {
        query: ReadQuery,
        answer: oneshot::Sender<Result<ReadState, StoreError>>,
    },
    #[cfg(feature = "cluster")]
    ReadPositions {
        within: Option<Duration>,
        after: Option<PositionPlace>,
        most: usize,
        answer: oneshot::Sender<Result<PositionsPage, StoreError>>,
    },
}

/// What may write, or waits until others have. It is answered at once that another program holds the database.
#[derive(Debug)]
pub(super) enum Chore {
    Remove { retention: Retention, from: String, answer: oneshot::Sender<Result<RemovedStep, StoreError>> },
    Shrink { answer: oneshot::Sender<Result<bool, StoreError>> },
    SaveReceipts { receipts: HashMap<String, StoredReceipts>, answer: oneshot::Sender<Result<(), StoreError>> },
    SaveReadPositions { positions: Vec<ReadPosition>, answer: oneshot::Sender<Result<(), StoreError>> },
    Check { answer: oneshot::Sender<Result<(), StoreError>> },
    Flush { answer: oneshot::Sender<Result<(), StoreError>> },
}

/// Messages in one commit at most, while no other program holds the database.
const TOGETHER: usize = 1024;

/// How long posts wait for another program that holds the database.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// How long the thread itself waits for it: who comes in and only reads waits as long.
const STEP: Duration = Duration::from_millis(50);

/// The thread: takes what has come in meanwhile, commits its messages in one go, answers its questions, and starts again.
/// `patience`: how long posts wait for another program that holds the database.
pub(super) fn run(database: Database, commands: mpsc::Receiver<Command>, patience: Duration, commits: CommitSender) {
    if let Err(error) = database.wait_for_others(STEP) {
        tracing::warn!(%error, "reading may wait while another program holds the history");
    }
    let queue = Queue { commands, batch: Vec::new(), waiting: VecDeque::new() };
    let mut writer =
        Writer { database, queue, appends: Vec::new(), asked: Vec::new(), commits, patience, works: Works::Unknown };
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

struct Writer {
    database: Database,
    queue: Queue,
    appends: Vec<Append>,
    asked: Vec<Question>,
    commits: CommitSender,
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

impl Writer {
    fn take(&mut self, command: Command) {
        match command {
            Command::Append(append) => self.appends.push(append),
            Command::Read(question) => {
                self.asked.push(question);
                // What was appended before the question is told before the answer, unless another program holds the database.
                self.store();
                self.answer();
            }
            Command::Write(chore) => {
                self.store();
                self.perform(chore);
            }
            #[cfg(feature = "cluster")]
            Command::Replica(work) => replica::work(&mut self.database, &self.commits, work),
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
                    self.commits.release(move || drop(answer.send(page)));
                }
                Question::Receipts { room, answer } => drop(answer.send(self.database.receipts(&room))),
                Question::ReadState { query, answer } => drop(answer.send(self.database.read_state(&query))),
                #[cfg(feature = "cluster")]
                Question::ReadPositions { within, after, most, answer } => {
                    drop(answer.send(self.database.read_positions(within, after, most)))
                }
            }
        }
    }

    fn perform(&mut self, chore: Chore) {
        match chore {
            Chore::Remove { retention, from, answer } => drop(answer.send(self.database.remove(&retention, &from))),
            Chore::Shrink { answer } => drop(answer.send(self.database.shrink())),
            Chore::SaveReceipts { receipts, answer } => drop(answer.send(self.database.save_receipts(&receipts))),
            Chore::SaveReadPositions { positions, answer } => {
                drop(answer.send(self.database.save_read_positions(&positions)))
            }
            Chore::Check { answer } => drop(answer.send(self.check())),
            Chore::Flush { answer } => self.commits.release(move || drop(answer.send(Ok(())))),
        }
    }

    fn check(&mut self) -> Result<(), StoreError> {
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
        if self.appends.is_empty() {
            return;
        }
        let started = Instant::now();
        let stored = self.store_in_turn(started);
        self.works = if stored.is_ok() { Works::Since(Instant::now()) } else { Works::No };
        let Self { appends, commits, .. } = self;
        match stored {
            Ok(appended) => {
                let took = started.elapsed();
                commits.send(Commit::Stored { appends: appends.drain(..).zip(appended).collect(), took });
            }
            Err(error) => {
                let messages = appends.len();
                tracing::error!(%error, messages, "messages could not be stored; their senders are told to try again");
                for append in appends.drain(..) {
                    append.producer.fence();
                    commits.send(Commit::Failed(append));
                }
            }
        }
    }

    /// Waits for another program that holds the database; meanwhile answers who only reads.
    fn store_in_turn(&mut self, started: Instant) -> Result<Vec<Appended>, StoreError> {
        let mut later = VecDeque::new();
        let stored = loop {
            match self.database.store(&self.appends) {
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
                Command::Append(_) | Command::Write(_) => later.push_back(command),
                #[cfg(feature = "cluster")]
                Command::Replica(_) => later.push_back(command),
            }
        }
        self.answer();
    }

    fn fail_doomed(&mut self) {
        let Self { appends, commits, .. } = self;
        let fenced = appends.extract_if(.., |append| append.producer.is_fenced());
        fenced.for_each(|append| commits.send(Commit::Failed(append)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::commits::commits;
    use crate::store::conformance::post;
    use crate::store::sqlite::database::open_shared;

    #[tokio::test]
    async fn who_only_reads_does_not_wait_while_another_program_holds_the_database() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(Some(folder.path())).unwrap();
        let other = open_shared(Some(folder.path())).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let (commands, receiver) = mpsc::channel(WAITING);
        let (sender, mut told) = commits();
        let thread = std::thread::spawn(move || run(database, receiver, Duration::MAX, sender));
        // Behind a message and what else writes, there at once or while they wait.
        for n in 0..3 {
            commands.send(Command::Append(post("a", &n.to_string()))).await.unwrap();
            let (answer, saved) = oneshot::channel();
            let chore = Chore::SaveReadPositions { positions: Vec::new(), answer };
            commands.send(Command::Write(chore)).await.unwrap();
            let (answer, page) = oneshot::channel();
            let question = Question::Page { room: "a".into(), from: PageRequest::After(0), answer };
            commands.send(Command::Read(question)).await.unwrap();
            let page = tokio::select! {
                page = page => page.unwrap().unwrap(),
                commit = told.next() => panic!("{commit:?}"),
            };
            assert_eq!(page.end, 0);
            drop(saved);
        }
        other.execute_batch("ROLLBACK").unwrap();
        let (answer, flushed) = oneshot::channel();
        commands.send(Command::Write(Chore::Flush { answer })).await.unwrap();
        let mut flushed = std::pin::pin!(flushed);
        let mut ids = Vec::new();
        loop {
            tokio::select! {
                done = &mut flushed => break done.unwrap().unwrap(),
                commit = told.next() => match commit {
                    Some(Commit::Stored { appends, .. }) => ids.extend(appends.into_iter().map(|(append, _)| append.message.id)),
                    other => panic!("{other:?}"),
                },
            }
        }
        assert_eq!(ids, ["0", "1", "2"], "in order, and none twice");
        drop(commands);
        thread.join().unwrap();
    }
}
