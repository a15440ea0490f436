//! One process per role, so that each has a core, an allocator and a scheduler of its own.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::contender::Contender;
use crate::report::{Figure, Measure};

pub(crate) use everwire_bench_process::{Server, memory, peak_memory, pin};

/// Starts a server: this program with these arguments.
pub(crate) fn server(args: &[&str]) -> Result<Server, Box<dyn std::error::Error>> {
    Ok(Server::start(&mut everwire_bench_process::itself(args)?)?)
}

/// Starts Socket.IO's server, in Node.js.
pub(crate) fn socket_io_server() -> Result<Server, Box<dyn std::error::Error>> {
    Ok(Server::start(socket_io(1).arg("server"))?)
}

/// The processor time that a process has used, in seconds, if the system reports it.
pub(crate) fn cpu_seconds(process: u32) -> Result<f64, Box<dyn std::error::Error>> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // After the name, which may have spaces; fields 14 and 15 are the ticks in user and in system mode.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
    let ticks: Vec<f64> = fields.skip(11).take(2).map_while(|ticks| ticks.parse().ok()).collect();
    Ok(ticks.iter().sum::<f64>() / 100.0)
}

/// Runs this program with these arguments, and returns the number that it prints.
pub(crate) fn figure(args: &[&str]) -> Result<f64, Box<dyn std::error::Error>> {
    let output = Command::new(std::env::current_exe()?).args(args).stderr(Stdio::inherit()).output()?;
    let line = String::from_utf8_lossy(&output.stdout);
    Ok(line.trim().parse().map_err(|_| format!("{args:?} gave '{line}'"))?)
}

/// Runs one measurement in a process of its own, which is killed if it takes longer than `limit`.
pub(crate) fn one(
    contender: Contender,
    measure: Measure,
    address: &str,
    limit: Duration,
) -> Result<Figure, Box<dyn std::error::Error>> {
    let mut command = match contender {
        Contender::SocketIo => socket_io(0),
        _ => Command::new(std::env::current_exe()?),
    };
    match contender {
        Contender::SocketIo => command.args([measure.name(), address]),
        _ => command.args(["one", contender.name(), measure.name(), address]),
    };
    let line = everwire_bench_process::line(&mut command, limit)?;
    Figure::from_line(&line).ok_or_else(|| format!("{} gave '{line}' for {}", contender.name(), measure.name()).into())
}

/// Socket.IO's script in Node.js, pinned to one core.
fn socket_io(core: usize) -> Command {
    everwire_bench_process::node(core, concat!(env!("CARGO_MANIFEST_DIR"), "/peers/socketio.mjs"))
}
