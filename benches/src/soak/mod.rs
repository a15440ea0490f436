//! The soak: thousands of clients and sessions over a failing network, beside clients that flood and never read, for half an hour.
//! Memory, descriptors and tasks must not grow.
//!
//! `cargo xtask soak [MINUTES]` builds and starts it. First comes the flood: 100 sessions whose clients send each kind of frame
//! and never read. Then 2,000 clients have minutes of traffic, cuts and rest. The server is a process of its own.

mod flood;
mod load;
mod peer;
mod samples;
mod server;

use std::time::{Duration, Instant};

use samples::Samples;

use crate::process;

pub(crate) type Done<T> = Result<T, Box<dyn std::error::Error>>;

const CLIENTS: usize = 2_000;
/// How often memory, descriptors and tasks are counted.
const SAMPLE: Duration = Duration::from_secs(1);
const PLOT: &str = "target/soak.svg";

pub(crate) use server::run as run_server;

/// Runs the flood, then the soak for this many minutes.
pub(crate) fn run(minutes: f64) -> Done<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        flood::run().await?;
        soak(Duration::try_from_secs_f64(minutes * 60.0)?).await
    })
}

async fn soak(time: Duration) -> Done<()> {
    let server = process::server(&["soak-server"])?;
    let load = load::start(&server.address, CLIENTS).await?;
    println!("{CLIENTS} clients for {:.0} minutes", time.as_secs_f64() / 60.0);
    let (begun, mut samples) = (Instant::now(), Samples::default());
    while begun.elapsed() < time {
        tokio::time::sleep(SAMPLE).await;
        load.advance(begun.elapsed());
        samples.take(begun.elapsed(), &server).await?;
    }
    std::fs::write(PLOT, samples.plot())?;
    println!("{samples}{}", load.summary());
    println!("the plot is in {PLOT}");
    samples.verdict()
}
