//! One process per role, so that each has a core, an allocator and a scheduler of its own.

use std::time::Duration;

use everwire_bench_process::itself;

use crate::Done;

pub(crate) use everwire_bench_process::{Server, memory, pin};

/// The core that clients run on.
pub(crate) const CLIENT_CORE: usize = 0;
/// The core that servers run on.
pub(crate) const SERVER_CORE: usize = 1;

/// Starts a server: this program with these arguments.
pub(crate) fn server(args: &[&str]) -> Done<Server> {
    Ok(Server::start(itself(&["server"])?.args(args))?)
}

/// Runs a client's process, and returns the line that it prints. It is killed if it takes longer than `limit`.
pub(crate) fn client(args: &[&str], limit: Duration) -> Done<String> {
    Ok(everwire_bench_process::line(itself(&["client"])?.args(args), limit)?)
}

/// The CPU time that this process has used so far, including that in the kernel.
pub(crate) fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}
