//! One process for each end of a measurement, so that each has a core, an allocator and a scheduler of its own.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use std::io::{self, BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// A server's process; killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// The address that it listens on, `127.0.0.1:PORT`.
    pub address: String,
}

impl Server {
    /// Starts a server, which prints its address on its first line.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let address = first_line(child.stdout.take())?;
        Ok(Self { child, address: address.trim().to_owned() })
    }

    /// The id of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its resident memory in bytes, if the system reports it.
    pub fn memory(&self) -> io::Result<f64> {
        memory(&self.id().to_string())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// This program with these arguments.
pub fn itself(args: &[&str]) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(args);
    Ok(command)
}

/// A script in Node.js, pinned to one core.
pub fn node(core: usize, script: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string(), "node", script]);
    command
}

/// The first line that a command prints. It is ended if it takes longer than `limit`, which is an error.
pub fn line(command: &mut Command, limit: Duration) -> io::Result<String> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let started = Instant::now();
    while child.try_wait()?.is_none() {
        if started.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::other(format!("{command:?} took over {limit:?}")));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    first_line(child.stdout.take())
}

fn first_line(stdout: Option<ChildStdout>) -> io::Result<String> {
    let mut line = String::new();
    BufReader::new(stdout.ok_or_else(|| io::Error::other("no output"))?).read_line(&mut line)?;
    Ok(line)
}

/// Pins this process to one core, if the machine has it. On a machine with one core the figures are still valid, but noisier.
pub fn pin(core: usize) {
    let mut cores = rustix::thread::CpuSet::new();
    cores.set(core);
    let _ = rustix::thread::sched_setaffinity(None, &cores);
}

/// The resident memory of a process, or of `self`, in bytes, if the system reports it.
pub fn memory(process: &str) -> io::Result<f64> {
    memory_of(process, "VmRSS:")
}

/// The most bytes that a process has held in memory, where the system tells.
pub fn peak_memory(process: &str) -> io::Result<f64> {
    memory_of(process, "VmHWM:")
}

fn memory_of(process: &str, field: &str) -> io::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let found = status.lines().find_map(|line| line.strip_prefix(field));
    let kibibytes = found.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
    Ok(kibibytes.ok_or_else(|| io::Error::other("no figure of memory"))? * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::{Duration, line, memory, peak_memory};
    use std::process::Command;

    #[test]
    fn a_process_that_takes_too_long_is_killed() {
        assert_eq!(line(Command::new("echo").arg("7"), Duration::from_secs(60)).unwrap(), "7\n");
        let slow = line(Command::new("sleep").arg("60"), Duration::from_millis(20)).unwrap_err();
        assert!(slow.to_string().contains("took over"), "{slow}");
    }

    #[test]
    fn this_process_holds_memory() {
        let (now, most) = (memory("self").unwrap(), peak_memory("self").unwrap());
        assert!(100_000.0 < now && now <= most + 1_000_000.0, "{now} bytes, {most} at most");
    }
}
