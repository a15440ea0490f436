//! One process per role, so that each has a core, an allocator and a scheduler of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Done;

/// The core that clients run on.
pub(crate) const CLIENT_CORE: usize = 0;
/// The core that servers run on.
pub(crate) const SERVER_CORE: usize = 1;

/// A server's process; killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// Where it listens, `127.0.0.1:PORT`.
    pub(crate) address: String,
}

impl Server {
    pub(crate) fn start(args: &[&str]) -> Done<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("server")
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
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

/// What a client's process prints: one line. It is ended if it takes longer than `limit`.
pub(crate) fn client(args: &[&str], limit: Duration) -> Done<String> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg("client")
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let started = Instant::now();
    while child.try_wait()?.is_none() {
        if started.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Err(format!("took over {limit:?}").into());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let mut line = String::new();
    let stdout = child.stdout.take().ok_or("the client has no output")?;
    BufReader::new(stdout).read_line(&mut line)?;
    Ok(line)
}

/// Pins this process to one core, where the machine has it. On a machine with one core the run is still valid, only
/// noisier.
pub(crate) fn pin(core: usize) {
    let mut cores = rustix::thread::CpuSet::new();
    cores.set(core);
    let _ = rustix::thread::sched_setaffinity(None, &cores);
}

/// CPU time that this process has used so far, the kernel's on its behalf included.
pub(crate) fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}

/// Bytes of this process that are in memory.
pub(crate) fn resident() -> Done<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes << 10)
}
