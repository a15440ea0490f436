//! Measures WebSocket protocol crates in one run, each in its fastest use.
//!
//! `cargo xtask bench ws` builds and starts it. A client's process is pinned to one core, its server's to another; both
//! ends use the same crate. The contenders take turns in short measurements, round after round; the medians over the rounds, of
//! figures and of ratios within a round, are the result.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod chat;
mod measures;
mod peers;
mod process;
mod report;
mod wire;

use std::time::Duration;

use measures::{Effort, Measure};
use peers::Contender;
use report::Report;

type Done<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const ROUNDS: usize = 9;

/// The longest time for a measurement.
const LIMIT: Duration = Duration::from_secs(60);

const USAGE: &str = "usage: everwire-benches-ws [--quick] [--rounds N] [MEASURE...]";

fn main() -> Done<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["server", contender, measure, effort] => {
            let (contender, measure) = named(contender, measure)?;
            measures::server(contender, measure, self::effort(effort)?)
        }
        ["client", contender, measure, effort, address] => {
            let (contender, measure) = named(contender, measure)?;
            let figures = measures::client(contender, measure, address, self::effort(effort)?)?;
            let figures: Vec<String> = figures.iter().map(f64::to_string).collect();
            println!("{}", figures.join(" "));
            Ok(())
        }
        ref options => run(&Run::parse(options)?),
    }
}

/// What to run.
struct Run {
    quick: bool,
    rounds: usize,
    measures: Vec<Measure>,
}

impl Run {
    fn parse(options: &[&str]) -> Done<Self> {
        let mut run = Self { quick: false, rounds: ROUNDS, measures: Vec::new() };
        let mut options = options.iter();
        while let Some(option) = options.next() {
            match *option {
                "--quick" => (run.quick, run.rounds) = (true, 1),
                "--rounds" => run.rounds = options.next().ok_or(USAGE)?.parse()?,
                measure => run.measures.push(Measure::by_name(measure).ok_or_else(|| unknown(measure))?),
            }
        }
        if run.measures.is_empty() {
            run.measures = Measure::ALL.to_vec();
        }
        Ok(run)
    }
}

fn unknown(measure: &str) -> String {
    let names: Vec<&str> = Measure::ALL.iter().map(|measure| measure.name()).collect();
    format!("there is no measure '{measure}'; choose of: {}\n{USAGE}", names.join(", "))
}

fn run(run: &Run) -> Done<()> {
    let mut report = Report::default();
    for round in 0..run.rounds {
        report.start_round();
        for &measure in &run.measures {
            // The order changes, so that no contender profits from its place.
            let contenders = measure.contenders();
            for turn in 0..contenders.len() {
                let contender = contenders[(turn + round) % contenders.len()];
                let figures = measurement(contender, measure, if run.quick { "quick" } else { "full" })
                    .map_err(|error| format!("{} in {}: {error}", contender.name(), measure.name()))?;
                report.add(measure, contender, figures);
            }
        }
        eprintln!("round {} of {} done", round + 1, run.rounds);
    }
    println!("{report}");
    Ok(())
}

/// Runs one measurement, with a process for each end.
fn measurement(contender: Contender, measure: Measure, effort: &str) -> Done<Vec<f64>> {
    let server = process::server(&[contender.name(), measure.name(), effort])?;
    let line = process::client(&[contender.name(), measure.name(), effort, &server.address], LIMIT)?;
    let figures = line.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
    if figures.len() != measure.columns().len() {
        return Err(format!("the client's figures are '{}'", line.trim()).into());
    }
    Ok(figures)
}

fn named(contender: &str, measure: &str) -> Done<(Contender, Measure)> {
    let measure = Measure::by_name(measure).ok_or("no such measure")?;
    Ok((Contender::by_name(contender).ok_or("no such contender")?, measure))
}

fn effort(name: &str) -> Done<Effort> {
    match name {
        "full" => Ok(Effort::FULL),
        "quick" => Ok(Effort::QUICK),
        _ => Err("no such effort".into()),
    }
}
