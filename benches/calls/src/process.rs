//! One process per role, so that each has a core, an allocator and a scheduler of its own.

use std::process::{Command, Stdio};

use crate::Done;
use crate::contender::Contender;

pub(crate) use everwire_bench_process::{Server, memory, pin};

/// Starts the server of a contender.
pub(crate) fn server(contender: Contender) -> Done<Server> {
    Ok(match contender {
        Contender::SocketIo => Server::start(socket_io(1).arg("server"))?,
        _ => Server::start(&mut everwire_bench_process::itself(&["server", contender.name()])?)?,
    })
}

/// Measures calls per second, the median and the 99th percentile of a call's time in microseconds, and the processor time per call
/// in microseconds, of both ends together; the latter depends least on how busy the machine is.
pub(crate) fn calls(contender: Contender, server: &Server, in_flight: u64, count: u64) -> Done<Vec<f64>> {
    let before = cpu(&server.id().to_string())?;
    let (in_flight, all) = (in_flight.to_string(), count.to_string());
    let mut figures = match contender {
        Contender::SocketIo => {
            let mut command = socket_io(0);
            read(command.args(["calls", &server.address, &in_flight, &all]))?
        }
        _ => figures(&["calls".to_owned(), contender.name().to_owned(), server.address.clone(), in_flight, all])?,
    };
    let server = (cpu(&server.id().to_string())? - before) / count as f64;
    if let Some(client) = figures.get_mut(3) {
        *client += server;
    }
    Ok(figures)
}

/// Microseconds that the main thread of a process, or of `self`, has been on a processor.
pub(crate) fn cpu(process: &str) -> Done<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/schedstat"))?;
    Ok(stat.split_whitespace().next().ok_or("no figure of time")?.parse::<f64>()? / 1e3)
}

/// Runs this program with these arguments, and returns the figures that it prints.
pub(crate) fn figures(args: &[String]) -> Done<Vec<f64>> {
    read(Command::new(std::env::current_exe()?).args(args))
}

fn read(command: &mut Command) -> Done<Vec<f64>> {
    let output = command.stderr(Stdio::inherit()).output()?;
    let line = String::from_utf8_lossy(&output.stdout).into_owned();
    let figures: Result<Vec<f64>, _> = line.split_whitespace().map(str::parse).collect();
    match figures {
        Ok(figures) if !figures.is_empty() => Ok(figures),
        _ => Err(format!("{command:?} gave '{line}'").into()),
    }
}

fn socket_io(core: usize) -> Command {
    everwire_bench_process::node(core, concat!(env!("CARGO_MANIFEST_DIR"), "/../peers/calls.mjs"))
}

pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
