//! Random faults of the machines.

use std::fmt;
use std::time::Duration;

use everwire_cluster::dice::Dice;
use everwire_cluster::record::Kind;

use super::Done;
use super::world::World;

/// A fault of machines, which is healed after a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// SIGKILL to a node.
    KillNode(usize),
    /// SIGTERM to a node, as an upgrade does.
    RestartNode(usize),
    /// SIGSTOP to a node.
    StopNode(usize),
    /// SIGKILL to all nodes.
    KillNodes,
    /// SIGKILL to a broker.
    KillBroker(usize),
    /// SIGSTOP to a broker.
    StopBroker(usize),
    /// SIGKILL to the broker that leads.
    KillLeader,
    /// SIGSTOP to the broker that leads.
    StopLeader,
    /// SIGKILL to all brokers.
    KillBrokers,
    /// SIGKILL to all nodes and brokers.
    KillAll,
    /// A machine and the others do not reach each other; its members reach it.
    Partition(usize),
    /// A node receives nothing from the brokers, and they receive what it sends: its watches stall.
    Deafen(usize),
    /// No byte is free on a machine's disk.
    FillDisk(usize),
    /// A machine's broker is copied, and some time later all brokers are restored from that copy: messages stored in between are
    /// lost, by the operator's decision.
    Restore(usize),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KillNode(n) => write!(f, "kill node {n}"),
            Self::RestartNode(n) => write!(f, "restart node {n}"),
            Self::StopNode(n) => write!(f, "stop node {n}"),
            Self::KillNodes => f.write_str("kill all nodes"),
            Self::KillBroker(n) => write!(f, "kill broker {n}"),
            Self::StopBroker(n) => write!(f, "stop broker {n}"),
            Self::KillLeader => f.write_str("kill the leader"),
            Self::StopLeader => f.write_str("stop the leader"),
            Self::KillBrokers => f.write_str("kill all brokers"),
            Self::KillAll => f.write_str("kill everything"),
            Self::Partition(n) => write!(f, "partition machine {n}"),
            Self::Deafen(n) => write!(f, "deafen node {n}"),
            Self::FillDisk(n) => write!(f, "fill the disk of machine {n}"),
            Self::Restore(n) => write!(f, "restore an older backup of broker {n}"),
        }
    }
}

impl Fault {
    /// Draws a fault that this world allows. A history is replaced at most once, and not if sign-ins could be lost with it.
    pub(crate) fn draw(dice: &mut Dice, world: &World<'_>, may_restore: bool) -> Self {
        let machine = dice.index(world.machines.len());
        if world.machines[machine].broker.is_some() && dice.once_in(12) && may_restore {
            return Self::Restore(machine);
        }
        let mut faults = vec![Self::KillNode(machine), Self::RestartNode(machine), Self::StopNode(machine)];
        if world.machines[machine].broker.is_some() {
            faults.extend([Self::KillNodes, Self::KillBroker(machine), Self::StopBroker(machine), Self::KillLeader]);
            faults.extend([Self::StopLeader, Self::KillBrokers, Self::KillAll]);
        }
        if world.network.has_machines() {
            faults.push(Self::FillDisk(machine));
            if world.machines.len() > 1 {
                faults.extend([Self::Partition(machine), Self::Deafen(machine)]);
            }
        }
        faults[dice.index(faults.len())]
    }

    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::KillNode(_) | Self::KillNodes => Kind::NodeDeath,
            _ => Kind::Other,
        }
    }

    /// How long it lasts.
    pub(crate) fn duration(self, dice: &mut Dice) -> Duration {
        let most = match self {
            Self::StopNode(_) | Self::StopBroker(_) | Self::StopLeader | Self::Partition(_) | Self::Deafen(_) => 10_000,
            _ => 4_000,
        };
        Duration::from_millis(dice.within(100..most))
    }

    /// Begins the fault; returns the fault to heal.
    pub(crate) async fn begin(self, world: &mut World<'_>) -> Done<Self> {
        match self {
            Self::KillNode(n) => world.machines[n].node.kill().await,
            Self::RestartNode(n) => world.machines[n].node.terminate().await?,
            Self::StopNode(n) => world.machines[n].node.stop().await,
            Self::KillNodes | Self::KillBrokers | Self::KillAll => {
                for machine in &mut world.machines {
                    if let (Some(broker), true) = (&mut machine.broker, self != Self::KillNodes) {
                        broker.kill().await;
                    }
                    if self != Self::KillBrokers {
                        machine.node.kill().await;
                    }
                }
            }
            Self::KillBroker(n) => {
                if let Some(broker) = &mut world.machines[n].broker {
                    broker.kill().await;
                }
            }
            Self::StopBroker(n) => {
                if let Some(broker) = &mut world.machines[n].broker {
                    broker.stop().await;
                }
            }
            Self::KillLeader | Self::StopLeader => {
                let leader = world.leader().await.unwrap_or(0);
                let fault = if self == Self::KillLeader { Self::KillBroker(leader) } else { Self::StopBroker(leader) };
                return Box::pin(fault.begin(world)).await;
            }
            Self::Partition(n) => world.network.partition(n),
            Self::Deafen(n) => world.network.deafen(n),
            Self::FillDisk(n) => world.machines[n].fill_disk(),
            Self::Restore(n) => world.restore_backup(n, Duration::from_secs(2)).await?,
        }
        Ok(self)
    }

    /// Heals the fault that [`begin`](Self::begin) has returned.
    pub(crate) async fn heal(self, world: &mut World<'_>) -> Done<()> {
        match self {
            Self::StopNode(n) => world.machines[n].node.resume().await,
            Self::StopBroker(n) => {
                if let Some(broker) = &mut world.machines[n].broker {
                    broker.resume().await;
                }
            }
            Self::Partition(n) | Self::Deafen(n) => world.network.heal(n),
            Self::FillDisk(n) => {
                world.machines[n].free_disk();
                // A broker that had no room does not serve its streams until it is restarted.
                if let Some(broker) = &mut world.machines[n].broker {
                    broker.kill().await;
                }
            }
            _ => {}
        }
        for machine in &mut world.machines {
            if let Some(broker) = &mut machine.broker {
                broker.is_wanted = true;
            }
            machine.node.is_wanted = true;
        }
        world.supervise()
    }
}
