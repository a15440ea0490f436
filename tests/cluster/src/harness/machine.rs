//! A broker and a node with their folder.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use everwire_tests::nats_server;

use super::Done;
use super::http;
use super::network::{Network, Port, run};
use super::process::Program;
use super::tokens::{AUDIENCE, ISSUER};

/// The size of a machine's own disk, in MiB.
const DISK: u64 = 512;

/// The settings that all machines share.
pub(crate) struct Setting<'a> {
    /// The folder of their folders and logs.
    pub(crate) base: &'a Path,
    pub(crate) auth: Auth<'a>,
    pub(crate) everwire: &'a Path,
    /// Whether there is no broker.
    pub(crate) local: bool,
}

/// How members authenticate.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Auth<'a> {
    Guests,
    /// With tokens of an issuer that has these public keys.
    Tokens(&'a Path),
    /// With accounts of the cluster's own.
    Accounts,
}

pub(crate) struct Machine {
    /// Its disk: the folders of the broker and the node.
    folder: PathBuf,
    has_disk: bool,
    /// `None` where there is no broker.
    pub(crate) broker: Option<Program>,
    pub(crate) node: Program,
    pub(crate) address: String,
    pub(crate) monitor: String,
}

impl Machine {
    /// Creates a machine's folder in the base folder; the logs are beside it.
    pub(crate) fn new(network: &Network, number: usize, setting: &Setting<'_>) -> Done<Self> {
        let base = setting.base;
        let folder = base.join(format!("machine-{number}"));
        std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let has_disk = network.has_machines();
        if has_disk {
            let size = format!("size={DISK}m");
            run("mount", &["-t", "tmpfs", "-o", &size, "everwire", &folder.display().to_string()])?;
        }
        let broker = (!setting.local).then(|| broker(network, number, base, &folder)).transpose()?;
        let node = node(network, number, setting, &folder);
        let (address, monitor) = (network.address(number, Port::Node), network.address(number, Port::Monitor));
        Ok(Self { folder, has_disk, broker, node, address, monitor })
    }

    /// Whether the node accepts members.
    pub(crate) async fn is_ready(&self) -> bool {
        http::get(&self.address, "/readyz").await.is_some_and(|(status, _)| status == 200)
    }

    /// Leaves no byte on its disk.
    pub(crate) fn fill_disk(&self) {
        let Ok(mut file) = File::create(self.folder.join("filler")) else { return };
        for size in [1 << 20, 1 << 12] {
            let zeros = vec![0; size];
            while file.write_all(&zeros).is_ok() {}
        }
    }

    pub(crate) fn free_disk(&self) {
        let _ = std::fs::remove_file(self.folder.join("filler"));
    }

    /// The folder of the broker's streams.
    pub(crate) fn store(&self) -> PathBuf {
        self.folder.join("broker")
    }

    /// The node's data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("node")
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if self.has_disk {
            // Lazily, because a killed process may still have a file open.
            let _ = run("umount", &["--lazy", &self.folder.display().to_string()]);
        }
    }
}

/// All brokers' addresses for clients.
pub(crate) fn brokers(network: &Network, machines: usize) -> String {
    let all: Vec<String> =
        (0..machines).map(|machine| format!("nats://{}", network.address(machine, Port::Broker))).collect();
    all.join(",")
}

const MACHINES: usize = 3;

fn broker(network: &Network, number: usize, base: &Path, folder: &Path) -> Done<Program> {
    let routes: Vec<String> =
        (0..MACHINES).map(|other| format!("nats-route://{}", network.address(other, Port::Route))).collect();
    let settings = format!(
        "server_name: broker-{number}
        listen: \"{}\"
        http: \"{}\"
        jetstream {{ store_dir: \"{}\", max_mem: 64M, max_file: 400M, sync_interval: always }}
        cluster {{ name: everwire, listen: \"{}\", routes: [{}] }}
        ",
        network.address(number, Port::Broker),
        network.address(number, Port::Monitor),
        folder.join("broker").display(),
        network.address(number, Port::Route),
        routes.join(", "),
    );
    let file = base.join(format!("broker-{number}.conf"));
    std::fs::write(&file, settings).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut words = network.on(number);
    words.extend([nats_server().display().to_string(), "--config".to_owned(), file.display().to_string()]);
    Ok(Program::new(words, base.join(format!("broker-{number}.log"))))
}

fn node(network: &Network, number: usize, setting: &Setting<'_>, folder: &Path) -> Program {
    let mut words = network.on(number);
    let (listen, data) = (network.address(number, Port::Node), folder.join("node").display().to_string());
    let program = setting.everwire.display().to_string();
    let options = [
        [program.as_str(), "serve"],
        ["--listen", &listen],
        ["--data", &data],
        ["--allow-remote", "--max-posts=1000"],
        ["--heartbeat", "4s"],
        ["--metrics", "everyone"],
        // Members are disconnected within a second, so that a schedule has time for more than one restart.
        ["--drain", "1s"],
    ];
    words.extend(options.as_flattened().iter().map(|word| (*word).to_owned()));
    match setting.auth {
        Auth::Guests => {}
        Auth::Accounts => words.extend(["--auth", "accounts"].map(str::to_owned)),
        Auth::Tokens(keys) => {
            let keys = keys.display().to_string();
            let options = ["--auth", "tokens", "--issuer", ISSUER, "--audience", AUDIENCE, "--issuer-keys", &keys];
            words.extend(options.map(str::to_owned));
        }
    }
    if !setting.local {
        let options = ["--cluster", &brokers(network, MACHINES), "--cluster-replicas", "3", "--cluster-accept-sync"];
        words.extend(options.map(str::to_owned));
    }
    Program::new(words, setting.base.join(format!("node-{number}.log")))
}
