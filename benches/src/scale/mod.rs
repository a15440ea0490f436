//! Measures whether the cost of one operation grows with the number of queued messages, sessions, shown messages and stored
//! messages.
//!
//! State machines (outbox, registry, timeline) are measured by this thread's processor time; a server is measured from outside, by
//! the shortest of several tries. Both depend least on other programs of the machine.

mod growth;
mod history;
mod outbox;
mod registry;
mod reopen;
mod timeline;

use std::time::Duration;

pub(crate) type Done<T> = Result<T, Box<dyn std::error::Error>>;

/// The largest sizes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sizes {
    /// Only to check that everything runs.
    Quick,
    Usual,
    /// Ten million messages in the history, a million in an outbox on the disk.
    Large,
}

/// Prints the table, and writes the plot to this file.
pub(crate) fn run(sizes: Sizes, plot: Option<&str>) -> Done<()> {
    let mut all = outbox::run(sizes)?;
    all.extend(registry::run(sizes)?);
    all.extend(timeline::run(sizes));
    all.extend(reopen::run(sizes)?);
    all.extend(history::run(sizes)?);
    print!("{}", growth::table(&all));
    if let Some(plot) = plot {
        std::fs::write(plot, growth::plot(&all))?;
    }
    Ok(())
}

impl Sizes {
    /// The sizes of `all` up to the largest one for this choice.
    fn upto(self, quick: usize, usual: usize, large: usize, all: &[usize]) -> Vec<usize> {
        let most = match self {
            Self::Quick => quick,
            Self::Usual => usual,
            Self::Large => large,
        };
        all.iter().copied().filter(|size| *size <= most).collect()
    }
}

/// The processor time of this thread until now.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The processor time per operation, in nanoseconds.
fn each(operations: usize, work: impl FnOnce()) -> f64 {
    let before = cpu_time();
    work();
    cpu_time().saturating_sub(before).as_nanos() as f64 / operations as f64
}

/// The smallest of several measurements.
fn least(mut measure: impl FnMut() -> f64) -> f64 {
    (0..3).map(|_| measure()).fold(f64::INFINITY, f64::min)
}

/// The numbers below `count` in an order that looks random and is the same each time.
fn shuffled(count: usize) -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..count).collect();
    let mut dice = 0x9e37_79b9_7f4a_7c15_u64;
    for at in (1..count).rev() {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        numbers.swap(at, ((u128::from(dice) * (at as u128 + 1)) >> 64) as usize);
    }
    numbers
}
