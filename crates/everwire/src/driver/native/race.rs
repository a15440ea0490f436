//! Connecting to several addresses, one after the other and side by side (RFC 8305 section 5).

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::addresses::Candidate;
use crate::clock;

/// One connection in the making.
pub(super) type Dialling<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// A race that nobody has won.
pub(super) struct Lost<'a, T, E> {
    /// In the order in which they failed.
    pub(super) failures: Vec<(SocketAddr, E)>,
    /// Those that have not answered, and were not waited for since nothing was expected of them.
    pub(super) unanswered: Vec<(SocketAddr, Dialling<'a, T, E>)>,
}

/// RFC 8305 section 8: the recommended Connection Attempt Delay.
pub(super) const DELAY: Duration = Duration::from_millis(250);

/// Dials the next candidate as soon as the one before has failed, or has not answered for [`DELAY`], and takes the first
/// that is connected. The others are dropped, and so are all of them with the future.
///
/// Candidates that are not doubtful are waited for as long as it takes. When they have all failed, the doubtful ones have
/// one more delay to answer: a dead address must not hold up the next attempt at one that refuses only now.
pub(super) async fn race<'a, T, E>(
    candidates: Vec<Candidate>,
    mut dial: impl FnMut(SocketAddr) -> Dialling<'a, T, E>,
    failed: impl Fn(SocketAddr, &E),
) -> Result<(SocketAddr, T), Lost<'a, T, E>> {
    let mut waiting = candidates.into_iter();
    let mut field = Field { running: Vec::new() };
    let mut failures = Vec::new();
    loop {
        match waiting.next() {
            Some(candidate) => field.running.push(Running { candidate, dialling: dial(candidate.address) }),
            None if field.running.is_empty() => return Err(Lost { failures, unanswered: Vec::new() }),
            None => {}
        }
        let last = waiting.len() == 0;
        let hopeless = last && !failures.is_empty() && field.is_doubtful();
        let delay = sleep_until(clock::after(Instant::now(), DELAY));
        tokio::select! {
            biased;
            (address, result) = poll_fn(|cx| field.poll(cx)) => match result {
                Ok(won) => return Ok((address, won)),
                Err(error) => {
                    failed(address, &error);
                    failures.push((address, error));
                }
            },
            () = delay, if !last || hopeless => if hopeless {
                let unanswered = field.running.into_iter();
                let unanswered = unanswered.map(|running| (running.candidate.address, running.dialling)).collect();
                return Err(Lost { failures, unanswered });
            },
        }
    }
}

struct Field<'a, T, E> {
    running: Vec<Running<'a, T, E>>,
}

struct Running<'a, T, E> {
    candidate: Candidate,
    dialling: Dialling<'a, T, E>,
}

impl<T, E> Field<'_, T, E> {
    /// The first that is done.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<(SocketAddr, Result<T, E>)> {
        for (index, running) in self.running.iter_mut().enumerate() {
            if let Poll::Ready(result) = running.dialling.as_mut().poll(cx) {
                let address = running.candidate.address;
                self.running.remove(index);
                return Poll::Ready((address, result));
            }
        }
        Poll::Pending
    }

    /// Whether nothing is expected of those that have not answered.
    fn is_doubtful(&self) -> bool {
        self.running.iter().all(|running| running.candidate.doubtful)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::time::sleep;

    use super::*;
    use crate::sync::lock;

    /// How long an address takes, and whether it connects then.
    type Script = [(u64, bool)];

    struct Course {
        /// Which address was started, and after how many milliseconds.
        starts: Vec<(u16, u128)>,
        /// The port of the winner; else those that failed, and how many had not answered.
        result: Result<u16, (Vec<u16>, usize)>,
        took: u128,
    }

    /// Runs a race in virtual time. The addresses are ports from 0; those from `doubtful` on are doubtful.
    async fn run(script: &Script, doubtful: usize) -> Course {
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let candidates = (0..script.len() as u16)
            .map(|port| Candidate { address: address(port), doubtful: usize::from(port) >= doubtful })
            .collect();
        let (start, starts) = (Instant::now(), Mutex::new(Vec::new()));
        let dial = |address: SocketAddr| -> Dialling<'_, (), ()> {
            lock(&starts).push((address.port(), start.elapsed().as_millis()));
            let (time, connects) = script[usize::from(address.port())];
            Box::pin(async move {
                sleep(Duration::from_millis(time)).await;
                if connects { Ok(()) } else { Err(()) }
            })
        };
        let result = match race(candidates, dial, |_, ()| {}).await {
            Ok((address, ())) => Ok(address.port()),
            Err(lost) => Err((lost.failures.iter().map(|(at, ())| at.port()).collect(), lost.unanswered.len())),
        };
        Course { starts: starts.into_inner().expect("no panic"), result, took: start.elapsed().as_millis() }
    }

    const NEVER: (u64, bool) = (u64::MAX / 2, true);

    #[tokio::test(start_paused = true)]
    async fn silent_addresses_are_passed_by_every_250_ms() {
        let course = run(&[NEVER, NEVER, NEVER, (30, true), (0, true)], 5).await;
        assert_eq!(course.starts, [(0, 0), (1, 250), (2, 500), (3, 750)]);
        assert_eq!((course.result, course.took), (Ok(3), 780));
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_address_is_tried_as_soon_as_one_fails() {
        let course = run(&[(10, false), (20, false), NEVER, (5, true)], 4).await;
        assert_eq!(course.starts, [(0, 0), (1, 10), (2, 30), (3, 280)]);
        assert_eq!((course.result, course.took), (Ok(3), 285));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_address_still_wins_against_those_that_were_started_after_it() {
        let course = run(&[(400, true), NEVER, NEVER], 3).await;
        assert_eq!(course.starts, [(0, 0), (1, 250)]);
        assert_eq!((course.result, course.took), (Ok(0), 400));
    }

    #[tokio::test(start_paused = true)]
    async fn when_all_have_failed_the_race_is_lost_and_a_slow_one_is_waited_for() {
        let course = run(&[(10, false), (9_000, false), (20, false)], 3).await;
        assert_eq!((course.result, course.took), (Err((vec![0, 2, 1], 0)), 9_010));
        let nobody = run(&[], 0).await;
        assert_eq!((nobody.result, nobody.took), (Err((vec![], 0)), 0));
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_was_dead_before_does_not_hold_up_the_next_attempt() {
        let course = run(&[(10, false), NEVER], 1).await;
        assert_eq!((course.result, course.took), (Err((vec![0], 1)), 260));
        // In time it is as good as any.
        let course = run(&[(10, false), (200, true)], 1).await;
        assert_eq!((course.result, course.took), (Ok(1), 210));
        // Where all are silent nothing is gained by giving up.
        let course = run(&[NEVER, (8_000, true)], 0).await;
        assert_eq!((course.result, course.took), (Ok(1), 8_250));
    }
}
