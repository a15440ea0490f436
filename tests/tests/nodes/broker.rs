//! One nats-server as the broker.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use everwire_tests::{PATIENCE, Process, free_port, nats_server};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::Command;

/// A broker in a folder of its own; killed when dropped.
pub(crate) struct Broker {
    port: u16,
    folder: TempDir,
    process: Process,
}

impl Broker {
    /// Starts one with JetStream and these further settings.
    pub(crate) async fn start(settings: &str) -> Self {
        Self::with(|store| format!("jetstream {{ store_dir: \"{store}\", sync_interval: always }}\n{settings}\n")).await
    }

    pub(crate) async fn without_jetstream() -> Self {
        Self::with(|_| String::new()).await
    }

    async fn with(settings: impl FnOnce(&str) -> String) -> Self {
        let (port, folder) = (free_port(), tempfile::tempdir().expect("a folder"));
        let settings = settings(folder.path().join("store").to_str().expect("a path"));
        let listen = format!("listen: \"127.0.0.1:{port}\"\n");
        std::fs::write(folder.path().join("nats.conf"), listen + &settings).expect("a writable folder");
        let process = start(&folder);
        let broker = Self { port, folder, process };
        broker.listens().await;
        broker
    }

    /// The folder of its streams.
    pub(crate) fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    pub(crate) async fn stop(&mut self) {
        self.process.kill().await;
    }

    /// Starts it again after [`stop`](Self::stop).
    pub(crate) async fn restart(&mut self) {
        self.process = start(&self.folder);
        self.listens().await;
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    async fn listens(&self) {
        let listens = async {
            while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, listens).await.expect("the broker listens in time");
    }
}

fn start(folder: &TempDir) -> Process {
    let mut command = Command::new(nats_server());
    Process::start(command.arg("--config").arg(folder.path().join("nats.conf")).stderr(Stdio::null()))
}
