//! A network that can drop everything: two network namespaces and a rule that drops all packets, or, where the machine
//! allows no namespaces, the testkit's proxy.

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Output, Stdio};

use everwire_testkit::proxy::Proxy;
use tokio::process::Command as Child;

/// The network between a client in this process and a server that [`Network::command`] starts.
#[derive(Debug)]
pub enum Network {
    /// The server runs in a network namespace of its own; packets are dropped.
    Packets(Namespace),
    /// The server runs on the loopback interface; a proxy holds back all bytes.
    Held(Box<Proxy>, SocketAddr),
}

impl Network {
    /// Uses a namespace if the machine allows one, else a proxy before this address. Prints which, past the test's capture.
    pub async fn choose(loopback: SocketAddr) -> Self {
        let (network, words) = match Namespace::make() {
            Ok(namespace) => {
                (Self::Packets(namespace), "packets dropped by nftables in a network namespace".to_owned())
            }
            Err(why) => {
                let proxy = Proxy::builder(loopback.to_string()).start().await.expect("a proxy");
                (
                    Self::Held(Box::new(proxy), loopback),
                    format!("a proxy, since this machine allows no namespace: {why}"),
                )
            }
        };
        let _ = writeln!(std::io::stderr(), "the black hole is made of {words}");
        network
    }

    /// The address at which the server has to listen.
    pub fn server(&self) -> SocketAddr {
        match self {
            Self::Packets(namespace) => SocketAddr::from((namespace.there, PORT)),
            Self::Held(_, loopback) => *loopback,
        }
    }

    /// The URL at which the client reaches the server.
    pub fn url(&self) -> String {
        match self {
            Self::Packets(_) => format!("ws://{}/", self.server()),
            Self::Held(proxy, _) => format!("ws://{}/", proxy.address()),
        }
    }

    /// A command that runs a program at the server's end of the network.
    pub fn command(&self, program: &str) -> Child {
        match self {
            Self::Packets(namespace) => {
                let mut command = Child::new("ip");
                command.args(["netns", "exec", &namespace.name, program]);
                command
            }
            Self::Held(..) => Child::new(program),
        }
    }

    /// From now on nothing gets through in either direction, and neither side gets an error.
    pub fn swallow(&self) {
        match self {
            Self::Packets(namespace) => namespace.swallow(),
            Self::Held(proxy, _) => proxy.black_hole(true),
        }
    }

    /// Lets everything through again.
    pub fn heal(&self) {
        match self {
            Self::Packets(namespace) => namespace.heal(),
            Self::Held(proxy, _) => proxy.black_hole(false),
        }
    }
}

/// The server's port; in a namespace of its own every port is free.
const PORT: u16 = 8080;

/// A network namespace, joined to this process's own by a veth pair. Removed when dropped.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    there: [u8; 4],
}

impl Namespace {
    /// # Errors
    /// If the machine allows no namespace or has no nftables: the reason.
    fn make() -> Result<Self, String> {
        if !cfg!(target_os = "linux") {
            return Err("it is no Linux".to_owned());
        }
        let id = std::process::id();
        let [high, low] = [(id >> 6) as u8, (id << 2) as u8];
        let (here, there) = ([10, 199, high, low | 1], [10, 199, high, low | 2]);
        let [here, there_words] = [here, there].map(|address| format!("{}/30", std::net::Ipv4Addr::from(address)));
        let namespace = Self { name: format!("everwire-{id}"), there };
        let (name, cable) = (&namespace.name, format!("ew{id}"));
        run("ip", &["netns", "add", name])?;
        run("ip", &["link", "add", &cable, "type", "veth", "peer", "name", "eth0", "netns", name])?;
        run("ip", &["address", "add", &here, "dev", &cable])?;
        run("ip", &["link", "set", &cable, "up"])?;
        namespace.inside(&["ip", "address", "add", &there_words, "dev", "eth0"])?;
        namespace.inside(&["ip", "link", "set", "eth0", "up"])?;
        namespace.inside(&["ip", "link", "set", "lo", "up"])?;
        // Fails here, before a test depends on the rule, if the rule can't be made.
        namespace.inside(&["nft", DROP])?;
        namespace.inside(&["nft", LIFT])?;
        Ok(namespace)
    }

    fn swallow(&self) {
        self.inside(&["nft", DROP]).expect("the rule can be made, as it was in `make`");
    }

    fn heal(&self) {
        self.inside(&["nft", LIFT]).expect("the rule is there");
    }

    fn inside(&self, words: &[&str]) -> Result<(), String> {
        run("ip", &[&["netns", "exec", &self.name], words].concat())
    }
}

const DROP: &str = "table inet hole {
    chain in { type filter hook input priority 0; policy drop; }
    chain out { type filter hook output priority 0; policy drop; }
}";
const LIFT: &str = "delete table inet hole";

impl Drop for Namespace {
    /// The veth pair is removed with it.
    fn drop(&mut self) {
        let _ = run("ip", &["netns", "delete", &self.name]);
    }
}

fn run(program: &str, args: &[&str]) -> Result<(), String> {
    // The path of users who are not root may lack the folders of system programs.
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let output = Command::new(program).args(args).env("PATH", path).stdin(Stdio::null()).output();
    match output {
        Ok(Output { status, .. }) if status.success() => Ok(()),
        Ok(Output { stderr, .. }) => Err(String::from_utf8_lossy(&stderr).trim().to_owned()),
        Err(error) => panic!("`{program}` can't be started ({error}): `cargo xtask setup` installs it"),
    }
}
