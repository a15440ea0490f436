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
    use std::any::Any;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::mpsc;
    use std::task::{Context, Poll, ready};

    use everwire_core::Input;
    use everwire_core::store::{BatchId, StoreOp};
    use tokio::sync::mpsc as news;

    use super::super::{Store, StoreError, StoreErrorKind};
    use super::told;

    /// A store at work. When this is dropped, the thread finishes what it is at, closes the store and ends, and nobody waits
    /// for that: a store may need the very thread that would.
    #[derive(Debug)]
    pub(crate) struct StoreThread {
        jobs: Option<mpsc::Sender<(BatchId, Vec<StoreOp>)>>,
        done: news::UnboundedReceiver<Input>,
        /// The answer to a batch that found no thread.
        unanswered: Option<Input>,
    }

    impl StoreThread {
        pub(crate) fn start(mut store: Box<dyn Store>) -> std::io::Result<Self> {
            // At most one job at a time is under way, so neither channel ever holds more than one thing.
            let (jobs, todo) = mpsc::channel::<(BatchId, Vec<StoreOp>)>();
            let (tell, done) = news::unbounded_channel();
            let work = move || {
                for (batch, ops) in todo {
                    // After a panic it is asked again, as after any failure: the steps are the same then.
                    let committed = catch_unwind(AssertUnwindSafe(|| store.commit(&ops)));
                    let committed = committed.unwrap_or_else(|panic| Err(panicked(panic)));
                    // Nobody listens any more only when the client has ended.
                    let _ = tell.send(told(batch, ops, committed));
                }
                // Only then `done` ends, which says that the store is closed. A panic ends it as well.
                drop(store);
                drop(tell);
            };
            // Not joined: it says by itself when it is done.
            std::thread::Builder::new().name("everwire-store".into()).spawn(work)?;
            Ok(Self { jobs: Some(jobs), done, unanswered: None })
        }

        /// Hands a batch over. Whether the answer is there already.
        pub(crate) fn persist(&mut self, batch: BatchId, ops: Vec<StoreOp>) -> bool {
            let refused = match &self.jobs {
                Some(jobs) => jobs.send((batch, ops)).err().map(|refused| refused.0),
                None => Some((batch, ops)),
            };
            if let Some((batch, ops)) = refused {
                self.unanswered = Some(told(batch, ops, Err(failed("the store's thread has ended"))));
            }
            self.unanswered.is_some()
        }

        pub(crate) fn poll_done(&mut self, cx: &mut Context<'_>) -> Poll<Input> {
            if let Some(done) = self.unanswered.take() {
                return Poll::Ready(done);
            }
            match self.done.poll_recv(cx) {
                Poll::Ready(Some(done)) => Poll::Ready(done),
                Poll::Ready(None) | Poll::Pending => Poll::Pending,
            }
        }

        /// Ready when the store is closed, so that it can be opened again.
        pub(crate) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()> {
            self.jobs = None;
            while ready!(self.done.poll_recv(cx)).is_some() {}
            Poll::Ready(())
        }
    }

    fn panicked(panic: Box<dyn Any + Send>) -> StoreError {
        let error = failed(&format!("the store panicked: {}", words(&*panic)));
        // Its drop may panic as well, and would end the thread without a word.
        std::mem::forget(panic);
        error
    }

    fn failed(words: &str) -> StoreError {
        StoreError::new(StoreErrorKind::Io, words)
    }

    fn words(panic: &(dyn Any + Send)) -> &str {
        let text = panic.downcast_ref::<&str>().copied();
        text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without words")
    }

    #[cfg(test)]
    mod tests {
        use std::task::{Context, Poll, Waker};

        use everwire_core::store::BatchId;
        use everwire_core::{Input, MessageId};

        use super::{StoreOp, StoreThread, mpsc, news};

        #[test]
        fn a_batch_for_a_thread_that_is_gone_fails_in_words_and_is_given_back() {
            let (jobs, todo) = mpsc::channel();
            let (tell, done) = news::unbounded_channel();
            drop((todo, tell));
            let mut store = StoreThread { jobs: Some(jobs), done, unanswered: None };
            let mut cx = Context::from_waker(Waker::noop());
            assert!(store.poll_done(&mut cx).is_pending(), "nothing was asked");
            for number in 1..=2 {
                let steps = vec![StoreOp::Remove { first: MessageId(number), last: MessageId(number) }];
                assert!(store.persist(BatchId(number), steps.clone()), "the answer is there already");
                let Poll::Ready(Input::PersistFailed { batch, ops, reason }) = store.poll_done(&mut cx) else {
                    panic!("no word of the failure")
                };
                assert_eq!((batch, ops, &*reason), (BatchId(number), steps, "the store's thread has ended"));
            }
            assert!(store.poll_close(&mut cx).is_ready());
        }
    }
}

#[cfg(target_arch = "wasm32")]
mod page {
    use std::task::{Context, Poll, ready};

    use everwire_core::Input;
    use everwire_core::store::{BatchId, StoreOp};

    use super::super::{Committing, Store};
    use super::told;

    /// A store that does what it is asked at once, or has the browser do it.
    pub(crate) struct StoreThread {
        store: Box<dyn Store>,
        under_way: Option<(BatchId, Vec<StoreOp>, Committing)>,
    }

    impl StoreThread {
        pub(crate) fn start(store: Box<dyn Store>) -> std::io::Result<Self> {
            Ok(Self { store, under_way: None })
        }

        /// At most one job at a time is under way. What becomes of it has to be asked: most have done it by then.
        pub(crate) fn persist(&mut self, batch: BatchId, ops: Vec<StoreOp>) -> bool {
            let committing = self.store.commit_later(&ops);
            self.under_way = Some((batch, ops, committing));
            true
        }

        pub(crate) fn poll_done(&mut self, cx: &mut Context<'_>) -> Poll<Input> {
            let Some((_, _, committing)) = &mut self.under_way else { return Poll::Pending };
            let committed = ready!(committing.as_mut().poll(cx));
            match self.under_way.take() {
                Some((batch, ops, _)) => Poll::Ready(told(batch, ops, committed)),
                None => Poll::Pending,
            }
        }

        /// Ready when the commit that is under way has ended.
        pub(crate) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()> {
            let _ = self.poll_done(cx);
            if self.under_way.is_none() { Poll::Ready(()) } else { Poll::Pending }
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
