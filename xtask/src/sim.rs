//! `cargo xtask sim`: runs random scenarios over the shipped machines, in virtual time.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::shell::{self, Failed};

/// The number of new scenarios in each run of the tests.
const FRESH: u64 = 20_000;

/// The number of new scenarios of calls in each run of the tests.
const FRESH_CALLS: u64 = 100_000;

/// Runs the simulator with these arguments; it is built with optimisation and assertions. If the first argument is `calls`, runs
/// the simulator of calls.
pub(crate) fn sim(args: &[String]) -> Result<(), Failed> {
    let (example, args) = match args {
        [first, rest @ ..] if first == "calls" => ("simulate_calls", rest),
        _ => ("simulate", args),
    };
    let mut cargo = shell::cargo(&["run", "--quiet", "--profile", "sim", "--package", "everwire-testkit"]);
    cargo.args(["--example", example, "--"]).args(args);
    shell::run(cargo)
}

/// Runs, as part of the tests: new scenarios; every mutant, which has to be found; all sequences of events in small worlds; the
/// same for calls; and ten thousand clients that reconnect.
pub(crate) fn check() -> Result<(), Failed> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let args = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    sim(&args(&["--seeds", &FRESH.to_string(), "--from", &(seconds * FRESH).to_string()]))?;
    sim(&args(&["--mutant", "all", "--seeds", &FRESH.to_string()]))?;
    sim(&args(&["--explore", "120000"]))?;
    sim(&args(&["calls", "--seeds", &FRESH_CALLS.to_string(), "--from", &(seconds * FRESH_CALLS).to_string()]))?;
    sim(&args(&["calls", "--mutant", "all", "--seeds", "20000"]))?;
    crate::bench::bench(&args(&["herd"]))
}
