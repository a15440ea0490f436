//! The thread on which a store works: it may block there without holding up anything else.

use std::sync::mpsc;
use std::task::{Context, Poll};
use std::thread::JoinHandle;

use everwire_core::Input;
use everwire_core::store::{BatchId, StoreOp};
use tokio::sync::mpsc as news;

use super::Store;

/// A store at work. When this is dropped, what it is at is finished first.
#[derive(Debug)]
pub(crate) struct StoreThread {
    jobs: Option<mpsc::Sender<(BatchId, Vec<StoreOp>)>>,
    done: news::UnboundedReceiver<Input>,
    thread: Option<JoinHandle<()>>,
}

impl StoreThread {
    pub(crate) fn start(mut store: Box<dyn Store>) -> std::io::Result<Self> {
        // At most one job at a time is under way, so neither channel ever holds more than one thing.
        let (jobs, todo) = mpsc::channel::<(BatchId, Vec<StoreOp>)>();
        let (tell, done) = news::unbounded_channel();
        let work = move || {
            for (batch, ops) in todo {
                let told = match store.commit(&ops) {
                    Ok(()) => Input::Persisted(batch),
                    Err(error) => Input::PersistFailed { batch, ops, reason: in_words(&error) },
                };
                // Nobody listens any more only when the client has ended.
                let _ = tell.send(told);
            }
        };
        let thread = std::thread::Builder::new().name("everwire-store".into()).spawn(work)?;
        Ok(Self { jobs: Some(jobs), done, thread: Some(thread) })
    }

    pub(crate) fn persist(&self, batch: BatchId, ops: Vec<StoreOp>) {
        if let Some(jobs) = &self.jobs {
            // The thread ends only after us, or by a panic of the store's: then nothing is said to be durable any more.
            let _ = jobs.send((batch, ops));
        }
    }

    pub(crate) fn poll_done(&mut self, cx: &mut Context<'_>) -> Poll<Input> {
        match self.done.poll_recv(cx) {
            Poll::Ready(Some(done)) => Poll::Ready(done),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for StoreThread {
    /// Whoever opens the store next finds it closed.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn in_words(error: &super::StoreError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
