//! What the command lines of both simulators have in common.

use std::fmt::Display;
use std::ops::Range;
use std::process::ExitCode;

/// What was asked for.
pub(crate) struct Args<M> {
    seeds: Option<u64>,
    pub(crate) from: u64,
    pub(crate) mutants: Vec<M>,
    threads: Option<usize>,
    pub(crate) trace: Option<u64>,
    /// Options of one simulator only, with their values.
    pub(crate) others: Vec<(String, String)>,
}

/// Reads the command line, runs `simulate`, and says what is wrong with the first. `all` are the mutants and their names.
pub(crate) fn main<M: Copy>(
    help: &str,
    all: &[(M, String)],
    simulate: impl FnOnce(Args<M>) -> Result<ExitCode, String>,
) -> ExitCode {
    // A panic is a violation like any other, and is told as one.
    std::panic::set_hook(Box::new(|_| {}));
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.iter().any(|arg| arg == "--help") {
        println!("{help}");
        return ExitCode::SUCCESS;
    }
    parse(&args, all).and_then(simulate).unwrap_or_else(|why| {
        eprintln!("{why}\n\n{help}");
        ExitCode::FAILURE
    })
}

fn parse<M: Copy>(words: &[String], all: &[(M, String)]) -> Result<Args<M>, String> {
    let mut args = Args { seeds: None, from: 0, mutants: Vec::new(), threads: None, trace: None, others: Vec::new() };
    for pair in words.chunks(2) {
        let [name, value] = pair else { return Err(format!("{} requires a value", pair[0])) };
        match name.as_str() {
            "--seeds" => args.seeds = Some(number(name, value)?),
            "--from" => args.from = number(name, value)?,
            "--mutant" => {
                let those = all.iter().filter(|(_, known)| value == "all" || value == known);
                args.mutants = those.map(|(mutant, _)| *mutant).collect();
                if args.mutants.is_empty() {
                    return Err(format!("no mutant is called {value}"));
                }
            }
            "--threads" => args.threads = Some(number(name, value)? as usize),
            "--trace" => args.trace = Some(number(name, value)?),
            _ => args.others.push((name.clone(), value.clone())),
        }
    }
    Ok(args)
}

/// The value of an option.
pub(crate) fn number(name: &str, value: &str) -> Result<u64, String> {
    value.parse().map_err(|_| format!("{name}: {value} is no number"))
}

/// An option that neither simulator, or only the other one, has.
pub(crate) fn unknown<T>(name: &str) -> Result<T, String> {
    Err(format!("no option is called {name}"))
}

impl<M> Args<M> {
    pub(crate) fn seeds(&self, default: u64) -> Range<u64> {
        self.from..self.from.saturating_add(self.seeds.unwrap_or(default))
    }

    pub(crate) fn threads(&self) -> usize {
        self.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
    }
}

/// Says what was broken, if anything was.
pub(crate) fn verdict(violation: Option<impl Display>) -> ExitCode {
    match violation {
        Some(violation) => {
            println!("{violation}");
            ExitCode::FAILURE
        }
        None => ExitCode::SUCCESS,
    }
}

/// Each rule broken in turn: `find` gives the seed that shows it, counted from the first, and by what.
pub(crate) fn mutants<M: Copy>(
    args: &Args<M>,
    words: impl Fn(M) -> (String, &'static str),
    mut find: impl FnMut(M) -> Option<(u64, String)>,
) -> ExitCode {
    let mut missed = 0;
    println!("| broken rule | | found by seed | by what |\n|---|---|---|---|");
    for mutant in &args.mutants {
        let found = match find(*mutant) {
            Some((seed, what)) => format!("{seed} | {}", what.chars().take(70).collect::<String>()),
            None => {
                missed += 1;
                "NOT FOUND | ".to_owned()
            }
        };
        let (name, meaning) = words(*mutant);
        println!("| `{name}` | {meaning} | {found} |");
    }
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
