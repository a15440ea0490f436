//! Real processes for tests: their output is read line by line with a deadline, and they are always killed in the end.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// How long a test waits for any single event, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The repository's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ has a parent")
}

/// The `everwire` binary, built once per test process: as the workspace's tests build it, so that nothing is built twice.
pub fn everwire() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| build("--bin", "everwire"))
}

/// The path of `nats-server`, the broker of a cluster, in the version that `cargo xtask setup` has installed.
pub fn nats_server() -> PathBuf {
    let program = root().join("target/python/nats/bin/nats-server");
    assert!(program.exists(), "{} is missing: run `cargo xtask setup`", program.display());
    program
}

/// An example, built in the same way.
pub fn example(name: &str) -> PathBuf {
    build("--example", name)
}

/// Builds a program, without a deadline, and returns its path.
fn build(kind: &str, name: &str) -> PathBuf {
    let output = cargo()
        .args(["build", "--workspace", "--all-features", kind, name])
        .args(["--message-format", "json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{name} builds");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .expect("cargo names the executable")
}

/// Cargo, in the repository's root.
///
/// The variables that cargo has set for this package are removed: build scripts that depend on them would cause
/// a rebuild of everything that depends on these scripts.
pub fn cargo() -> std::process::Command {
    let mut cargo = std::process::Command::new(env!("CARGO"));
    cargo.current_dir(root());
    for (name, _) in std::env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"]
            .iter()
            .any(|ours| name.to_string_lossy().starts_with(ours))
        {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// A program under test: its standard input, and its standard output line by line.
pub struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts a command; it is killed when the value is dropped.
    pub fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().expect("piped")).lines();
        Self { child, stdin, stdout }
    }

    /// Starts a script of `tests/peers`.
    pub fn node(script: &str, args: &[&str]) -> Self {
        let script = root().join("tests/peers").join(script);
        Self::start(Command::new("node").arg(script).args(args))
    }

    /// Starts a Python script of `tests/peers`, with the packages that `cargo xtask setup` has installed.
    pub fn python(script: &str, args: &[&str]) -> Self {
        let python = root().join("target/python/peers/bin/python");
        assert!(python.exists(), "{} is missing: run `cargo xtask setup`", python.display());
        let script = root().join("tests/peers").join(script);
        // Write no compiled files beside the sources.
        Self::start(Command::new(python).arg("-B").arg(script).args(args))
    }

    /// Starts a Java source file of `tests/peers`, with these libraries of Debian's.
    pub fn java(source: &str, libraries: &[&str], args: &[&str]) -> Self {
        let libraries: Vec<String> = libraries.iter().map(|name| format!("/usr/share/java/{name}.jar")).collect();
        let source = root().join("tests/peers").join(source);
        Self::start(Command::new("java").arg("--class-path").arg(libraries.join(":")).arg(source).args(args))
    }

    /// Starts the `everwire` binary, without colours.
    pub fn everwire(args: &[&str]) -> Self {
        Self::start(Command::new(everwire()).args(args).env("NO_COLOR", "1"))
    }

    /// Writes a line to its standard input.
    pub async fn type_line(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("stdin is open");
        stdin.write_all(format!("{line}\n").as_bytes()).await.expect("the process reads its input");
        stdin.flush().await.expect("the process reads its input");
    }

    /// Ends the standard input.
    pub fn end_input(&mut self) {
        self.stdin = None;
    }

    /// The next line of its output.
    pub async fn line(&mut self) -> String {
        tokio::time::timeout(PATIENCE, self.stdout.next_line())
            .await
            .expect("a line in time")
            .expect("readable output")
            .expect("output has not ended")
    }

    /// Reads on until a line fits.
    pub async fn line_with(&mut self, part: &str) -> String {
        self.line_with_within(PATIENCE, part).await
    }

    async fn line_with_within(&mut self, limit: Duration, part: &str) -> String {
        let mut seen = Vec::new();
        tokio::time::timeout(limit, async {
            loop {
                match self.stdout.next_line().await.expect("readable output") {
                    Some(line) if line.contains(part) => return line,
                    Some(line) => seen.push(line),
                    None => panic!("output ended without {part:?}"),
                }
            }
        })
        .await
        .unwrap_or_else(|_| panic!("no line with {part:?} in time"))
    }

    /// The next line as a JSON object.
    pub async fn json(&mut self) -> serde_json::Value {
        let line = self.line().await;
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }

    /// The address of a started `everwire serve`: the first `127.0.0.1:PORT` that it prints.
    pub async fn address(&mut self) -> String {
        self.address_within(PATIENCE).await
    }

    /// The same with this time limit, for a program that cargo may have to build first.
    pub async fn address_within(&mut self, limit: Duration) -> String {
        let line = self.line_with_within(limit, "127.0.0.1:").await;
        let start = line.find("127.0.0.1:").unwrap_or_default();
        line[start..].chars().take_while(|c| c.is_ascii_digit() || matches!(c, '.' | ':')).collect()
    }

    /// The rest of its output, until that ends.
    pub async fn rest(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        // An error means a last line that a kill has cut within a character: it is left out.
        while let Ok(Some(line)) = self.stdout.next_line().await {
            lines.push(line);
        }
        lines
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Sends SIGKILL, and waits until the process has ended.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("it can be killed");
    }

    /// Sends SIGTERM, waits until the process has ended, and fails if its exit code is not 0.
    pub async fn terminate(&mut self) {
        let pid = self.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status().await;
        assert!(asked.expect("kill runs").success());
        assert_eq!(self.exit_code().await, 0);
    }

    /// Waits for the end, and returns the exit code: -1 if a signal ended it.
    pub async fn exit_code(&mut self) -> i32 {
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it ends in time");
        status.expect("it can be waited for").code().unwrap_or(-1)
    }
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
    listener.local_addr().expect("bound").port()
}
