//! Calls and streams in a session (`docs/calls.md`), in virtual time: both ends' machines (`everwire_calls::Endpoint`)
//! over a session that does what a session does, and a checker of every promise.
//!
//! The session carries each message exactly once and in order, with any delay; that it does is what the rest of the
//! simulator checks. What goes wrong here is what a session can't hide: it is lost, with or without a word on what was
//! processed, and the client's program crashes and is started again with the same session. Users open, cancel, read and
//! forget at any time, handlers answer, fail, and take their time.
//!
//! - [`run`], [`sweep`]: the scenarios of seeds
//! - `world`: the two ends, the session, and what happens
//! - `plain`: a peer whose application knows no calls
//! - `durable`: a server that crashes, and commits effects with their watermarks
//! - `side`: one end with its application
//! - `ledger`: what was opened and what became of it; the checker
//! - [`Mutant`]: broken rules

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

mod durable;
mod ledger;
mod mutant;
mod plain;
mod side;
mod world;

pub use mutant::Mutant;
use world::World;

/// The counts of what was exercised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Scenarios.
    pub scenarios: u64,
    /// Calls and streams that were opened.
    pub opened: u64,
    /// Those that ended with their reply, or in order.
    pub well: u64,
    /// Those that were lost with a session or a program.
    pub lost: u64,
    /// Items that reached an application.
    pub items: u64,
    /// Calls that a restarted program found again.
    pub resumed: u64,
    /// Sessions that were lost.
    pub sessions_lost: u64,
    /// Crashes of the client's program.
    pub crashes: u64,
    /// Frames that broke a rule.
    pub breaches: u64,
    /// Crashes of a server that commits watermarks.
    pub server_crashes: u64,
    /// Peers whose application knows no calls.
    pub plain_peers: u64,
}

/// The result of one seed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The counts of what was exercised.
    pub counts: Counts,
    /// The first promise that was broken.
    pub violation: Option<String>,
    /// The trace, line by line, if it was asked for.
    pub trace: Vec<String>,
}

/// The result of many seeds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sweep {
    /// The counts of what was exercised.
    pub counts: Counts,
    /// The failing seed that is nearest to the beginning of those that were run, and what was broken.
    pub failure: Option<(u64, String)>,
}

/// Plays the scenario of a seed.
#[must_use]
pub fn run(seed: u64, mutant: Option<Mutant>, traced: bool) -> Report {
    let play = || match seed % KINDS {
        0 => plain::run(seed, mutant, traced),
        1 => durable::run(seed, mutant, traced),
        _ => World::new(seed, mutant, traced).run(),
    };
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(play)) {
        Ok(report) => report,
        Err(_) => Report { counts: Counts::default(), violation: Some("a panic".to_owned()), trace: Vec::new() },
    }
}

/// One seed in this many plays a peer that knows no calls, and one a server that crashes.
const KINDS: u64 = 10;

/// The number of seeds that a thread takes at a time.
const SEEDS_AT_ONCE: u64 = 64;

/// Plays the scenarios of these seeds on this many threads, up to the first that fails.
#[must_use]
pub fn sweep(seeds: Range<u64>, mutant: Option<Mutant>, threads: usize) -> Sweep {
    let (next, failed) = (AtomicU64::new(seeds.start), AtomicBool::new(false));
    let result = Mutex::new(Sweep { counts: Counts::default(), failure: None });
    let work = || {
        let mut counts = Counts::default();
        let mut failure = None;
        while !failed.load(Ordering::Relaxed) && failure.is_none() {
            let first = next.fetch_add(SEEDS_AT_ONCE, Ordering::Relaxed);
            if first >= seeds.end {
                break;
            }
            for seed in first..(first + SEEDS_AT_ONCE).min(seeds.end) {
                let report = run(seed, mutant, false);
                counts.add(&report.counts);
                if let Some(violation) = report.violation {
                    failure = Some((seed, violation));
                    failed.store(true, Ordering::Relaxed);
                    break;
                }
            }
        }
        // Nobody panics while holding it.
        if let Ok(mut result) = result.lock() {
            result.counts.add(&counts);
            let is_earlier =
                failure.as_ref().is_some_and(|new| result.failure.as_ref().is_none_or(|known| new.0 < known.0));
            if is_earlier {
                result.failure = failure;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.max(1) {
            scope.spawn(work);
        }
        work();
    });
    result.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Counts {
    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Self) {
        self.breaches += other.breaches;
        self.server_crashes += other.server_crashes;
        self.plain_peers += other.plain_peers;
        self.scenarios += other.scenarios;
        self.opened += other.opened;
        self.well += other.well;
        self.lost += other.lost;
        self.items += other.items;
        self.resumed += other.resumed;
        self.sessions_lost += other.sessions_lost;
        self.crashes += other.crashes;
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { scenarios, opened, well, lost, items, resumed, sessions_lost, crashes, .. } = self;
        let Self { breaches, server_crashes, plain_peers, .. } = self;
        writeln!(f, "{scenarios:>14}  scenarios of calls")?;
        writeln!(f, "{opened:>14}  calls and streams, {well} well, {lost} lost, {resumed} found again; {items} items")?;
        writeln!(f, "{sessions_lost:>14}  sessions lost, {crashes} crashes of the client's program")?;
        writeln!(
            f,
            "{breaches:>14}  rules broken, {server_crashes} crashes of servers with watermarks, {plain_peers} peers without calls"
        )
    }
}
