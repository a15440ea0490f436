//! Many random scenarios, from the command line: `cargo xtask sim` runs it.

use std::process::ExitCode;

use everwire_testkit::sim::explore::{Bounds, Explored, explore};
use everwire_testkit::sim::{self, Kind, Mutant, Scenario, probe};

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

/// Messages up and down, cuts, moves, crashes.
const WORLDS: [[u8; 5]; 5] = [[2, 1, 1, 0, 0], [2, 0, 2, 0, 0], [1, 1, 0, 1, 0], [1, 1, 1, 1, 0], [2, 0, 1, 0, 1]];

#[derive(Debug, Default)]
struct Args {
    seeds: Option<u64>,
    from: u64,
    mode: Kind,
    mutants: Vec<Mutant>,
    threads: Option<usize>,
    trace: Option<u64>,
    file: Option<String>,
    explore: Option<usize>,
}

fn main() -> ExitCode {
    // A panic is a violation like any other, and is told as one.
    std::panic::set_hook(Box::new(|_| {}));
    match parse() {
        Ok(args) => simulate(&args),
        Err(why) => {
            eprintln!("{why}\n\n{HELP}");
            ExitCode::FAILURE
        }
    }
}

fn parse() -> Result<Args, String> {
    let mut args = Args::default();
    let mut rest = std::env::args().skip(1);
    while let Some(name) = rest.next() {
        if name == "--help" {
            println!("{HELP}");
            std::process::exit(0);
        }
        let value = rest.next().ok_or_else(|| format!("{name} takes a value"))?;
        let number = || value.parse::<u64>().map_err(|_| format!("{name}: {value} is no number"));
        match name.as_str() {
            "--seeds" => args.seeds = Some(number()?),
            "--from" => args.from = number()?,
            "--mode" => args.mode = value.parse()?,
            "--mutant" if value == "all" => args.mutants = Mutant::ALL.to_vec(),
            "--mutant" => args.mutants = vec![value.parse()?],
            "--threads" => args.threads = Some(number()? as usize),
            "--trace" => args.trace = Some(number()?),
            "--explore" => args.explore = Some(number()? as usize),
            "--file" => args.file = Some(value),
            _ => return Err(format!("no option is called {name}")),
        }
    }
    Ok(args)
}

fn simulate(args: &Args) -> ExitCode {
    if let Some(seed) = args.trace {
        let mut scenario = Scenario::random(seed, args.mode);
        scenario.mutant = args.mutants.first().copied();
        return trace(&scenario);
    }
    if let Some(file) = &args.file {
        return match std::fs::read_to_string(file)
            .map_err(|error| error.to_string())
            .and_then(|text| Scenario::parse(&text).map_err(|error| error.to_string()))
        {
            Ok(scenario) => trace(&scenario),
            Err(why) => {
                eprintln!("{file}: {why}");
                ExitCode::FAILURE
            }
        };
    }
    if let Some(states) = args.explore {
        return worlds(states);
    }
    if args.mutants.is_empty() { sweep(args) } else { mutants(args) }
}

fn trace(scenario: &Scenario) -> ExitCode {
    let report = probe::run_traced(scenario);
    println!("{}", scenario.to_text());
    report.trace.iter().for_each(|line| println!("{line}"));
    println!("{}", report.counts);
    match report.violation {
        Some(violation) => {
            println!("{violation}");
            ExitCode::FAILURE
        }
        None => ExitCode::SUCCESS,
    }
}

fn threads(args: &Args) -> usize {
    args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
}

fn sweep(args: &Args) -> ExitCode {
    let seeds = args.from..args.from.saturating_add(args.seeds.unwrap_or(20_000));
    let sweep = sim::sweep(seeds, args.mode, None, threads(args));
    print!("{}", sweep.counts);
    let rate = sweep.counts.scenarios as f64 / sweep.took.as_secs_f64();
    println!("{rate:>14.0}  scenarios/s on {} threads, {:.0} each", sweep.threads, rate / sweep.threads as f64);
    let Some(failure) = sweep.failure else { return ExitCode::SUCCESS };
    println!("\nseed {} ({}) fails: {}", failure.seed, args.mode, failure.violation);
    let smallest = sim::shrink(&failure.scenario);
    if let Some(violation) = probe::run(&smallest).violation {
        println!("the smallest that fails: {violation}\n\n{}", smallest.to_text());
    }
    ExitCode::FAILURE
}

/// Each rule broken in turn: how many seeds it takes to find out.
fn mutants(args: &Args) -> ExitCode {
    let mut missed = 0;
    println!("| broken rule | | found by seed | by what |\n|---|---|---|---|");
    for mutant in &args.mutants {
        let kind = if mutant.needs_session() { Kind::Session } else { Kind::Plain };
        let seeds = args.from..args.from.saturating_add(args.seeds.unwrap_or(20_000));
        let sweep = sim::sweep(seeds, kind, Some(*mutant), threads(args));
        let found = match sweep.failure {
            Some(failure) => {
                let what: String = failure.violation.what.chars().take(70).collect();
                format!("{} | {what}", failure.seed - args.from)
            }
            None => {
                missed += 1;
                format!("NOT FOUND in {} | ", sweep.counts.scenarios)
            }
        };
        println!("| `{mutant}` | {} | {found} |", mutant.words());
    }
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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
