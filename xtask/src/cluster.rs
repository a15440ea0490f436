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
