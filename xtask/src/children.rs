//! Child processes, which are always killed at the end.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::shell::{self, Failed};

/// A child process that is killed when dropped.
pub(crate) struct Running {
    child: Child,
    line: String,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Result<Self, Failed> {
        let line = shell::line(command);
        let child = command.spawn().map_err(|error| Failed(format!("could not start `{line}`: {error}")))?;
        Ok(Self { child, line })
    }

    /// The first line of its output, which has to be piped.
    pub(crate) fn first_line(&mut self) -> Result<String, Failed> {
        let mut line = String::new();
        if let Some(stdout) = self.child.stdout.take() {
            let read = BufReader::new(stdout).read_line(&mut line);
            read.map_err(|error| Failed(format!("`{}`: {error}", self.line)))?;
        }
        Ok(line.trim().to_owned())
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)) | Err(_))
    }

    /// Waits for its end, for at most `most`.
    pub(crate) fn wait(mut self, most: Duration) -> Result<ExitStatus, Failed> {
        let mut status = None;
        wait_until(most, || {
            status = self.child.try_wait().transpose();
            status.is_some()
        });
        let ended = status.ok_or_else(|| Failed(format!("`{}` took longer than {} s", self.line, most.as_secs())))?;
        ended.map_err(|error| Failed(format!("`{}`: {error}", self.line)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for a condition; returns whether it has become true in time.
pub(crate) fn wait_until(most: Duration, mut is_true: impl FnMut() -> bool) -> bool {
    let started = Instant::now();
    loop {
        if is_true() {
            return true;
        }
        if started.elapsed() > most {
            return false;
        }
        sleep(Duration::from_millis(20));
    }
}
