//! Hot paths whose instructions `cargo xtask bench --check` counts with callgrind.
//!
//! Without an argument it prints the names of the paths; with one it runs that path and prints the number of measured
//! operations. Every path does the same work each time: seeds and sizes are fixed, and while [`measured`](measure::measured)
//! runs there is one thread, no I/O, and no reading of the clock.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod measure;
mod paths;

use std::process::ExitCode;

use paths::PATHS;

fn main() -> ExitCode {
    let Some(name) = std::env::args().nth(1) else {
        PATHS.iter().for_each(|path| println!("{}", path.name));
        return ExitCode::SUCCESS;
    };
    let Some(path) = PATHS.iter().find(|path| path.name == name) else {
        eprintln!("there is no path '{name}'");
        return ExitCode::FAILURE;
    };
    match (path.run)() {
        Ok(operations) => {
            println!("{operations}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    }
}
