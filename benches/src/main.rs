//! Measures whole clients in one run: messages per second, the time of a round trip, the messages lost when the network fails, and
//! the memory of an idle client; and the chat server.
//!
//! `cargo xtask bench client`, `session`, `idle`, `recovery`, `chat` and `scale` build and start it. In the first two the client is
//! pinned to one core, the server (the same for all) to another; the contenders take turns, and the medians over the rounds and
//! their ratios are the result.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod chat;
mod clients;
mod cluster;
mod contender;
mod idle;
mod process;
mod recovery;
mod report;
mod scale;
mod server;
mod sessions;
mod soak;

use std::time::Duration;

use contender::Contender;
use report::{Measure, Table};

const ROUNDS: usize = 3;
const CUTS: usize = 36;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["server"] => server::run(),
        ["sessions"] => sessions::run(),
        ["recovery-server"] => recovery::run_server(),
        ["recovery-client", contender, address] => recovery::run_client(contender, address),
        ["one", contender, measure, address] => {
            let contender = Contender::by_name(contender).ok_or("no such contender")?;
            let measure = Measure::by_name(measure).ok_or("no such measure")?;
            let figure = clients::measure(contender, measure, address)?;
            println!("{}", figure.as_line());
            Ok(())
        }
        ["client"] | [] => compare(&Contender::CLIENTS, &Measure::ALL),
        ["session"] => compare(&Contender::SESSIONS, &[Measure::OneWay32, Measure::OneWay128]),
        ["idle"] => idle::run(),
        ["idle-clients", contender, address] => idle::run_clients(contender, address),
        ["recovery"] => recovery::run(CUTS),
        ["chat-server", folder] => chat::run_server(folder, 0),
        ["chat-server", folder, port] => chat::run_server(folder, port.parse().map_err(|_| format!("'{port}' is no port"))?),
        ["chat"] => chat::run(),
        ["chat-return"] => chat::run_return(),
        ["chat-memory"] => chat::run_deaf(10_000),
        ["chat-memory", count] => chat::run_deaf(count.parse().map_err(|_| format!("'{count}' is no number of members"))?),
        ["scale", ref options @ ..] => {
            let sizes = match options {
                [] | [_] => scale::Sizes::Usual,
                [_, "--large"] => scale::Sizes::Large,
                [_, "--quick"] => scale::Sizes::Quick,
                _ => return Err("usage: everwire-benches scale [PLOT [--large | --quick]]".into()),
            };
            scale::run(sizes, options.first().copied().filter(|plot| *plot != "-"))
        }
        ["cluster", everwire, nats_server] => cluster::run(everwire, nats_server, None),
        ["cluster", everwire, nats_server, centrifugo] => cluster::run(everwire, nats_server, Some(centrifugo)),
        ["soak-server"] => soak::run_server(),
        ["soak", minutes] => soak::run(minutes.parse().map_err(|_| format!("'{minutes}' is no number of minutes"))?),
        _ => Err("usage: everwire-benches [client | session | idle | recovery | chat | chat-memory [MEMBERS] | chat-return | scale [PLOT [--large | --quick]] | cluster EVERWIRE NATS-SERVER [CENTRIFUGO] | soak MINUTES]".into()),
    }
}

/// Runs every measure with every contender, in turns.
fn compare(contenders: &[Contender], measures: &[Measure]) -> Result<(), Box<dyn std::error::Error>> {
    let servers = Servers::start(contenders)?;
    let mut table = Table::default();
    for round in 0..=ROUNDS {
        for measure in measures {
            for contender in contenders {
                let figure = process::one(*contender, *measure, servers.address(*contender), LIMIT)?;
                // The first round warms up caches and allocators, and does not count.
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

/// The longest time for one measurement.
const LIMIT: Duration = Duration::from_secs(60);

/// The servers that the contenders need.
struct Servers {
    plain: process::Server,
    sessions: process::Server,
    socket_io: Option<process::Server>,
}

impl Servers {
    fn start(contenders: &[Contender]) -> Result<Self, Box<dyn std::error::Error>> {
        let socket_io = contenders.contains(&Contender::SocketIo).then(process::socket_io_server).transpose()?;
        let (plain, sessions) = (process::server(&["server"])?, process::server(&["sessions"])?);
        Ok(Self { plain, sessions, socket_io })
    }

    fn address(&self, contender: Contender) -> &str {
        match (contender, &self.socket_io) {
            (Contender::EverwireSession | Contender::EverwireDurable, _) => &self.sessions.address,
            (Contender::SocketIo, Some(server)) => &server.address,
            _ => &self.plain.address,
        }
    }
}
