//! A client or a server in a process of its own, controlled by lines.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, timeout, timeout_at};

use super::Done;

/// A client's or a server's process; killed when dropped.
pub(super) struct PeerProcess {
    _child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl PeerProcess {
    pub(super) fn server(contender: &str) -> Done<Self> {
        if contender.starts_with("everwire") || !contender.starts_with("socket.io") {
            return Self::start(Command::new(std::env::current_exe()?).arg("recovery-server"));
        }
        Self::start(node().arg("server"))
    }

    pub(super) fn client(contender: &str, address: &str) -> Done<Self> {
        if contender.starts_with("everwire") {
            return Self::start(Command::new(std::env::current_exe()?).args(["recovery-client", contender, address]));
        }
        Self::start(node().args([contender, address]))
    }

    fn start(command: &mut Command) -> Done<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let stdin = child.stdin.take().ok_or("no input")?;
        let stdout = child.stdout.take().ok_or("no output")?;
        Ok(Self { _child: child, stdin, lines: BufReader::new(stdout).lines() })
    }

    /// The next line; `None` if it does not come in time, or the process has ended.
    pub(super) async fn next_line(&mut self, within: Duration) -> Option<String> {
        timeout(within, self.lines.next_line()).await.ok()?.ok()?
    }

    /// Waits for this line; returns the time at which it came, or `None` if it did not come in time.
    pub(super) async fn wait_for(&mut self, words: &str, within: Duration) -> Option<Instant> {
        let until = Instant::now().checked_add(within)?;
        while let Ok(Ok(Some(line))) = timeout_at(until, self.lines.next_line()).await {
            if line == words {
                return Some(Instant::now());
            }
        }
        None
    }

    /// Asks the client to stop sending, and to report how many numbers it has sent.
    pub(super) async fn stop(&mut self) -> Done<()> {
        Ok(self.stdin.write_all(b"stop\n").await?)
    }

    pub(super) async fn said(&mut self, within: Duration) -> Option<u64> {
        loop {
            if let Some(count) = self.next_line(within).await?.strip_prefix("said ") {
                return count.parse().ok();
            }
        }
    }
}

fn node() -> Command {
    let mut command = Command::new("node");
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/peers/recovery.mjs"));
    command
}
