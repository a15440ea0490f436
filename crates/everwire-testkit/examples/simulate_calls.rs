//! Many random scenarios of calls, from the command line: `cargo xtask sim calls` runs it.

use std::process::ExitCode;
use std::time::Instant;

use everwire_testkit::sim::calls::{Mutant, run, sweep};
use simulation::{Args, unknown};

mod simulation;

const HELP: &str = "\
simulate_calls [--seeds N] [--from S] [--mutant NAME] [--threads N] [--trace SEED]

  --seeds    how many scenarios; default 100000
  --from     the first seed; default 0
  --mutant   break this rule, and fail unless it is found; `all` for each in turn
  --threads  default: one for each processor
  --trace    what happens in the scenario of this seed, line by line";

/// How many scenarios, if nothing else is said.
const SEEDS: u64 = 100_000;

fn main() -> ExitCode {
    let all: Vec<_> = Mutant::ALL.iter().map(|mutant| (*mutant, mutant.name().to_owned())).collect();
    simulation::main(HELP, &all, simulate)
}

fn simulate(args: Args<Mutant>) -> Result<ExitCode, String> {
    if let Some((name, _)) = args.others.first() {
        return unknown(name);
    }
    if let Some(seed) = args.trace {
        let report = run(seed, args.mutants.first().copied(), true);
        report.trace.iter().for_each(|line| println!("{line}"));
        print!("{}", report.counts);
        return Ok(simulation::verdict(report.violation));
    }
    if !args.mutants.is_empty() {
        let words = |mutant: Mutant| (mutant.name().to_owned(), mutant.words());
        return Ok(simulation::mutants(&args, words, |mutant| {
            let (seed, what) = sweep(args.seeds(SEEDS), Some(mutant), args.threads()).failure?;
            Some((seed - args.from, what))
        }));
    }
    let (begun, threads) = (Instant::now(), args.threads());
    let sweep = sweep(args.seeds(SEEDS), None, threads);
    print!("{}", sweep.counts);
    let rate = sweep.counts.scenarios as f64 / begun.elapsed().as_secs_f64();
    println!("{rate:>14.0}  scenarios/s on {threads} threads");
    Ok(simulation::verdict(sweep.failure.map(|(seed, violation)| format!("\nseed {seed} fails: {violation}"))))
}
