//! `cargo xtask sim`: random scenarios over the machines that ship, in virtual time.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::shell::{self, Failed};

/// Fresh scenarios in each run of the tests.
const FRESH: u64 = 20_000;

/// Fresh scenarios of calls in each run of the tests.
const FRESH_CALLS: u64 = 100_000;

/// Passes the arguments on to the simulator, which is built for speed with its assertions on.
/// Those whose first is `calls` go to the simulator of calls.
pub(crate) fn sim(args: &[String]) -> Result<(), Failed> {
    let (example, args) = match args {
        [first, rest @ ..] if first == "calls" => ("simulate_calls", rest),
        _ => ("simulate", args),
    };
    let mut cargo = shell::cargo(&["run", "--quiet", "--profile", "sim", "--package", "everwire-testkit"]);
    cargo.args(["--example", example, "--"]).args(args);
    shell::run(cargo)
}

/// As part of the tests: scenarios that nobody has seen before, then every broken rule, which has to be
/// found, then every course of events in small worlds, then the herd.
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
