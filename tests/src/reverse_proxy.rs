//! nginx and HAProxy, each in a process and a folder of its own.

use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::process::{PATIENCE, Process, free_port};

/// A program that passes connections on to servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyKind {
    /// nginx.
    Nginx,
    /// HAProxy.
    HaProxy,
}

/// A running proxy; killed when dropped.
pub struct ReverseProxy {
    kind: ProxyKind,
    /// The port of 127.0.0.1 on which it listens.
    pub port: u16,
    folder: TempDir,
    process: Process,
}

impl ReverseProxy {
    /// Starts one with the settings for its port, and waits until it listens. The settings of nginx are its `http` block.
    pub async fn start(kind: ProxyKind, settings: impl FnOnce(u16) -> String) -> Self {
        let (port, folder) = (free_port(), tempfile::tempdir().expect("a folder"));
        let settings = match kind {
            ProxyKind::Nginx => nginx(&settings(port)),
            ProxyKind::HaProxy => settings(port),
        };
        std::fs::write(folder.path().join("settings"), settings).expect("a writable folder");
        let process = start(kind, &folder);
        let mut proxy = Self { kind, port, folder, process };
        proxy.listens().await;
        proxy
    }

    /// Kills it, which cuts all connections.
    pub async fn kill(&mut self) {
        self.process.kill().await;
    }

    /// Starts it again after it was killed, and waits until it listens.
    pub async fn start_again(&mut self) {
        self.process = start(self.kind, &self.folder);
        self.listens().await;
    }

    async fn listens(&mut self) {
        let address = ("127.0.0.1", self.port);
        let connects = async {
            while TcpStream::connect(address).await.is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::select! {
            listens = tokio::time::timeout(PATIENCE, connects) => listens.expect("the proxy listens in time"),
            code = self.process.exit_code() => panic!("the proxy ended ({code}); its last words are above"),
        }
    }
}

fn start(kind: ProxyKind, folder: &TempDir) -> Process {
    let (folder, settings) = (folder.path(), folder.path().join("settings"));
    let mut command = match kind {
        ProxyKind::Nginx => Command::new("nginx"),
        ProxyKind::HaProxy => Command::new("haproxy"),
    };
    match kind {
        ProxyKind::Nginx => command.arg("-p").arg(folder).arg("-e").arg(folder.join("log")).arg("-c").arg(settings),
        ProxyKind::HaProxy => command.arg("-db").arg("-f").arg(settings),
    };
    // In Debian both are on root's path only.
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
    Process::start(command.env("PATH", path))
}

/// Runs as one process, so that killing it ends its connections.
fn nginx(http: &str) -> String {
    format!(
        "daemon off; master_process off; pid nginx.pid; events {{}}
        http {{
            access_log off;
            client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
            uwsgi_temp_path uwsgi; scgi_temp_path scgi;
            {http}
        }}"
    )
}
