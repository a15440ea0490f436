//! All machines.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::sleep;

use super::machine::{self, Machine, Setting};
use super::network::Network;
use super::sign_in::PASSWORD;
use super::{Done, http};

/// How often a condition that is waited for is checked.
const LOOK: Duration = Duration::from_millis(100);

/// How long brokers may take to choose leaders after an older backup was restored.
const RESTORED: Duration = Duration::from_secs(60);

pub(crate) struct World<'a> {
    pub(crate) network: &'a Network,
    pub(crate) machines: Vec<Machine>,
    everwire: PathBuf,
    local: bool,
}

impl<'a> World<'a> {
    /// Starts all machines.
    pub(crate) async fn start(network: &'a Network, count: usize, setting: &Setting<'_>) -> Done<Self> {
        let machines: Done<Vec<Machine>> = (0..count).map(|number| Machine::new(network, number, setting)).collect();
        let mut world =
            Self { network, machines: machines?, everwire: setting.everwire.to_owned(), local: setting.local };
        for machine in &mut world.machines {
            if let Some(broker) = &mut machine.broker {
                broker.start()?;
            }
        }
        for machine in &mut world.machines {
            machine.node.start()?;
        }
        world.until_ready(Duration::from_secs(60)).await?;
        Ok(world)
    }

    /// Restarts the programs that have ended by themselves.
    pub(crate) fn supervise(&mut self) -> Done<()> {
        for machine in &mut self.machines {
            if let Some(broker) = &mut machine.broker {
                broker.revive()?;
            }
            machine.node.revive()?;
        }
        Ok(())
    }

    /// Waits, and restarts the programs that end by themselves.
    pub(crate) async fn wait(&mut self, time: Duration) -> Done<()> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.supervise()?;
            sleep(LOOK.min(end.saturating_duration_since(Instant::now()))).await;
        }
        Ok(())
    }

    /// Waits until every node that runs is ready for members.
    pub(crate) async fn until_ready(&mut self, limit: Duration) -> Done<()> {
        let end = Instant::now() + limit;
        loop {
            self.supervise()?;
            let mut unready = Vec::new();
            for (number, machine) in self.machines.iter().enumerate() {
                if machine.node.is_wanted && !machine.node.is_stopped && !machine.is_ready().await {
                    unready.push(number);
                }
            }
            if unready.is_empty() {
                return Ok(());
            }
            if Instant::now() > end {
                return Err(format!("nodes {unready:?} take no members {} s after all was healed", limit.as_secs()));
            }
            sleep(LOOK).await;
        }
    }

    /// The machine whose broker leads a stream or the cluster's own group, as far as one can be asked.
    pub(crate) async fn leader(&self) -> Option<usize> {
        for machine in self.machines.iter().filter(|machine| machine.broker.is_some()) {
            let Some((200, body)) = http::get(&machine.monitor, "/jsz?accounts=1&streams=1").await else { continue };
            let Ok(said) = serde_json::from_str::<Value>(&body) else { continue };
            let streams = said["account_details"].as_array().into_iter().flatten();
            let streams = streams.flat_map(|account| account["stream_detail"].as_array().into_iter().flatten());
            let of_stream = streams.filter_map(|stream| stream["cluster"]["leader"].as_str()).next();
            let leader = of_stream.or(said["meta_cluster"]["leader"].as_str())?;
            return leader.strip_prefix("broker-")?.parse().ok();
        }
        None
    }

    /// Bans a user as an operator does, and tries until it succeeds.
    pub(crate) async fn ban(&mut self, user: &str, limit: Duration) -> Done<()> {
        self.until_done(&["user", "ban", user], limit).await
    }

    /// Runs a command of the operator's until it succeeds.
    async fn until_done(&mut self, what: &[&str], limit: Duration) -> Done<()> {
        let end = Instant::now() + limit;
        loop {
            let words = self.operator(what);
            let output = Command::new(&words[0]).args(&words[1..]).kill_on_drop(true).output();
            let said = match tokio::time::timeout(Duration::from_secs(20), output).await {
                Ok(Ok(output)) if output.status.success() => return Ok(()),
                Ok(Ok(output)) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "no answer within 20 s".to_owned(),
            };
            if Instant::now() > end {
                return Err(format!("`{}` can't be done: {said}", what.join(" ")));
            }
            self.supervise()?;
            sleep(LOOK).await;
        }
    }

    /// Adds an account for each of these users.
    pub(crate) async fn add_accounts(&mut self, users: &[String]) -> Done<()> {
        let adds = users.iter().map(|user| {
            let words = self.operator(&["user", "add", user]);
            async move {
                let mut command = Command::new(&words[0]);
                command.args(&words[1..]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
                let mut child = command.kill_on_drop(true).spawn().map_err(|error| error.to_string())?;
                let mut stdin = child.stdin.take().ok_or("piped")?;
                stdin.write_all(format!("{PASSWORD}\n").as_bytes()).await.map_err(|error| error.to_string())?;
                drop(stdin);
                let output = child.wait_with_output().await.map_err(|error| error.to_string())?;
                let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
                if output.status.success() { Ok(()) } else { Err(format!("{user} can't be added: {said}")) }
            }
        });
        let mut adds: Vec<_> = adds.collect();
        while !adds.is_empty() {
            // Some at a time.
            let some = adds.split_off(adds.len().saturating_sub(6));
            futures_util::future::try_join_all(some).await?;
        }
        Ok(())
    }

    /// The drill of `docs/cluster.md`: a copy of one broker, some time with the members, and that copy for all brokers, with a new epoch and
    /// empty nodes.
    pub(crate) async fn restore_backup(&mut self, of: usize, later: Duration) -> Done<()> {
        let copied = self.machines[of].store().with_extension("backup");
        let copy = |from: PathBuf, to: PathBuf| async move {
            let done = Command::new("cp").arg("-r").arg(&from).arg(&to).status().await;
            if done.is_ok_and(|status| status.success()) {
                Ok(())
            } else {
                Err(format!("{} can't be copied to {}", from.display(), to.display()))
            }
        };
        let remove = |folder: PathBuf| {
            std::fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))
        };
        if let Some(broker) = &mut self.machines[of].broker {
            broker.terminate().await?;
        }
        copy(self.machines[of].store(), copied.clone()).await?;
        if let Some(broker) = &mut self.machines[of].broker {
            broker.start()?;
        }
        self.wait(later).await?;
        for machine in &mut self.machines {
            machine.node.kill().await;
            if let Some(broker) = &mut machine.broker {
                broker.kill().await;
            }
        }
        for machine in &mut self.machines {
            remove(machine.store())?;
            copy(copied.clone(), machine.store()).await?;
            remove(machine.data())?;
            if let Some(broker) = &mut machine.broker {
                broker.start()?;
            }
        }
        remove(copied)?;
        self.until_done(&["cluster", "renew"], RESTORED).await?;
        self.machines.iter_mut().try_for_each(|machine| machine.node.start())
    }

    fn operator(&self, words: &[&str]) -> Vec<String> {
        // From a machine, as an operator does.
        let mut command = self.network.on(0);
        command.push(self.everwire.display().to_string());
        command.extend(words.iter().map(|word| (*word).to_owned()));
        if self.local {
            command.extend(["--data".to_owned(), self.machines[0].data().display().to_string()]);
        } else {
            command.extend(["--cluster".to_owned(), machine::brokers(self.network, self.machines.len())]);
        }
        command
    }
}
