//! One measurement, with a process for each end.

use std::time::Duration;

use everwire_bench_process::{Server, itself, line};

use crate::Done;
use crate::contender::{Contender, Transport};

/// The result of one measurement.
pub(crate) struct Figures {
    /// Processor time of the accepting side per opening, in microseconds.
    pub(crate) cpu: f64,
    /// The part of it outside the kernel, by the clock's ticks.
    pub(crate) user: f64,
    /// Openings per second of real time.
    pub(crate) a_second: f64,
}

const WARM_UP: u64 = 500;

/// The longest time for a run.
const LIMIT: Duration = Duration::from_secs(120);

pub(crate) fn measure(contender: Contender, transport: Transport, quick: bool) -> Done<Figures> {
    let server = Server::start(itself(&["server"])?.args([contender.name(), transport.name()]))?;
    let (address, certificate) = server.address.split_once(' ').ok_or("the server names no certificate")?;
    let openings = |count: u64| -> Done<f64> {
        let count = count.to_string();
        let args = ["client", transport.name(), address, certificate, &count];
        Ok(line(&mut itself(&args)?, LIMIT)?.trim().parse()?)
    };
    let count = match transport {
        _ if quick => 20,
        Transport::Tcp => 10_000,
        Transport::Tls | Transport::Resumed => 3_000,
    };
    openings(if quick { 5 } else { WARM_UP })?;
    let (cpu, user) = (cpu(server.id())?, user_time(server.id())?);
    let seconds = openings(count)?;
    let count = count as f64;
    Ok(Figures {
        cpu: (self::cpu(server.id())? - cpu) / count,
        user: (user_time(server.id())? - user) / count,
        a_second: count / seconds,
    })
}

/// The processor time of a process's only thread, in microseconds.
fn cpu(process: u32) -> Done<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/schedstat"))?;
    Ok(stat.split_whitespace().next().ok_or("no figure of time")?.parse::<f64>()? / 1e3)
}

/// The processor time outside the kernel, in microseconds, with a resolution of 10 ms.
fn user_time(process: u32) -> Done<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, behind_name) = stat.rsplit_once(')').ok_or("no figure of time")?;
    Ok(behind_name.split_whitespace().nth(11).ok_or("no figure of time")?.parse::<f64>()? * 1e4)
}

pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
