//! `cargo xtask run`: builds and starts the chat server, from a clean clone too.

use crate::page;
use crate::shell::{self, Failed};

pub(crate) fn run(args: &[String]) -> Result<(), Failed> {
    if let Err(Failed(why)) = page::page() {
        eprintln!("the page could not be built, so the server starts without it: {why}");
    }
    shell::run(shell::cargo(&["build", "--release", "--package", "everwire-cli"]))?;
    let mut serve = shell::cargo(&["run", "--quiet", "--release", "--package", "everwire-cli", "--", "serve"]);
    serve.args(args);
    replace_this_process(serve)
}

/// Replaces this process by the server, so that signals reach it and its exit code is returned.
#[cfg(unix)]
fn replace_this_process(mut command: std::process::Command) -> Result<(), Failed> {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    Err(Failed(format!("could not start the server: {error}")))
}

#[cfg(not(unix))]
fn replace_this_process(command: std::process::Command) -> Result<(), Failed> {
    shell::run(command)
}
