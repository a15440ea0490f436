//! Many seeds.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::counts::Counts;
use super::mutant::Mutant;
use super::probe;
use super::scenario::{Kind, Scenario};
use super::stage::Violation;

/// The result of many seeds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Sweep {
    /// The counts of what was exercised.
    pub counts: Counts,
    /// The time that it took, by the wall clock.
    pub took: Duration,
    /// Threads.
    pub threads: usize,
    /// The failing seed that is nearest to the beginning of those that were run.
    pub failure: Option<Failure>,
}

/// A seed that fails.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Failure {
    /// The id or number.
    pub seed: u64,
    /// Its scenario.
    pub scenario: Scenario,
    /// The promise that was broken.
    pub violation: Violation,
}

/// The number of seeds that a thread takes at a time.
const SEEDS_AT_ONCE: u64 = 64;

/// Runs the scenarios of these seeds with the [probe](probe), on this many threads, up to the first that fails.
pub fn sweep(seeds: Range<u64>, kind: Kind, mutant: Option<Mutant>, threads: usize) -> Sweep {
    let started = Instant::now();
    let next = AtomicU64::new(seeds.start);
    let failed = AtomicBool::new(false);
    let result = Mutex::new((Counts::default(), None::<Failure>));
    let work = || {
        let mut counts = Counts::default();
        let mut failure = None;
        while !failed.load(Ordering::Relaxed) {
            let first = next.fetch_add(SEEDS_AT_ONCE, Ordering::Relaxed);
            if first >= seeds.end {
                break;
            }
            for seed in first..(first + SEEDS_AT_ONCE).min(seeds.end) {
                let mut scenario = Scenario::random(seed, kind);
                scenario.mutant = mutant;
                let report = probe::run(&scenario);
                counts.add(&report.counts);
                if let Some(violation) = report.violation {
                    failure = Some(Failure { seed, scenario, violation });
                    failed.store(true, Ordering::Relaxed);
                    break;
                }
            }
        }
        // Nobody panics while holding it.
        if let Ok(mut result) = result.lock() {
            result.0.add(&counts);
            let earlier =
                result.1.as_ref().is_none_or(|known| failure.as_ref().is_some_and(|new| new.seed < known.seed));
            if earlier && failure.is_some() {
                result.1 = failure;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.max(1) {
            scope.spawn(work);
        }
        work();
    });
    let (counts, failure) = result.into_inner().unwrap_or_default();
    Sweep { counts, took: started.elapsed(), threads: threads.max(1), failure }
}
