//! The network's changes as hints.
//!
//! - [`NetworkHints`]: a source of changes that clients share
//! - `settle`: many changes in a row are one hint
//! - `system`: the operating system as such a source, with the feature `network-hints`; `persistent`: also when it fails

#[cfg(all(
    feature = "network-hints",
    any(target_os = "linux", target_os = "macos", target_os = "ios", target_os = "windows")
))]
mod persistent;
mod settle;
#[cfg(feature = "network-hints")]
mod system;

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use everwire_core::Hint;
use futures_core::Stream;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use self::settle::Settle;

/// A change of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NetworkChange {
    /// The network is another one: an address came or went, and at least one is left.
    Changed,
    /// There is no network any more.
    Gone,
}

/// A source of changes of the network, for [`Builder::network_hints`](crate::Builder::network_hints). On a change each
/// client probes its connection, or in a session moves to a new one before it gives up the old; a client that waits for
/// its next attempt tries at once. Cloning it is cheap; all clones are the same source, which any number of clients can
/// share.
///
/// Without hints the heartbeat finds a dead connection too, only later. A burst of changes is one hint, 250 ms after
/// the last of them and at most 2 s after the first. A hint does not shorten a pause that a server has asked for, or
/// the wait for a [`RetryBudget`](crate::RetryBudget).
///
/// ```no_run
/// # #[cfg(feature = "network-hints")]
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use everwire::{Client, NetworkHints};
///
/// let mut builder = Client::builder("wss://example.org/feed");
/// match NetworkHints::of_the_system() {
///     Ok(hints) => builder = builder.network_hints(hints),
///     Err(error) => eprintln!("network changes are found by the heartbeat alone: {error}"),
/// }
/// let client = builder.build()?;
/// # Ok(()) }
/// # #[cfg(not(feature = "network-hints"))] fn main() {}
/// ```
#[derive(Clone, Debug)]
pub struct NetworkHints(Arc<Shared>);

/// How many hints there have been, and the last one.
type NumberedHint = (u64, Hint);

#[derive(Debug)]
struct Shared {
    told: watch::Sender<NumberedHint>,
    task: AbortHandle,
}

impl NetworkHints {
    /// The changes of addresses that the operating system reports: Linux by netlink, macOS and iOS by the dynamic
    /// store, Windows by the IP helper. Other systems are not supported. Loopback and link-local addresses don't count.
    /// If the watcher fails later, it is started again after 1 s; while starting fails, the pause doubles up to 60 s.
    ///
    /// # Errors
    /// If the system is not supported or refuses to report changes, and outside a tokio runtime.
    #[cfg(feature = "network-hints")]
    pub fn of_the_system() -> io::Result<Self> {
        // The watcher wants the runtime.
        let runtime = runtime()?;
        let _inside = runtime.enter();
        Self::of(system::changes()?)
    }

    /// The changes that this stream reports, for platforms that report them in a way of their own.
    ///
    /// # Errors
    /// Outside a tokio runtime.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
    /// use everwire::{NetworkChange, NetworkHints};
    ///
    /// let hints = NetworkHints::of(futures_util::stream::iter([NetworkChange::Changed]))?;
    /// # drop(hints);
    /// # Ok(()) }
    /// ```
    pub fn of(changes: impl Stream<Item = NetworkChange> + Send + 'static) -> io::Result<Self> {
        let told = watch::Sender::new((0, Hint::NetworkChanged));
        let task = runtime()?.spawn(tell(changes, told.clone())).abort_handle();
        Ok(Self(Arc::new(Shared { told, task })))
    }

    pub(crate) fn listen(&self) -> Listener {
        Listener { hints: self.clone(), heard: self.0.told.subscribe(), next: None }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn runtime() -> io::Result<Handle> {
    Handle::try_current().map_err(|_| io::Error::other("there is no tokio runtime to watch the network in"))
}

/// Until the source ends.
async fn tell(changes: impl Stream<Item = NetworkChange> + Send, told: watch::Sender<NumberedHint>) {
    let mut changes = pin!(changes);
    let mut settle = Settle::default();
    let mut is_over = false;
    while !is_over || settle.due().is_some() {
        let due = settle.due();
        let quiet = async {
            match due {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            change = poll_fn(|cx| changes.as_mut().poll_next(cx)), if !is_over => match change {
                Some(change) => settle.note(Instant::now(), change),
                None => is_over = true,
            },
            () = quiet => {
                if let Some(hint) = settle.take() {
                    told.send_modify(|(count, last)| (*count, *last) = (*count + 1, hint));
                }
            }
        }
    }
}

/// One client's ear.
#[derive(Debug)]
pub(crate) struct Listener {
    /// Keeps the source at work.
    #[allow(dead_code, reason = "it is held, not used")]
    hints: NetworkHints,
    heard: watch::Receiver<NumberedHint>,
    next: Option<Next>,
}

/// The receiver comes back with the next hint, or not at all when there will be none.
struct Next(Pin<Box<dyn Future<Output = Option<watch::Receiver<NumberedHint>>> + Send + Sync>>);

impl Listener {
    /// The next hint, if there is one; else the task is woken when there is.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Option<Hint> {
        let next = self.next.get_or_insert_with(|| Next::of(self.heard.clone()));
        match next.0.as_mut().poll(cx) {
            // With its source gone there is nothing more to come, and the finished future must not be polled again.
            Poll::Ready(None) => {
                *next = Next::never();
                None
            }
            Poll::Ready(Some(mut heard)) => {
                let (_, hint) = *heard.borrow_and_update();
                self.heard = heard;
                self.next = None;
                // It is looked again at once: the driver comes back after a hint.
                Some(hint)
            }
            Poll::Pending => None,
        }
    }
}

impl Next {
    fn of(mut heard: watch::Receiver<NumberedHint>) -> Self {
        Self(Box::pin(async move { heard.changed().await.ok().map(|()| heard) }))
    }

    fn never() -> Self {
        Self(Box::pin(std::future::pending()))
    }
}

impl std::fmt::Debug for Next {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Next")
    }
}
