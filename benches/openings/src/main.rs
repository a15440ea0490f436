//! Measures openings per second of one core on the accepting side: over TCP, over TLS 1.3, and over TLS 1.3 with resumed sessions.
//!
//! `cargo xtask bench openings` builds and starts it. The server is pinned to one core, and the client, which is the same for all, to
//! another; the contenders take turns. The result is the accepting side's processor time per opening and close: TCP, TLS, the
//! request, the response, and the end of the socket.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod client;
mod contender;
mod measurement;
mod server;
mod tls;

use contender::{Contender, Transport};
use measurement::{Figures, median};

type Done<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const ROUNDS: usize = 9;

/// The core of the client.
const CLIENT_CORE: usize = 0;
/// The core of the server.
const SERVER_CORE: usize = 1;

const USAGE: &str = "usage: everwire-benches-openings [--quick] [--rounds N] [TRANSPORT...]";

fn main() -> Done<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["server", contender, transport] => {
            everwire_bench_process::pin(SERVER_CORE);
            let contender = Contender::by_name(contender).ok_or("no such contender")?;
            in_runtime(server::run(contender, Transport::by_name(transport).ok_or("no such transport")?))
        }
        ["client", transport, address, certificate, count] => {
            everwire_bench_process::pin(CLIENT_CORE);
            let transport = Transport::by_name(transport).ok_or("no such transport")?;
            let opening = client::open_all(transport, address.parse()?, tls::certificate(certificate)?, count.parse()?);
            println!("{}", in_runtime(opening)?.as_secs_f64());
            Ok(())
        }
        ref options => run(options),
    }
}

fn in_runtime<T>(work: impl Future<Output = Done<T>>) -> Done<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

fn run(options: &[&str]) -> Done<()> {
    let (mut quick, mut rounds, mut transports) = (false, ROUNDS, Vec::new());
    let mut options = options.iter();
    while let Some(option) = options.next() {
        match *option {
            "--quick" => (quick, rounds) = (true, 1),
            "--rounds" => rounds = options.next().ok_or(USAGE)?.parse()?,
            name => transports.push(Transport::by_name(name).ok_or(USAGE)?),
        }
    }
    if transports.is_empty() {
        transports = Transport::ALL.to_vec();
    }
    for transport in transports {
        let mut of_rounds: Vec<Vec<Figures>> = Vec::new();
        for round in 0..rounds {
            // The order changes, so that no contender profits from its place.
            let mut order: Vec<usize> = (0..Contender::ALL.len()).collect();
            order.rotate_left(round % Contender::ALL.len());
            let mut figures: Vec<(usize, Figures)> = Vec::new();
            for index in order {
                figures.push((index, measurement::measure(Contender::ALL[index], transport, quick)?));
            }
            figures.sort_by_key(|(index, _)| *index);
            of_rounds.push(figures.into_iter().map(|(_, figures)| figures).collect());
            eprintln!("{}: round {round} done", transport.name());
        }
        print_table(transport, &of_rounds);
    }
    Ok(())
}

fn print_table(transport: Transport, rounds: &[Vec<Figures>]) {
    println!(
        "\n| {} | openings/s of one core | CPU µs an opening | of it user | openings/s seen | ratio to the best other, by CPU |",
        transport.name()
    );
    println!("|---|---|---|---|---|---|");
    let cpu_of = |figures: &[Figures], index: usize| figures.get(index).map_or(f64::NAN, |figures| figures.cpu);
    for (index, contender) in Contender::ALL.iter().enumerate() {
        let of = |get: fn(&Figures) -> f64| median(rounds.iter().filter_map(|round| round.get(index).map(get)));
        let rival = |round: &[Figures]| {
            let rivals = Contender::ALL.iter().enumerate().filter(|(_, contender)| contender.is_rival());
            rivals.map(|(index, _)| cpu_of(round, index)).fold(f64::INFINITY, f64::min)
        };
        let ratio = median(rounds.iter().map(|round| rival(round) / cpu_of(round, index)));
        let (cpu, user, seen) = (of(|it| it.cpu), of(|it| it.user), of(|it| it.a_second));
        println!("| {} | {:.0} | {cpu:.1} | {user:.1} | {seen:.0} | {ratio:.2}x |", contender.name(), 1e6 / cpu);
    }
}
