//! One process per role, so that each has a core, an allocator and a scheduler of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::Done;
use crate::contender::Contender;

/// The server's process; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
}

impl Server {
    pub(crate) fn start(contender: Contender) -> Done<Self> {
        let mut command = match contender {
            Contender::SocketIo => socket_io(1, "server"),
            _ => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["server", contender.name()]);
                command
            }
        };
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let mut address = String::new();
        let stdout = child.stdout.take().ok_or("the server has no output")?;
        BufReader::new(stdout).read_line(&mut address)?;
        Ok(Self { child, address: address.trim().to_owned() })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Calls a second, the median and 99th percentile of a call's time in microseconds, and microseconds on a processor for each call, of
/// both ends together: what a busy machine changes least.
pub(crate) fn calls(contender: Contender, server: &Server, in_flight: u64, count: u64) -> Done<Vec<f64>> {
    let before = cpu(&server.child.id().to_string())?;
    let (in_flight, all) = (in_flight.to_string(), count.to_string());
    let mut figures = match contender {
        Contender::SocketIo => {
            let mut command = socket_io(0, "calls");
            read(command.args([&server.address, &in_flight, &all]))?
        }
        _ => figures(&["calls".to_owned(), contender.name().to_owned(), server.address.clone(), in_flight, all])?,
    };
    let server = (cpu(&server.child.id().to_string())? - before) / count as f64;
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

/// What this program prints with these arguments, in a process of its own.
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

fn socket_io(core: usize, role: &str) -> Command {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../peers/calls.mjs");
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string(), "node", script, role]);
    command
}

/// Pins this process to one core, where the machine has it.
pub(crate) fn pin(core: usize) {
    let mut cores = rustix::thread::CpuSet::new();
    cores.set(core);
    // On a machine with one core the run is still valid, only noisier.
    let _ = rustix::thread::sched_setaffinity(None, &cores);
}

/// Bytes that this process holds in memory.
pub(crate) fn memory() -> Done<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no figure of memory")?;
    let kilobytes: f64 = resident.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes * 1024.0)
}

pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
