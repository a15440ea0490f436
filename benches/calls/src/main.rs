//! Measures calls of several implementations in one run: calls per second with 1 and with 256 in flight and the time of each, items
//! of streams per second, and the memory of an open call.
//!
//! `cargo xtask bench calls` builds and starts it. The client is pinned to one core, the server to another; the contenders take turns,
//! and the medians over the rounds are the result. Each call sends 32 bytes and receives them back.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod by_hand;
mod callers;
mod contender;
mod process;
mod servers;
mod streams;

use contender::Contender;

type Done<T> = Result<T, Box<dyn std::error::Error>>;

const ROUNDS: usize = 3;

fn main() -> Done<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => compare(ROUNDS, 1),
        // Only checks that everything runs; the figures mean nothing.
        ["--quick"] => compare(1, 50),
        ["server", contender] => servers::run(Contender::by_name(contender)?),
        ["calls", contender, address, in_flight, count] => {
            callers::run(Contender::by_name(contender)?, address, in_flight.parse()?, count.parse()?)
        }
        ["streams", address, streams, items] => streams::run(address, streams.parse()?, items.parse()?),
        ["one-way", address, items] => streams::run_one_way(address, items.parse()?),
        ["memory", address, calls] => streams::run_memory(address, calls.parse()?),
        _ => Err("usage: everwire-benches-calls [--quick]".into()),
    }
}

/// Runs every measure with every contender, in turns; the first round is a warm-up and does not count.
fn compare(rounds: usize, part: u64) -> Done<()> {
    for (in_flight, count) in [(1_u64, 20_000_u64), (256, 200_000)] {
        println!("\n{in_flight} in flight\n| | calls/s | p50 µs | p99 µs | CPU µs a call |\n|---|---|---|---|---|");
        let mut figures = vec![Vec::new(); Contender::ALL.len()];
        for round in 0..=rounds {
            for (contender, figures) in Contender::ALL.iter().zip(&mut figures) {
                let server = process::server(*contender)?;
                let count = match contender {
                    Contender::SocketIo => count / 10 / part,
                    _ => count / part,
                };
                let line = process::calls(*contender, &server, in_flight, count)?;
                if round > 0 {
                    figures.push(line);
                }
            }
        }
        for (contender, figures) in Contender::ALL.iter().zip(&figures) {
            let at = |part: usize| process::median(figures.iter().filter_map(|line| line.get(part).copied()));
            println!("| {} | {:.0} | {:.1} | {:.1} | {:.2} |", contender.name(), at(0), at(1), at(2), at(3));
        }
    }
    let server = process::server(Contender::Everwire)?;
    let bare = process::server(Contender::Bare)?;
    println!("\nstreams\n| | items/s | CPU µs an item at the client |\n|---|---|---|");
    let items = 1_000_000 / part;
    let rows: [(&str, Vec<String>); 3] = [
        ("1 stream", vec!["streams".into(), server.address.clone(), "1".into(), items.to_string()]),
        ("100 streams", vec!["streams".into(), server.address.clone(), "100".into(), (items / 100).to_string()]),
        ("bare messages of the session, one way", vec!["one-way".into(), bare.address.clone(), items.to_string()]),
    ];
    for (name, args) in rows {
        let mut rates = Vec::new();
        for round in 0..=rounds {
            let line = process::figures(&args)?;
            if round > 0 {
                rates.push(line);
            }
        }
        let at = |part: usize| process::median(rates.iter().filter_map(|line| line.get(part).copied()));
        println!("| {name} | {:.0} | {:.2} |", at(0), at(1));
    }
    let args = ["memory".to_owned(), server.address.clone(), "10000".to_owned()];
    let bytes = process::figures(&args)?;
    println!("\nan open call: {:.0} bytes at the client", bytes.first().copied().unwrap_or(f64::NAN));
    Ok(())
}
