//! `cargo xtask cluster`: several nodes under faults, and the checker over all that their members have seen.

use crate::python;
use crate::shell::{self, Failed};

/// Passes the arguments on to the harness, which is built as the tests build it; it builds the binary itself.
pub(crate) fn cluster(args: &[String]) -> Result<(), Failed> {
    python::nats_server()?;
    let harness = shell::tested("everwire-cluster")?;
    let mut command = shell::command(harness, &[]);
    command.args(args);
    shell::run(command)
}

/// As part of the tests: one node, then several, with faults that nobody has seen before.
pub(crate) fn check() -> Result<(), Failed> {
    for words in [&["--local", "--seconds", "15"][..], &["--schedules", "3", "--seconds", "20"]] {
        let mut args: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        if !is_root() {
            eprintln!("not root: without partitions, stalled watches and full disks");
            args.push("--unprivileged".to_owned());
        }
        cluster(&args)?;
    }
    Ok(())
}

fn is_root() -> bool {
    shell::output(shell::command("id", &["-u"])).is_ok_and(|id| id.trim() == "0")
}
