//! Many random scenarios, from the command line: `cargo xtask sim` runs it.

use std::process::ExitCode;

use everwire_testkit::sim::explore::{Bounds, Explored, explore};
use everwire_testkit::sim::{self, Kind, Mutant, Scenario, probe};
use simulation::{Args, number, unknown};

mod simulation;

const HELP: &str = "\
simulate [--seeds N] [--from S] [--mode plain|session|all] [--mutant NAME] [--threads N] [--trace SEED]

  --seeds    how many scenarios; default 20000
  --from     the first seed; default 0
  --mode     plain, session or all; default all
  --mutant   break this rule, and fail unless it is found; `all` for each in turn
  --threads  default: one for each processor
  --trace    what happens in the scenario of this seed, line by line
  --explore  instead, every course of events in small worlds, up to so many states in each
  --file     the same for the scenario in this file";

/// How many scenarios, if nothing else is said.
const SEEDS: u64 = 20_000;

/// Messages up and down, cuts, moves, crashes.
const WORLDS: [[u8; 5]; 5] = [[2, 1, 1, 0, 0], [2, 0, 2, 0, 0], [1, 1, 0, 1, 0], [1, 1, 1, 1, 0], [2, 0, 1, 0, 1]];

fn main() -> ExitCode {
    let all: Vec<_> = Mutant::ALL.iter().map(|mutant| (*mutant, mutant.to_string())).collect();
    simulation::main(HELP, &all, simulate)
}

fn simulate(args: Args<Mutant>) -> Result<ExitCode, String> {
    let (mut mode, mut file, mut explored) = (Kind::default(), None, None);
    for (name, value) in &args.others {
        match name.as_str() {
            "--mode" => mode = value.parse()?,
            "--explore" => explored = Some(number(name, value)? as usize),
            "--file" => file = Some(value),
            _ => return unknown(name),
        }
    }
    if let Some(seed) = args.trace {
        let mut scenario = Scenario::random(seed, mode);
        scenario.mutant = args.mutants.first().copied();
        return Ok(trace(&scenario));
    }
    if let Some(file) = file {
        let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
        return Scenario::parse(&text).map(|scenario| trace(&scenario)).map_err(|error| format!("{file}: {error}"));
    }
    Ok(match explored {
        Some(states) => worlds(states),
        None if args.mutants.is_empty() => sweep(&args, mode),
        None => mutants(&args),
    })
}

fn trace(scenario: &Scenario) -> ExitCode {
    let report = probe::run_traced(scenario);
    println!("{}", scenario.to_text());
    report.trace.iter().for_each(|line| println!("{line}"));
    println!("{}", report.counts);
    simulation::verdict(report.violation)
}

fn sweep(args: &Args<Mutant>, mode: Kind) -> ExitCode {
    let sweep = sim::sweep(args.seeds(SEEDS), mode, None, args.threads());
    print!("{}", sweep.counts);
    let rate = sweep.counts.scenarios as f64 / sweep.took.as_secs_f64();
    println!("{rate:>14.0}  scenarios/s on {} threads, {:.0} each", sweep.threads, rate / sweep.threads as f64);
    let Some(failure) = sweep.failure else { return ExitCode::SUCCESS };
    println!("\nseed {} ({mode}) fails: {}", failure.seed, failure.violation);
    let smallest = sim::shrink(&failure.scenario);
    if let Some(violation) = probe::run(&smallest).violation {
        println!("the smallest that fails: {violation}\n\n{}", smallest.to_text());
    }
    ExitCode::FAILURE
}

/// How many seeds it takes to find out.
fn mutants(args: &Args<Mutant>) -> ExitCode {
    let words = |mutant: Mutant| (mutant.to_string(), mutant.words());
    simulation::mutants(args, words, |mutant| {
        let kind = if mutant.needs_session() { Kind::Session } else { Kind::Plain };
        let failure = sim::sweep(args.seeds(SEEDS), kind, Some(mutant), args.threads()).failure?;
        Some((failure.seed - args.from, failure.violation.what))
    })
}

/// Every course of events, in worlds that grow in different directions.
fn worlds(states: usize) -> ExitCode {
    println!(
        "| up | down | cuts | moves | crashes | states | steps | longest | complete |\n|---|---|---|---|---|---|---|---|---|"
    );
    let mut all = true;
    for [up, down, cuts, moves, crashes] in WORLDS {
        let bounds = Bounds { up, down, cuts, moves, crashes, states };
        let explored = explore(&bounds);
        let Explored { states, steps, depth, complete, .. } = explored;
        println!("| {up} | {down} | {cuts} | {moves} | {crashes} | {states} | {steps} | {depth} | {complete} |");
        if let Some((path, what)) = explored.violation {
            println!("\n{what}, after {path:?}");
            return ExitCode::FAILURE;
        }
        all &= complete;
    }
    if !all {
        println!("\nnot every world was seen whole: it takes more states");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
