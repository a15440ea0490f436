//! Where a store works: on a thread of its own, where it may block without holding up anything else; in a page, on the page's.

use everwire_core::Input;
use everwire_core::store::{BatchId, StoreOp};

use super::StoreError;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::StoreThread;
#[cfg(target_arch = "wasm32")]
pub(crate) use page::StoreThread;

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use std::sync::mpsc;
    use std::task::{Context, Poll};
    use std::thread::JoinHandle;

    use everwire_core::Input;
    use everwire_core::store::{BatchId, StoreOp};
    use tokio::sync::mpsc as news;

    use super::super::Store;
    use super::told;

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
                    let committed = store.commit(&ops);
                    // Nobody listens any more only when the client has ended.
                    let _ = tell.send(told(batch, ops, committed));
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
}

#[cfg(target_arch = "wasm32")]
mod page {
    use std::sync::{Mutex, PoisonError};
    use std::task::{Context, Poll};

    use everwire_core::Input;
    use everwire_core::store::{BatchId, StoreOp};
    use tokio::sync::mpsc;

    use super::super::Store;
    use super::told;

    /// A store that does at once what it is asked.
    pub(crate) struct StoreThread {
        store: Mutex<Box<dyn Store>>,
        tell: mpsc::UnboundedSender<Input>,
        done: mpsc::UnboundedReceiver<Input>,
    }

    impl StoreThread {
        pub(crate) fn start(store: Box<dyn Store>) -> std::io::Result<Self> {
            // At most one job at a time is under way, so the channel never holds more than one thing.
            let (tell, done) = mpsc::unbounded_channel();
            Ok(Self { store: Mutex::new(store), tell, done })
        }

        pub(crate) fn persist(&self, batch: BatchId, ops: Vec<StoreOp>) {
            let committed = self.store.lock().unwrap_or_else(PoisonError::into_inner).commit(&ops);
            let _ = self.tell.send(told(batch, ops, committed));
        }

        pub(crate) fn poll_done(&mut self, cx: &mut Context<'_>) -> Poll<Input> {
            match self.done.poll_recv(cx) {
                Poll::Ready(Some(done)) => Poll::Ready(done),
                Poll::Ready(None) | Poll::Pending => Poll::Pending,
            }
        }
    }

    impl std::fmt::Debug for StoreThread {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("StoreThread")
        }
    }
}

fn told(batch: BatchId, ops: Vec<StoreOp>, committed: Result<(), StoreError>) -> Input {
    match committed {
        Ok(()) => Input::Persisted(batch),
        Err(error) => Input::PersistFailed { batch, ops, reason: in_words(&error) },
    }
}

fn in_words(error: &StoreError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
