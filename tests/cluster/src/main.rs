//! Several nodes under faults: real brokers, nodes and clients, and the checker over all that the clients have seen.
//!
//! `cargo xtask cluster` builds what it needs and starts it; `cargo xtask cluster --help` tells the options.
#![allow(clippy::expect_used, clippy::panic)] // a test fails by panicking

mod harness;

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match harness::run(&args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("cluster: {why}");
            ExitCode::FAILURE
        }
    }
}
