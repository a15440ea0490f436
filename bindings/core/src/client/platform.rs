//! Where a client runs.

#[cfg(not(target_arch = "wasm32"))]
pub(super) use self::native::Home;
#[cfg(target_arch = "wasm32")]
pub(super) use self::page::Home;

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use std::future::Future;
    use std::sync::{Arc, Mutex, PoisonError, Weak};
    use std::thread::available_parallelism;

    use everwire::Builder;
    use tokio::runtime::{Builder as RuntimeBuilder, Runtime};

    use crate::Error;

    /// Threads beyond this serve nobody: a client is one task.
    const MAX_THREADS: usize = 4;

    /// The threads on which all clients of this process run. They end with the last client.
    #[derive(Debug)]
    pub(in crate::client) struct Home(Arc<Threads>);

    /// Always there, until the drop.
    #[derive(Debug)]
    struct Threads(Option<Runtime>);

    static THREADS: Mutex<Weak<Threads>> = Mutex::new(Weak::new());

    impl Home {
        pub(in crate::client) fn here() -> Result<Self, Error> {
            let mut threads = THREADS.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(running) = threads.upgrade() {
                return Ok(Self(running));
            }
            let count = available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
            let runtime = RuntimeBuilder::new_multi_thread()
                .worker_threads(count)
                .thread_name("everwire")
                .enable_all()
                .build()
                .map_err(|error| Error::System { problem: format!("no threads can be started: {error}") })?;
            let running = Arc::new(Threads(Some(runtime)));
            *threads = Arc::downgrade(&running);
            Ok(Self(running))
        }

        pub(in crate::client) fn build(&self, builder: Builder) -> Result<everwire::Client, Error> {
            let _inside = self.0.0.as_ref().map(Runtime::enter);
            Ok(builder.build()?)
        }

        /// Runs it to its end; the threads stay until then.
        pub(in crate::client) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
            let home = Arc::clone(&self.0);
            if let Some(runtime) = &self.0.0 {
                runtime.spawn(async move {
                    work.await;
                    drop(home);
                });
            }
        }
    }

    impl Drop for Threads {
        fn drop(&mut self) {
            // It may be one of its own threads that drops it, which must not wait for itself.
            if let Some(runtime) = self.0.take() {
                runtime.shutdown_background();
            }
        }
    }
}

#[cfg(target_arch = "wasm32")]
mod page {
    use std::future::Future;

    use everwire::Builder;

    use crate::Error;

    /// The page's event loop.
    #[derive(Debug)]
    pub(in crate::client) struct Home;

    impl Home {
        pub(in crate::client) fn here() -> Result<Self, Error> {
            Ok(Self)
        }

        pub(in crate::client) fn build(&self, builder: Builder) -> Result<everwire::Client, Error> {
            Ok(builder.build()?)
        }

        pub(in crate::client) fn spawn(&self, work: impl Future<Output = ()> + 'static) {
            wasm_bindgen_futures::spawn_local(work);
        }
    }
}
