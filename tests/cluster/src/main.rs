//! Several nodes under faults: real brokers, nodes and clients, and the checker over all that the clients have seen.
//!
//! `cargo xtask cluster` builds what it needs and starts it; `cargo xtask cluster --help` shows the options.
#![allow(clippy::expect_used, clippy::panic)] // a test fails by panicking

mod harness;

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // Interrupted, it ends what it has started, and removes its namespaces and file systems.
    let ended = tokio::select! {
        ended = harness::run(&args) => ended,
        () = interrupted() => Err("interrupted".to_owned()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("cluster: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut ends = [SignalKind::interrupt(), SignalKind::terminate()].map(|kind| signal(kind).expect("a signal"));
    let [interrupt, terminate] = &mut ends;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
