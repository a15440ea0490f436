//! A chore that runs in the background, and whose output is shown when its end is awaited.

use std::fs::File;
use std::process::{Child, Command};

use crate::shell::{self, Failed};

/// A chore in the background; dropping it stops it.
pub(crate) struct Aside {
    chore: String,
    child: Child,
    log: std::path::PathBuf,
}

impl Aside {
    /// Starts `cargo xtask` with these arguments.
    pub(crate) fn start(args: &[&str]) -> Result<Self, Failed> {
        let xtask = std::env::current_exe().map_err(|error| Failed(format!("where this program is: {error}")))?;
        Self::spawn(Command::new(xtask), args)
    }

    /// The same at a low priority: it takes what others leave of the processors.
    pub(crate) fn start_behind(args: &[&str]) -> Result<Self, Failed> {
        let xtask = std::env::current_exe().map_err(|error| Failed(format!("where this program is: {error}")))?;
        let mut nice = Command::new("nice");
        nice.args(["-n", "15"]).arg(xtask);
        Self::spawn(nice, args)
    }

    fn spawn(mut command: Command, args: &[&str]) -> Result<Self, Failed> {
        let chore = args.join(" ");
        let failed = |error| Failed(format!("could not start `cargo xtask {chore}`: {error}"));
        let log = shell::target().join(format!("{}.log", args.join("-")));
        let output = File::create(&log).map_err(failed)?;
        let errors = output.try_clone().map_err(failed)?;
        let child = command.args(args).stdout(output).stderr(errors).spawn().map_err(failed)?;
        eprintln!("→ cargo xtask {chore}, in the background");
        Ok(Self { chore, child, log })
    }

    /// Waits for its end, and shows its output.
    pub(crate) fn finish(mut self) -> Result<(), Failed> {
        let chore = &self.chore;
        let status = self.child.wait().map_err(|error| Failed(format!("`cargo xtask {chore}`: {error}")))?;
        eprintln!("→ cargo xtask {chore}");
        eprint!("{}", shell::read(&self.log)?);
        if status.success() { Ok(()) } else { Err(Failed(format!("`cargo xtask {chore}` failed ({status})"))) }
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // Does nothing if its end was awaited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
