//! Nodes and their brokers, as processes.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::chat::member::Done;
use crate::process;

pub(super) struct Programs<'a> {
    pub(super) everwire: &'a Path,
    pub(super) nats_server: &'a Path,
}

/// The longest time for a process to become ready.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process; killed when dropped.
pub(super) struct Running(pub(super) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Three brokers, each with a folder of its own.
pub(super) struct Brokers {
    nats_server: PathBuf,
    folder: TempDir,
    pub(super) addresses: Vec<String>,
    pub(super) running: Vec<Option<Running>>,
}

impl Brokers {
    pub(super) fn start(nats_server: &Path) -> Done<Self> {
        let ports = |count: usize| -> Done<Vec<u16>> { (0..count).map(|_| free_port()).collect() };
        let (clients, routes, folder) = (ports(3)?, ports(3)?, tempfile::tempdir()?);
        let others: Vec<String> = routes.iter().map(|port| format!("nats-route://127.0.0.1:{port}")).collect();
        for n in 0..3 {
            let settings = format!(
                "server_name: broker-{n}\nlisten: \"127.0.0.1:{}\"\n\
                jetstream {{ store_dir: \"{}\", max_file: 8G, sync_interval: always }}\n\
                cluster {{ name: bench, listen: \"127.0.0.1:{}\", routes: [{}] }}\n",
                clients[n],
                folder.path().join(n.to_string()).display(),
                routes[n],
                others.join(", ")
            );
            std::fs::write(folder.path().join(format!("{n}.conf")), settings)?;
        }
        let addresses = clients.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
        let mut brokers =
            Self { nats_server: nats_server.to_owned(), folder, addresses, running: vec![None, None, None] };
        (0..3).try_for_each(|n| brokers.begin(n))?;
        Ok(brokers)
    }

    pub(super) fn begin(&mut self, n: usize) -> Done<()> {
        let mut command = Command::new(&self.nats_server);
        command.arg("--config").arg(self.folder.path().join(format!("{n}.conf")));
        let log = File::create(self.folder.path().join(format!("{n}.log")))?;
        self.running[n] = Some(Running(command.stdout(Stdio::null()).stderr(log).spawn()?));
        Ok(())
    }

    pub(super) fn kill(&mut self, n: usize) {
        self.running[n] = None;
    }
}

/// One node with SQLite, or several with brokers.
pub(super) struct Nodes {
    pub(super) addresses: Vec<String>,
    pub(super) running: Vec<Running>,
    pub(super) brokers: Option<Brokers>,
    folder: TempDir,
}

impl Nodes {
    pub(super) async fn start(programs: &Programs<'_>, count: usize) -> Done<Self> {
        let brokers = (count > 1).then(|| Brokers::start(programs.nats_server)).transpose()?;
        let mut nodes = Self { addresses: Vec::new(), running: Vec::new(), brokers, folder: tempfile::tempdir()? };
        for _ in 0..count {
            nodes.add(programs).await?;
        }
        Ok(nodes)
    }

    /// Starts one more node, with an empty folder; returns the time until it was ready.
    pub(super) async fn add(&mut self, programs: &Programs<'_>) -> Done<Duration> {
        let started = Instant::now();
        let data = self.folder.path().join(self.running.len().to_string());
        // New brokers elect a leader first; until then a node ends with an error.
        while started.elapsed() < PATIENCE {
            let mut command = Command::new(programs.everwire);
            command.args(["serve", "--listen", "127.0.0.1:0", "--max-connections", "20000", "--data"]).arg(&data);
            if let Some(brokers) = &self.brokers {
                command.args(["--cluster", &brokers.addresses.join(","), "--cluster-accept-sync"]);
            }
            let mut child = command.env("NO_COLOR", "1").stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
            let output = child.stdout.take().ok_or("the node has no output")?;
            let node = Running(child);
            let address = BufReader::new(output).lines().map_while(Result::ok).find_map(|line| loopback(&line));
            let Some(address) = address else { continue };
            while started.elapsed() < PATIENCE {
                if is_ready(&address).await {
                    self.addresses.push(address);
                    self.running.push(node);
                    return Ok(started.elapsed());
                }
                sleep(Duration::from_millis(10)).await;
            }
        }
        Err("a node takes no members".into())
    }

    /// The address of the node of this number, modulo the number of nodes.
    pub(super) fn address(&self, number: usize) -> &str {
        &self.addresses[number % self.addresses.len()]
    }

    /// The processor time that the nodes, without the brokers, have used, in seconds.
    pub(super) fn cpu_seconds(&self) -> Done<f64> {
        self.running.iter().map(|node| process::cpu_seconds(node.0.id())).sum()
    }
}

/// `127.0.0.1:PORT` in a line.
fn loopback(line: &str) -> Option<String> {
    let rest = &line[line.find("127.0.0.1:")?..];
    Some(rest.chars().take_while(|c| c.is_ascii_digit() || matches!(c, '.' | ':')).collect())
}

async fn is_ready(address: &str) -> bool {
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<bool, std::io::Error>(answer.starts_with("HTTP/1.1 200"))
    };
    matches!(timeout(Duration::from_secs(2), asked).await, Ok(Ok(true)))
}

/// A port that was free a moment ago.
pub(super) fn free_port() -> Done<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
