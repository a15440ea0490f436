//! Ten thousand clients lose the same server: how do they come back? In virtual time, over the machine that ships.
//! `cargo xtask bench herd` runs it.
//!
//! - `client`: one client, from the loss to its first attempt that finds the server
//! - `plot`: the arrivals as a picture

mod client;
mod plot;

use std::process::ExitCode;
use std::time::Duration;

use everwire_core::Config;

use self::client::is_called;

/// Clients of the same server.
const CLIENTS: u64 = 10_000;
/// The server is away for so long, in seconds.
const OUTAGES: [u64; 9] = [20, 25, 30, 35, 40, 45, 50, 55, 60];
/// A server that paces its clients spreads them over this time.
const PACE: Duration = Duration::from_secs(20);

/// When clients arrive, in 100 ms since the server's return.
struct Herd {
    arrivals: Vec<u32>,
    peak: u32,
    /// Until 99 % have tried, in seconds.
    until: f64,
}

impl Herd {
    fn new(mut arrivals: Vec<Duration>) -> Self {
        arrivals.sort_unstable();
        let until = arrivals[arrivals.len() * 99 / 100].as_secs_f64();
        let mut bins = Vec::new();
        for arrival in arrivals {
            let bin = (arrival.as_millis() / 100) as usize;
            if bins.len() <= bin {
                bins.resize(bin + 1, 0);
            }
            bins[bin] += 1;
        }
        let peak = bins.iter().max().copied().unwrap_or(0);
        Self { arrivals: bins, peak, until }
    }

    /// How far it is from an even spread: 1 is one, and no policy is below.
    fn score(&self) -> f64 {
        f64::from(self.peak) * self.until / 1000.0
    }
}

/// One policy over all outages, best first.
fn herds(arrival: impl Fn(u64, Duration) -> Duration) -> Vec<Herd> {
    let outages = OUTAGES.into_iter().map(Duration::from_secs);
    let mut herds: Vec<Herd> =
        outages.map(|away| Herd::new((0..CLIENTS).map(|client| arrival(client, away)).collect())).collect();
    herds.sort_by(|one, other| one.score().total_cmp(&other.score()));
    herds
}

fn main() -> ExitCode {
    let config = Config::default();
    let slot = |client: u64| PACE * client as u32 / CLIENTS as u32;
    let policies = [
        ("by themselves", 1.5, herds(|client, away| client::returns(&config, client, away))),
        ("paced by the server", 1.1, herds(|client, away| is_called(&config, client, away, slot(client), true))),
        ("all told the same time", 1.5, herds(|client, away| is_called(&config, client, away, Duration::ZERO, false))),
    ];
    println!(
        "| {CLIENTS} clients | peak in 100 ms, median / worst | 99 % have tried after | peak x time / 1,000, median / worst |"
    );
    println!("|---|---|---|---|");
    let mut good = true;
    for (name, bound, herds) in &policies {
        let (Some(median), Some(worst)) = (herds.get(herds.len() / 2), herds.last()) else { continue };
        let (one, other) = (median.score(), worst.score());
        println!("| {name} | {} / {} | {:.1} s | {one:.2} / {other:.2} |", median.peak, worst.peak, median.until);
        good &= one < *bound;
    }
    if let Some(path) = std::env::args().nth(1) {
        // The last one would leave no height for the others.
        let lines: Vec<(&str, &[u32])> = policies
            .iter()
            .take(2)
            .filter_map(|(name, _, herds)| Some((*name, herds.get(herds.len() / 2)?.arrivals.as_slice())))
            .collect();
        if let Err(error) = std::fs::write(&path, plot::svg(&lines)) {
            eprintln!("{path}: {error}");
            return ExitCode::FAILURE;
        }
    }
    if good {
        return ExitCode::SUCCESS;
    }
    eprintln!("above the bounds: 1.1 for clients that the server paces, 1.5 for others");
    ExitCode::FAILURE
}
