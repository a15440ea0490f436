//! The real binary as a child process, and scripted servers for it to meet.

pub(crate) mod secure;
pub(crate) mod server;
pub(crate) mod tls;

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// The longest wait of a test for one thing.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A running `everwire`. Killed when dropped.
pub(crate) struct Everwire {
    child: Child,
    stdin: Option<ChildStdin>,
    pub(crate) out: Lines,
    pub(crate) err: Lines,
}

/// The lines of a stream of the child.
pub(crate) struct Lines {
    lines: Receiver<String>,
    pub(crate) seen: Vec<String>,
}

/// A command without the environment variables that it obeys, for tests that need more than [`Everwire::start`] gives.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_everwire"));
    command
        .args(args)
        .env_remove("NO_COLOR")
        .env_remove("RUST_LOG")
        .env_remove("EVERWIRE_LOG")
        .env_remove("EVERWIRE_NAME");
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_ascii_lowercase());
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Everwire {
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::of(command(args))
    }

    pub(crate) fn of(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the binary starts");
        let stdin = child.stdin.take();
        let out = Lines::of(child.stdout.take());
        let err = Lines::of(child.stderr.take());
        Self { child, stdin, out, err }
    }

    pub(crate) fn say(&mut self, line: &str) {
        self.write(format!("{line}\n").as_bytes());
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().expect("stdin is open");
        // One that has ended reads nothing any more: how it ended, each test looks at.
        let written = stdin.write_all(bytes);
        assert!(written.is_ok() || written.is_err_and(|error| error.kind() == ErrorKind::BrokenPipe));
    }

    pub(crate) fn end_input(&mut self) {
        self.stdin = None;
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status();
        assert!(status.is_ok_and(|status| status.success()));
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Ends the input and waits for the end.
    pub(crate) fn finish(&mut self) -> i32 {
        self.end_input();
        self.exit_code()
    }

    /// The exit code, once everything that was said has been read.
    pub(crate) fn exit_code(&mut self) -> i32 {
        let deadline = Instant::now() + PATIENCE;
        self.out.drain(deadline);
        self.err.drain(deadline);
        loop {
            if let Some(status) = self.child.try_wait().expect("the child can be asked") {
                return status.code().unwrap_or(-1);
            }
            assert!(Instant::now() < deadline, "still runs; it said {:?} {:?}", self.out.seen, self.err.seen);
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Everwire {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Lines {
    fn of(stream: Option<impl Read + Send + 'static>) -> Self {
        let (sender, lines) = channel();
        if let Some(stream) = stream {
            thread::spawn(move || {
                for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                    if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                        return;
                    }
                }
            });
        }
        Self { lines, seen: Vec::new() }
    }

    /// Reads until a line holds `part`, and gives that line.
    pub(crate) fn until(&mut self, part: &str) -> String {
        self.until_line(part, |line| line.contains(part))
    }

    pub(crate) fn until_line(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if wanted(&line) {
                        return line;
                    }
                }
                Err(_) => panic!("never said {what:?}, only {:#?}", self.seen),
            }
        }
    }

    fn drain(&mut self, deadline: Instant) {
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => panic!("never ended; it said {:#?}", self.seen),
            }
        }
    }

    pub(crate) fn text(&self) -> String {
        self.seen.join("\n")
    }
}

/// Runs to the end without input.
pub(crate) fn run(args: &[&str]) -> (i32, String, String) {
    let mut everwire = Everwire::start(args);
    let code = everwire.finish();
    (code, everwire.out.text(), everwire.err.text())
}
