//! `cargo xtask cluster`: runs several nodes under faults, and checks everything that their members have seen.

use crate::python;
use crate::shell::{self, Failed};

/// Runs the harness with these arguments. It is built with the tests' profile, and builds the binary itself.
pub(crate) fn cluster(args: &[String]) -> Result<(), Failed> {
    python::nats_server()?;
    let harness = shell::tested("everwire-cluster")?;
    let mut command = shell::command(harness, &[]);
    command.args(args);
    shell::run(command)
}

/// Runs one node, then several, with new random faults, as part of the tests.
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
