//! A program that can be killed, stopped and started again.

use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::Done;

/// How long a program may take to end after SIGTERM.
const TERMINATION: Duration = Duration::from_secs(30);

/// A program with its arguments, and its process while there is one. Killed when dropped.
pub(crate) struct Program {
    words: Vec<String>,
    /// Its standard output and standard error are appended here.
    log: PathBuf,
    child: Option<Child>,
    /// Whether it should run: then it is started again when it has ended.
    pub(crate) is_wanted: bool,
    pub(crate) is_stopped: bool,
}

impl Program {
    pub(crate) fn new(words: Vec<String>, log: PathBuf) -> Self {
        Self { words, log, child: None, is_wanted: false, is_stopped: false }
    }

    pub(crate) fn start(&mut self) -> Done<()> {
        let failed = |error: std::io::Error| format!("{}: {error}", self.words.join(" "));
        let log = File::options().create(true).append(true).open(&self.log).map_err(failed)?;
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).env("NO_COLOR", "1").stdin(Stdio::null());
        command.stdout(log.try_clone().map_err(failed)?).stderr(log).kill_on_drop(true);
        self.child = Some(command.spawn().map_err(failed)?);
        (self.is_wanted, self.is_stopped) = (true, false);
        Ok(())
    }

    /// Starts it again if it has ended by itself, as a supervisor does; says whether it had.
    pub(crate) fn revive(&mut self) -> Done<bool> {
        let has_ended = match &mut self.child {
            Some(child) => child.try_wait().map_err(|error| error.to_string())?.is_some(),
            None => true,
        };
        if self.is_wanted && has_ended {
            self.start()?;
        }
        Ok(self.is_wanted && has_ended)
    }

    pub(crate) async fn kill(&mut self) {
        self.is_wanted = false;
        if let Some(mut child) = self.child.take() {
            // One that is stopped dies too.
            let _ = child.kill().await;
        }
    }

    /// Sends SIGTERM, and waits until it has ended.
    pub(crate) async fn terminate(&mut self) -> Done<()> {
        self.is_wanted = false;
        self.signal("TERM").await;
        // One that stands still would never hear it.
        self.resume().await;
        let Some(mut child) = self.child.take() else { return Ok(()) };
        match timeout(TERMINATION, child.wait()).await {
            Ok(_) => Ok(()),
            Err(_) => {
                let _ = child.kill().await;
                Err(format!("{} did not end within {} s", self.log.display(), TERMINATION.as_secs()))
            }
        }
    }

    pub(crate) async fn stop(&mut self) {
        self.signal("STOP").await;
        self.is_stopped = true;
    }

    pub(crate) async fn resume(&mut self) {
        self.signal("CONT").await;
        self.is_stopped = false;
    }

    async fn signal(&self, signal: &str) {
        if let Some(id) = self.child.as_ref().and_then(Child::id) {
            let _ = Command::new("kill").args([&format!("-{signal}"), &id.to_string()]).status().await;
        }
    }
}
