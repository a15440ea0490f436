use std::fmt;
use std::time::Duration;

use tokio::sync::mpsc;

use super::messages::Append;
use crate::domain::Appended;

/// Steps that may wait to be told; a store with more waits. A commit holds as many messages as came while the one before was on
/// its way to the disk.
const MOST_WAITING: usize = 16;

/// What became of appended messages, in the order in which they were appended.
#[derive(Debug)]
pub(crate) enum Commit {
    /// These were committed together: what is stored of them is stored for good.
    Stored {
        appends: Vec<(Append, Appended)>,
        /// How long the disk took.
        took: Duration,
    },
    /// Other servers of the cluster have committed these.
    #[cfg(feature = "cluster")]
    Replicated { appends: Vec<(Append, Appended)> },
    /// Nothing is stored; the producer is fenced.
    Failed(Append),
}

/// A store's commits, as a stream. One task tells them to the rooms.
#[derive(Debug)]
pub(crate) struct Commits(mpsc::Receiver<Step>);

/// The store's end of its commits.
#[derive(Debug)]
pub(super) struct CommitSender(mpsc::Sender<Step>);

enum Step {
    Commit(Commit),
    /// An answer that is held back until what was committed before has been told.
    Release(Release),
}

type Release = Box<dyn FnOnce() + Send>;

pub(super) fn commits() -> (CommitSender, Commits) {
    let (sender, receiver) = mpsc::channel(MOST_WAITING);
    (CommitSender(sender), Commits(receiver))
}

impl Commits {
    /// The next commit; to ask for it says that all before have been told. `None`: the store was closed. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<Commit> {
        loop {
            match self.0.recv().await? {
                Step::Commit(commit) => return Some(commit),
                Step::Release(answer) => answer(),
            }
        }
    }
}

impl CommitSender {
    /// Tells of a commit. Blocks while too many wait; where nobody listens any more, nobody is told.
    pub(super) fn send(&self, commit: Commit) {
        let _ = self.0.blocking_send(Step::Commit(commit));
    }

    /// Answers once everything that was committed before has been told. Blocks as [`send`](Self::send).
    pub(super) fn release(&self, answer: impl FnOnce() + Send + 'static) {
        if let Err(mpsc::error::SendError(Step::Release(answer))) =
            self.0.blocking_send(Step::Release(Box::new(answer)))
        {
            answer();
        }
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Commit(commit) => commit.fmt(f),
            Self::Release(_) => f.write_str("Release"),
        }
    }
}
