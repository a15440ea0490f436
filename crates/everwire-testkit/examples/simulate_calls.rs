//! Many random scenarios of calls, from the command line: `cargo xtask sim calls` runs it.

use std::process::ExitCode;
use std::time::Instant;

use everwire_testkit::sim::calls::{Mutant, run, sweep};

const HELP: &str = "\
simulate_calls [--seeds N] [--from S] [--mutant NAME] [--threads N] [--trace SEED]

  --seeds    how many scenarios; default 100000
  --from     the first seed; default 0
  --mutant   break this rule, and fail unless it is found; `all` for each in turn
  --threads  default: one for each processor
  --trace    what happens in the scenario of this seed, line by line";

#[derive(Debug, Default)]
struct Args {
    seeds: Option<u64>,
    from: u64,
    mutants: Vec<Mutant>,
    threads: Option<usize>,
    trace: Option<u64>,
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
            "--mutant" if value == "all" => args.mutants = Mutant::ALL.to_vec(),
            "--mutant" => {
                let mutant = Mutant::ALL.iter().find(|mutant| mutant.name() == value);
                args.mutants = vec![*mutant.ok_or_else(|| format!("no mutant is called {value}"))?];
            }
            "--threads" => args.threads = Some(number()? as usize),
            "--trace" => args.trace = Some(number()?),
            _ => return Err(format!("no option is called {name}")),
        }
    }
    Ok(args)
}

fn simulate(args: &Args) -> ExitCode {
    if let Some(seed) = args.trace {
        let report = run(seed, args.mutants.first().copied(), true);
        report.trace.iter().for_each(|line| println!("{line}"));
        print!("{}", report.counts);
        return match report.violation {
            Some(violation) => {
                println!("{violation}");
                ExitCode::FAILURE
            }
            None => ExitCode::SUCCESS,
        };
    }
    let seeds = args.from..args.from.saturating_add(args.seeds.unwrap_or(100_000));
    let threads = args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    if args.mutants.is_empty() {
        let begun = Instant::now();
        let sweep = sweep(seeds, None, threads);
        print!("{}", sweep.counts);
        println!(
            "{:>14.0}  scenarios/s on {threads} threads",
            sweep.counts.scenarios as f64 / begun.elapsed().as_secs_f64()
        );
        return match sweep.failure {
            Some((seed, violation)) => {
                println!("\nseed {seed} fails: {violation}");
                ExitCode::FAILURE
            }
            None => ExitCode::SUCCESS,
        };
    }
    let mut missed = 0;
    println!("| broken rule | | found by seed | by what |\n|---|---|---|---|");
    for mutant in &args.mutants {
        let found = match sweep(seeds.clone(), Some(*mutant), threads).failure {
            Some((seed, what)) => format!("{} | {}", seed - args.from, what.chars().take(70).collect::<String>()),
            None => {
                missed += 1;
                format!("NOT FOUND in {} | ", seeds.end - seeds.start)
            }
        };
        println!("| `{}` | {} | {found} |", mutant.name(), mutant.words());
    }
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
