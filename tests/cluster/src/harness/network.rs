//! The machines' network: a network namespace for each machine, or loopback for all.

use std::process::{Command, Output, Stdio};

use everwire_tests::free_port;

use super::Done;

/// The network between the machines.
pub(crate) enum Network {
    /// All on 127.0.0.1, at ports of their own.
    Loopback(Vec<[u16; 4]>),
    /// Each in a namespace, joined by a veth pair to a bridge that the clients use too.
    Namespaces(Namespaces),
}

/// What a machine listens on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Port {
    /// The node, for its members.
    Node,
    /// The broker, for its clients.
    Broker,
    /// The broker, for the other brokers.
    Route,
    /// The broker's monitoring interface.
    Monitor,
}

/// 10.198.0.0/24 and so on.
const NETWORKS: u32 = 256;

const PORTS: [u16; 4] = [8080, 4222, 6222, 8222];

impl Network {
    pub(crate) fn loopback(machines: usize) -> Self {
        Self::Loopback((0..machines).map(|_| PORTS.map(|_| free_port())).collect())
    }

    /// # Errors
    /// If the namespaces can't be made: the reason.
    pub(crate) fn namespaces(machines: usize) -> Done<Self> {
        Namespaces::make(machines).map(Self::Namespaces)
    }

    pub(crate) fn describe(&self) -> &'static str {
        match self {
            Self::Loopback(_) => "all on loopback: no partitions, no stalled watch, no full disk",
            Self::Namespaces(_) => "each machine in a network namespace and on a file system of its own",
        }
    }

    /// Where a machine listens.
    pub(crate) fn address(&self, machine: usize, port: Port) -> String {
        match self {
            Self::Loopback(ports) => format!("127.0.0.1:{}", ports[machine][port as usize]),
            Self::Namespaces(all) => format!("{}:{}", all.ip(machine), PORTS[port as usize]),
        }
    }

    /// The words that go before a command to run it on a machine.
    pub(crate) fn on(&self, machine: usize) -> Vec<String> {
        match self {
            Self::Loopback(_) => Vec::new(),
            Self::Namespaces(all) => {
                ["ip", "netns", "exec"].map(str::to_owned).into_iter().chain([all.name(machine)]).collect()
            }
        }
    }

    /// Whether each machine has a namespace of its own.
    pub(crate) fn has_machines(&self) -> bool {
        matches!(self, Self::Namespaces(_))
    }

    /// Drops all packets between a machine and the other machines from now on; its members still reach it.
    pub(crate) fn partition(&self, machine: usize) {
        let Self::Namespaces(all) = self else { return };
        let others: Vec<String> =
            (0..all.machines).filter(|other| *other != machine).map(|other| all.ip(other)).collect();
        let others = others.join(", ");
        let rules = format!(
            "table inet hole {{
                chain in {{ type filter hook input priority 0; ip saddr {{ {others} }} drop; }}
                chain out {{ type filter hook output priority 0; ip daddr {{ {others} }} drop; }}
            }}"
        );
        all.inside(machine, &["nft", &rules]).expect("nftables took a rule before");
    }

    /// Drops all packets from the brokers to a machine's node; packets from the node still arrive.
    pub(crate) fn deafen(&self, machine: usize) {
        let Self::Namespaces(all) = self else { return };
        let rules = format!(
            "table inet hole {{ chain in {{ type filter hook input priority 0; tcp sport {} drop; }}; }}",
            PORTS[Port::Broker as usize]
        );
        all.inside(machine, &["nft", &rules]).expect("nftables took a rule before");
    }

    /// Lets all packets through again.
    pub(crate) fn heal(&self, machine: usize) {
        let Self::Namespaces(all) = self else { return };
        // There may be no rule.
        let _ = all.inside(machine, &["nft", "delete table inet hole"]);
    }
}

/// Removed when dropped.
pub(crate) struct Namespaces {
    /// The number of its network; no other schedule that runs at the same time has the same one.
    number: u32,
    machines: usize,
}

impl Namespaces {
    fn make(machines: usize) -> Done<Self> {
        if !cfg!(target_os = "linux") {
            return Err("it is no Linux".to_owned());
        }
        let all = Self { number: free_network()?, machines };
        let bridge = bridge(all.number);
        run("ip", &["address", "add", &format!("{}/24", all.host(254)), "dev", &bridge])?;
        run("ip", &["link", "set", &bridge, "up"])?;
        for machine in 0..machines {
            let (name, cable) = (all.name(machine), format!("ew{}-{machine}", all.number));
            // Left by a schedule that was killed, if it is there.
            let _ = run("ip", &["netns", "delete", &name]);
            run("ip", &["netns", "add", &name])?;
            run("ip", &["link", "add", &cable, "type", "veth", "peer", "name", "eth0", "netns", &name])?;
            run("ip", &["link", "set", &cable, "master", &bridge, "up"])?;
            all.inside(machine, &["ip", "address", "add", &format!("{}/24", all.ip(machine)), "dev", "eth0"])?;
            all.inside(machine, &["ip", "link", "set", "eth0", "up"])?;
            all.inside(machine, &["ip", "link", "set", "lo", "up"])?;
            // Whether rules can be made is known before anything depends on it.
            all.inside(machine, &["nft", "table inet hole {}"])?;
            all.inside(machine, &["nft", "delete table inet hole"])?;
        }
        Ok(all)
    }

    fn host(&self, host: usize) -> String {
        format!("10.198.{}.{host}", self.number)
    }

    fn ip(&self, machine: usize) -> String {
        self.host(machine + 1)
    }

    fn name(&self, machine: usize) -> String {
        format!("everwire-{}-{machine}", self.number)
    }

    fn inside(&self, machine: usize, words: &[&str]) -> Done<()> {
        run("ip", &[&["netns", "exec", &self.name(machine)], words].concat())
    }
}

impl Drop for Namespaces {
    /// Their veth pairs are removed with them.
    fn drop(&mut self) {
        for machine in 0..self.machines {
            let _ = run("ip", &["netns", "delete", &self.name(machine)]);
        }
        let _ = run("ip", &["link", "delete", &bridge(self.number)]);
    }
}

fn bridge(network: u32) -> String {
    format!("ewb{network}")
}

/// Makes the bridge of a network that no other schedule uses: two schedules in one network would talk to each other's nodes.
fn free_network() -> Done<u32> {
    let first = std::process::id() % NETWORKS;
    for network in (first..NETWORKS).chain(0..first) {
        match run("ip", &["link", "add", &bridge(network), "type", "bridge"]) {
            Err(why) if why.contains("exists") => {}
            made => return made.map(|()| network),
        }
    }
    Err("all networks are in use: `ip link` shows their bridges, ewb0 to ewb255".to_owned())
}

pub(crate) fn run(program: &str, args: &[&str]) -> Done<()> {
    // Where users who are not root keep no system programs on their path.
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let output = Command::new(program).args(args).env("PATH", path).stdin(Stdio::null()).output();
    match output {
        Ok(Output { status, .. }) if status.success() => Ok(()),
        Ok(Output { stderr, .. }) => Err(String::from_utf8_lossy(&stderr).trim().to_owned()),
        Err(error) => Err(format!("`{program}` can't be started: {error}")),
    }
}
