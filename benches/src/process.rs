//! One process per role, so that each has a core, an allocator and a scheduler of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::contender::Contender;
use crate::report::{Figure, Measure};

/// The server's process; killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// Where it listens, `127.0.0.1:PORT`.
    pub(crate) address: String,
}

impl Server {
    pub(crate) fn start(role: &str) -> Result<Self, Box<dyn std::error::Error>> {
        Self::spawn(Command::new(std::env::current_exe()?).arg(role))
    }

    /// Socket.IO's, in Node.js.
    pub(crate) fn socket_io() -> Result<Self, Box<dyn std::error::Error>> {
        Self::spawn(socket_io(1).arg("server"))
    }

    /// A role with an argument.
    pub(crate) fn start_with(role: &str, argument: &str) -> Result<Self, Box<dyn std::error::Error>> {
        Self::spawn(Command::new(std::env::current_exe()?).args([role, argument]))
    }

    /// Bytes that it holds in memory, where the system tells.
    pub(crate) fn memory(&self) -> Result<f64, Box<dyn std::error::Error>> {
        memory(&self.child.id().to_string())
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    fn spawn(command: &mut Command) -> Result<Self, Box<dyn std::error::Error>> {
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

/// Bytes that a process, or `self`, holds in memory, where the system tells.
pub(crate) fn memory(process: &str) -> Result<f64, Box<dyn std::error::Error>> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no figure of memory")?;
    let kilobytes: f64 = resident.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes * 1024.0)
}

/// Seconds of processor time that a process has used, where the system tells.
pub(crate) fn cpu_seconds(process: u32) -> Result<f64, Box<dyn std::error::Error>> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // Behind the name, which may have spaces: fields 14 and 15 of all are ticks in user and in system mode.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
    let ticks: Vec<f64> = fields.skip(11).take(2).map_while(|ticks| ticks.parse().ok()).collect();
    Ok(ticks.iter().sum::<f64>() / 100.0)
}

/// What this program prints with these arguments, in a process of its own: a number.
pub(crate) fn figure(args: &[&str]) -> Result<f64, Box<dyn std::error::Error>> {
    let output = Command::new(std::env::current_exe()?).args(args).stderr(Stdio::inherit()).output()?;
    let line = String::from_utf8_lossy(&output.stdout);
    Ok(line.trim().parse().map_err(|_| format!("{args:?} gave '{line}'"))?)
}

/// One measurement in a process of its own, ended if it takes longer than `limit`.
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
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let started = Instant::now();
    while child.try_wait()?.is_none() {
        if started.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Err(format!("{} took over {limit:?} for {}", contender.name(), measure.name()).into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut line = String::new();
    let stdout = child.stdout.take().ok_or("no output")?;
    BufReader::new(stdout).read_line(&mut line)?;
    Figure::from_line(&line).ok_or_else(|| format!("{} gave '{line}' for {}", contender.name(), measure.name()).into())
}

/// Socket.IO's script in Node.js, pinned to one core, where the system can.
fn socket_io(core: usize) -> Command {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/socketio.mjs");
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string(), "node", script]);
    command
}

/// Pins this process to one core, where the machine has it.
pub(crate) fn pin(core: usize) {
    let mut cores = rustix::thread::CpuSet::new();
    cores.set(core);
    // On a machine with one core the run is still valid, only noisier.
    let _ = rustix::thread::sched_setaffinity(None, &cores);
}
