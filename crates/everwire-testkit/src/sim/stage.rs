//! What every process of a world shares: time, the network, and who judges.

use std::fmt;
use std::time::Duration;

use everwire_core::retry::Budget;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use super::agenda::Agenda;
use super::counts::Counts;
use super::monitor::Monitor;
use super::mutant::Mutant;
use super::network::Network;

/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// Since the world's start.
    pub at: Duration,
    /// The place that found it: `client 0`, `server`, or the network.
    pub place: String,
    /// A description of what happened.
    pub what: String,
}

#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) agenda: Agenda,
    pub(crate) network: Network,
    pub(crate) monitor: Monitor,
    pub(crate) counts: Counts,
    pub(crate) mutant: Option<Mutant>,
    /// Of retries, for those clients that share one.
    pub(crate) budget: Budget,
    /// Bytes may change on their way, and nobody finds out: what is on the wire is nobody's word.
    pub(crate) unsealed: bool,
    /// A server has flooded clients, whose answers may fill a buffer of their own.
    pub(crate) flooded: bool,
    pub(crate) random: Random,
    pub(crate) violation: Option<Violation>,
    /// A line for each thing that happens, for people.
    pub(crate) trace: Option<Vec<String>>,
}

impl Stage {
    /// The first violation counts: what follows may follow from it.
    pub(crate) fn fail(&mut self, place: impl fmt::Display, what: impl fmt::Display) {
        if self.violation.is_none() {
            let violation = Violation { at: self.agenda.elapsed(), place: place.to_string(), what: what.to_string() };
            self.note(|| format!("VIOLATION {violation}"));
            self.violation = Some(violation);
        }
    }

    pub(crate) fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    pub(crate) fn note(&mut self, words: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            let at = self.agenda.elapsed();
            trace.push(format!("{:>12.6} {}", at.as_secs_f64(), words()));
        }
    }

    /// A frame of the session protocol goes out.
    pub(crate) fn monitor(&mut self, line: u32, from_server: bool, frame: &[u8]) {
        if let Err(what) = self.monitor.frame(line, from_server, frame)
            && !self.unsealed
        {
            self.fail(if from_server { "server" } else { "client" }, what);
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {:.3} s: {}", self.place, self.at.as_secs_f64(), self.what)
    }
}

/// The world's dice.
#[derive(Debug)]
pub(crate) struct Random(Xoshiro256PlusPlus);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0.next_u64()
    }

    pub(crate) fn bits<const N: usize>(&mut self) -> [u8; N] {
        let mut bits = [0; N];
        self.0.fill_bytes(&mut bits);
        bits
    }

    /// From `0..limit`; 0 if that is empty.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(limit)) >> 64) as u64
    }

    pub(crate) fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to.saturating_sub(from) + 1)
    }

    pub(crate) fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.below(among.len() as u64) as usize]
    }
}
