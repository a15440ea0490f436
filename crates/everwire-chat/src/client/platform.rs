//! Tasks and the alarm: tokio's, or the page's.

#[cfg(not(target_arch = "wasm32"))]
pub(super) use native::{Instant, Spawner, Task, sleep_until};
#[cfg(target_arch = "wasm32")]
pub(super) use page::{Instant, Spawner, Task, sleep_until};

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use tokio::runtime::Handle;
    use tokio::task::JoinHandle;
    pub(in super::super) use tokio::time::{Instant, sleep_until};

    /// Starts tasks from any thread, on the runtime in which it was made.
    #[derive(Debug)]
    pub(in super::super) struct Spawner(Handle);

    /// Ended when dropped.
    #[derive(Debug)]
    pub(in super::super) struct Task(JoinHandle<()>);

    impl Spawner {
        pub(in super::super) fn current() -> Self {
            Self(Handle::current())
        }

        pub(in super::super) fn task(&self, work: impl Future<Output = ()> + Send + 'static) -> Task {
            Task(self.0.spawn(work))
        }

        /// One that ends by itself.
        pub(in super::super) fn detached(&self, work: impl Future<Output = ()> + Send + 'static) {
            self.0.spawn(work);
        }
    }

    impl Task {
        /// Returns when it has ended by itself.
        pub(in super::super) async fn ended(&mut self) {
            let _ = (&mut self.0).await;
        }
    }

    impl Drop for Task {
        fn drop(&mut self) {
            self.0.abort();
        }
    }
}

#[cfg(target_arch = "wasm32")]
mod page {
    use std::time::Duration;

    use gloo_timers::future::sleep;
    use tokio::sync::oneshot;
    use wasm_bindgen_futures::spawn_local;
    pub(in super::super) use web_time::Instant;

    /// Starts tasks on the page's event loop.
    #[derive(Debug)]
    pub(in super::super) struct Spawner;

    /// Ended when dropped.
    #[derive(Debug)]
    pub(in super::super) struct Task {
        _stop: oneshot::Sender<()>,
        ended: oneshot::Receiver<()>,
    }

    impl Spawner {
        pub(in super::super) fn current() -> Self {
            Self
        }

        pub(in super::super) fn task(&self, work: impl Future<Output = ()> + 'static) -> Task {
            let ((stop, stopped), (end, ended)) = (oneshot::channel::<()>(), oneshot::channel());
            spawn_local(async move {
                tokio::select! {
                    biased;
                    _ = stopped => {}
                    () = work => {}
                }
                // Nobody may wait for it.
                let _ = end.send(());
            });
            Task { _stop: stop, ended }
        }

        /// One that ends by itself.
        pub(in super::super) fn detached(&self, work: impl Future<Output = ()> + 'static) {
            spawn_local(work);
        }
    }

    impl Task {
        /// Returns when it has ended by itself.
        pub(in super::super) async fn ended(&mut self) {
            let _ = (&mut self.ended).await;
        }
    }

    /// Ends at an instant, or later: a page in the background is throttled.
    pub(in super::super) async fn sleep_until(at: Instant) {
        loop {
            let left = at.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            // The page counts in whole milliseconds, and in 32 bits.
            sleep(left.clamp(Duration::from_millis(1), Duration::from_secs(86_400))).await;
        }
    }
}
