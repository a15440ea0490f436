//! Whole clients side by side in one run: what each moves per second and how long a round trip takes.
//!
//! `cargo xtask bench client` builds and starts it. The client is pinned to one core, the server (the same for all) to
//! another; the contenders take turns, and medians over the rounds and their ratios are what to quote.

mod clients;
mod process;
mod report;
mod server;
mod sessions;

use std::time::Duration;

use clients::Contender;
use report::{Measure, Table};

const ROUNDS: usize = 3;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["server"] => server::run(),
        ["sessions"] => sessions::run(),
        ["one", contender, measure, address] => {
            let contender = Contender::by_name(contender).ok_or("no such contender")?;
            let measure = Measure::by_name(measure).ok_or("no such measure")?;
            let figure = clients::measure(contender, measure, address)?;
            println!("{}", figure.as_line());
            Ok(())
        }
        ["client"] | [] => client(),
        _ => Err("usage: everwire-benches [client]".into()),
    }
}

/// Every contender in every measure, in turns.
fn client() -> Result<(), Box<dyn std::error::Error>> {
    let (server, sessions) = (process::Server::start("server")?, process::Server::start("sessions")?);
    let mut table = Table::default();
    for round in 0..=ROUNDS {
        for measure in Measure::ALL {
            for contender in Contender::ALL {
                let figure = {
                    let server = if *contender == Contender::EverwireSession { &sessions } else { &server };
                    process::one(*contender, *measure, &server.address, Duration::from_secs(60))?
                };
                // The first round warms caches and allocators up and is not counted.
                if round > 0 {
                    table.add(*contender, *measure, figure);
                }
            }
        }
        eprintln!("round {round} of {ROUNDS} done");
    }
    println!("{table}");
    Ok(())
}
