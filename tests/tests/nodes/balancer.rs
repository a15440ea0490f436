//! nginx and HAProxy with the documents' own settings.

use std::time::Duration;

use everwire_tests::{PATIENCE, Process, free_port, root};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::Command;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Nginx,
    HaProxy,
}

/// A balancer in a process and a folder of its own.
pub(crate) struct Balancer {
    kind: Kind,
    pub(crate) port: u16,
    folder: TempDir,
    process: Process,
}

impl Balancer {
    /// With the settings that `docs/cluster.md` shows under this name, before these servers.
    pub(crate) async fn start(kind: Kind, name: &str, servers: &[String]) -> Self {
        let (port, folder) = (free_port(), tempfile::tempdir().expect("a folder"));
        let mut settings = shown(kind, name);
        for (number, server) in (1..).zip(servers) {
            settings = settings.replace(&format!("192.0.2.{number}:8080"), server);
        }
        let settings = match kind {
            Kind::HaProxy => settings.replace("bind :80", &format!("bind 127.0.0.1:{port}")),
            Kind::Nginx => format!(
                "daemon off; master_process off; pid nginx.pid; events {{}}
                http {{
                    access_log off;
                    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
                    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
                    {}
                }}",
                settings.replace("listen 80;", &format!("listen 127.0.0.1:{port};"))
            ),
        };
        std::fs::write(folder.path().join("settings"), settings).expect("a writable folder");
        let process = start(kind, &folder);
        let mut balancer = Self { kind, port, folder, process };
        balancer.listens().await;
        balancer
    }

    /// Cuts all connections, and is there again.
    pub(crate) async fn restart(&mut self) {
        self.process.kill().await;
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
            listens = tokio::time::timeout(PATIENCE, connects) => listens.expect("the balancer listens in time"),
            code = self.process.exit_code() => panic!("the balancer ended ({code}); its last words are above"),
        }
    }
}

fn start(kind: Kind, folder: &TempDir) -> Process {
    let (folder, settings) = (folder.path(), folder.path().join("settings"));
    let mut command = match kind {
        Kind::Nginx => Command::new("nginx"),
        Kind::HaProxy => Command::new("haproxy"),
    };
    match kind {
        Kind::Nginx => command.arg("-p").arg(folder).arg("-e").arg(folder.join("log")).arg("-c").arg(settings),
        Kind::HaProxy => command.arg("-db").arg("-f").arg(settings),
    };
    // Both are daemons' programs, and in Debian on root's path only.
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
    Process::start(command.env("PATH", path))
}

/// The block of this kind in the document that sets up something of this name.
fn shown(kind: Kind, name: &str) -> String {
    let page = std::fs::read_to_string(root().join("docs/cluster.md")).expect("the document");
    let (fence, begin) = match kind {
        Kind::Nginx => ("```nginx\n", format!("upstream {name} ")),
        Kind::HaProxy => ("```haproxy\n", format!("listen {name}\n")),
    };
    let mut blocks = page.split(fence).skip(1).filter_map(|rest| rest.split_once("```")).map(|(block, _)| block);
    blocks.find(|block| block.contains(&begin)).expect("the document shows it").to_owned()
}
