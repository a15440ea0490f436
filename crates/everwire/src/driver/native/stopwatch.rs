//! How far an opening has come: its phases, how long they take, and the addresses that it tries.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use everwire_core::{AddressResult, Phase, TransportEvent, TriedAddress};
use tokio::time::Instant;

use crate::sync::lock;

/// Tells what an opening has come to, and takes the time.
pub(crate) struct Stopwatch {
    report: Box<dyn Fn(TransportEvent) + Send + Sync>,
    laps: Mutex<Laps>,
}

#[derive(Debug)]
struct Laps {
    start: Instant,
    phase: Phase,
    since: Instant,
    /// The phases that are over.
    spent: Vec<(Phase, Duration)>,
}

impl Stopwatch {
    /// Starts, in the phase in which the request is made.
    pub(crate) fn start(report: impl Fn(TransportEvent) + Send + Sync + 'static) -> Self {
        let start = Instant::now();
        let laps = Laps { start, phase: Phase::Request, since: start, spent: Vec::new() };
        Self { report: Box::new(report), laps: Mutex::new(laps) }
    }

    /// The next phase begins.
    pub(super) fn enter(&self, phase: Phase) {
        lock(&self.laps).end_lap(phase);
        (self.report)(TransportEvent::Reached(phase));
    }

    /// Something has come of an address.
    pub(super) fn tried(&self, address: SocketAddr, result: AddressResult) {
        (self.report)(TransportEvent::Address(TriedAddress::new(address, result)));
    }

    /// The present phase.
    #[cfg(test)]
    pub(super) fn phase(&self) -> Phase {
        lock(&self.laps).phase
    }

    /// All is done.
    pub(super) fn stop(&self) -> Times {
        let mut laps = lock(&self.laps);
        let phase = laps.phase;
        laps.end_lap(phase);
        Times { total: laps.since.duration_since(laps.start), spent: std::mem::take(&mut laps.spent) }
    }
}

impl Laps {
    fn end_lap(&mut self, next: Phase) {
        let now = Instant::now();
        self.spent.push((self.phase, now.duration_since(self.since)));
        (self.phase, self.since) = (next, now);
    }
}

/// What a stopwatch has measured.
#[derive(Debug)]
pub(super) struct Times {
    pub(super) total: Duration,
    spent: Vec<(Phase, Duration)>,
}

impl Times {
    /// All that a phase took together; `None` if it was not gone through.
    pub(super) fn of(&self, phase: Phase) -> Option<Duration> {
        let times = self.spent.iter().filter(|(spent, _)| *spent == phase).map(|(_, time)| *time);
        times.reduce(Duration::saturating_add)
    }
}

impl fmt::Debug for Stopwatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stopwatch").field("laps", &self.laps).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn phases_are_told_and_what_is_gone_through_twice_counts_twice() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let teller = Arc::clone(&told);
        let stopwatch = Stopwatch::start(move |event| {
            let TransportEvent::Reached(phase) = event else { panic!("no phase: {event:?}") };
            lock(&teller).push(phase);
        });
        let pass = |milliseconds| tokio::time::advance(Duration::from_millis(milliseconds));
        pass(1).await;
        for (phase, milliseconds) in [(Phase::Tcp, 10), (Phase::Upgrade, 100), (Phase::Tcp, 20), (Phase::Upgrade, 200)]
        {
            stopwatch.enter(phase);
            assert_eq!(stopwatch.phase(), phase);
            pass(milliseconds).await;
        }
        let times = stopwatch.stop();
        let ms = |milliseconds| Some(Duration::from_millis(milliseconds));
        assert_eq!(
            (times.of(Phase::Request), times.of(Phase::Tcp), times.of(Phase::Upgrade)),
            (ms(1), ms(30), ms(300))
        );
        assert_eq!((times.of(Phase::Dns), times.total), (None, Duration::from_millis(331)));
        assert_eq!(*lock(&told), [Phase::Tcp, Phase::Upgrade, Phase::Tcp, Phase::Upgrade]);
    }
}
