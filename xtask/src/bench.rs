//! `cargo xtask bench`: measurements side by side with peers, in one run.

use crate::shell::{self, Failed};

pub(crate) fn bench(args: &[String]) -> Result<(), Failed> {
    match args.first().map_or("client", String::as_str) {
        "client" => shell::run(shell::cargo(&["run", "--release", "--package", "everwire-benches", "--", "client"])),
        other => Err(Failed(format!("no bench is called '{other}'; there is: client"))),
    }
}
