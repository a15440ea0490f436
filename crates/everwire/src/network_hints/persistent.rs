use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use tokio::time::{Sleep, sleep};

use super::NetworkChange;

/// Changes from a watcher that may fail: it is then started again after a pause. What has changed in the meantime is
/// unknown, so the restart counts as a change too.
pub(super) struct Persistent<S, F> {
    start: F,
    stage: Stage<S>,
    pause: Duration,
}

enum Stage<S> {
    Watching(Pin<Box<S>>),
    Pausing(Pin<Box<Sleep>>),
}

/// The pause after a failure: this, …
const SHORTEST: Duration = Duration::from_secs(1);
/// … and twice as long each time that not even the start succeeds, up to this.
const LONGEST: Duration = Duration::from_secs(60);

impl<S, F> Persistent<S, F>
where
    S: Stream<Item = io::Result<NetworkChange>>,
    F: FnMut() -> io::Result<S>,
{
    /// The first start may fail: then there is nothing to watch.
    pub(super) fn start(mut start: F) -> io::Result<Self> {
        let stage = Stage::Watching(Box::pin(start()?));
        Ok(Self { start, stage, pause: SHORTEST })
    }

    fn pause(&mut self, why: &str) {
        tracing::warn!(
            target: "everwire",
            "watching the network failed ({why}): changes go unseen for {} s, then it is tried again",
            self.pause.as_secs()
        );
        self.stage = Stage::Pausing(Box::pin(sleep(self.pause)));
    }
}

impl<S, F> Stream for Persistent<S, F>
where
    S: Stream<Item = io::Result<NetworkChange>>,
    F: FnMut() -> io::Result<S> + Unpin,
{
    type Item = NetworkChange;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<NetworkChange>> {
        loop {
            match &mut self.stage {
                Stage::Watching(watcher) => match watcher.as_mut().poll_next(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Some(Ok(change))) => {
                        self.pause = SHORTEST;
                        return Poll::Ready(Some(change));
                    }
                    Poll::Ready(Some(Err(error))) => self.pause(&error.to_string()),
                    Poll::Ready(None) => self.pause("it ended"),
                },
                Stage::Pausing(sleep) => {
                    if sleep.as_mut().poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                    self.pause = self.pause.saturating_mul(2).min(LONGEST);
                    match (self.start)() {
                        Ok(watcher) => {
                            self.stage = Stage::Watching(Box::pin(watcher));
                            return Poll::Ready(Some(NetworkChange::Changed));
                        }
                        Err(error) => self.pause(&error.to_string()),
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::future::poll_fn;

    use tokio::time::Instant;

    use super::*;

    /// A watcher that says this, and then nothing more.
    struct Scripted(VecDeque<io::Result<NetworkChange>>);

    impl Stream for Scripted {
        type Item = io::Result<NetworkChange>;

        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            self.0.pop_front().map_or(Poll::Pending, |said| Poll::Ready(Some(said)))
        }
    }

    fn overrun() -> io::Error {
        io::Error::other("no buffer space available")
    }

    #[tokio::test(start_paused = true)]
    async fn a_watcher_that_fails_is_started_anew_after_a_pause_and_what_was_missed_is_a_change() {
        let mut starts = VecDeque::from([
            Ok(Scripted([Ok(NetworkChange::Gone), Err(overrun())].into())),
            Err(overrun()),
            Err(overrun()),
            Ok(Scripted([Ok(NetworkChange::Gone)].into())),
        ]);
        let begin = Instant::now();
        let mut changes = Persistent::start(move || starts.pop_front().expect("another start")).expect("the first");
        let mut next = async || {
            let change = poll_fn(|cx| Pin::new(&mut changes).poll_next(cx)).await;
            (change, begin.elapsed().as_secs())
        };
        assert_eq!(next().await, (Some(NetworkChange::Gone), 0));
        assert_eq!(next().await, (Some(NetworkChange::Changed), 1 + 2 + 4));
        assert_eq!(next().await, (Some(NetworkChange::Gone), 7));
    }

    #[tokio::test(start_paused = true)]
    async fn what_can_not_even_start_is_an_error_at_once() {
        assert!(Persistent::start(|| Err::<Scripted, _>(overrun())).is_err());
    }
}
