//! One run from the first node to the verdict.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use everwire_chat::wire::Position;
use everwire_cluster::dice::Dice;
use everwire_cluster::record::{Ban, Disturbance, History, Kind, Millis, Record, What};
use everwire_cluster::rules::{PRESENCE_BOUND, Rule, Violation, violations};
use tokio::sync::watch;

use super::Done;
use super::args::Args;
use super::faults::Fault;
use super::ground::Ground;
use super::machine::{Auth, Setting};
use super::member::{Member, Phase, Spec};
use super::network::Network;
use super::tokens::Issuer;
use super::world::World;

const ROOMS: usize = 3;
const TALKERS: usize = 4;
/// Each talker's mean time between two texts.
const PACE: Duration = Duration::from_millis(120);
/// The user who is banned during the run, a member of the first room.
const BANNED: &str = "mallory";
/// The room of the members that know only one node.
const GHOSTS: usize = 1;
/// How long recovery may take after all faults are healed.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many violations of each rule are shown; the file has all of them.
const SHOWN: usize = 5;
const FILE: &str = "violations.txt";

pub(crate) async fn run(args: &Args, network: &Network, seed: u64) -> Done<()> {
    let temporary =
        tempfile::Builder::new().prefix("everwire-cluster-").tempdir().map_err(|error| error.to_string())?;
    let base = args.keep.as_ref().map_or(temporary.path().to_owned(), |folder| folder.join(seed.to_string()));
    std::fs::create_dir_all(&base).map_err(|error| format!("{}: {error}", base.display()))?;
    let verdict = judge(args, network, seed, &base).await;
    if verdict.is_err() && args.keep.is_none() {
        println!("  logs: {}", temporary.keep().display());
    }
    verdict
}

async fn judge(args: &Args, network: &Network, seed: u64, base: &Path) -> Done<()> {
    let record = Run::start(args, network, seed, base).await?.finish(args).await?;
    let count = |fits: fn(&What) -> bool| {
        record.clients.iter().flat_map(|client| &client.events).filter(|event| fits(&event.what)).count()
    };
    println!(
        "  {} texts, {} told as stored, {} heard, over {} connections in {:.0} s",
        count(|what| matches!(what, What::Posted { .. })),
        count(|what| matches!(what, What::Stored { .. })),
        count(|what| matches!(what, What::Heard(_))),
        count(|what| matches!(what, What::Synced { .. })),
        Duration::from_millis(record.end).as_secs_f64()
    );
    let is_presence = |rule| matches!(rule, Rule::Gone | Rule::Here);
    let mut broken = violations(&record);
    broken.retain(|violation| args.has_presence || !is_presence(violation.rule));
    if broken.is_empty() {
        return Ok(());
    }
    let mut by_rule: BTreeMap<Rule, Vec<&Violation>> = BTreeMap::new();
    broken.iter().for_each(|violation| by_rule.entry(violation.rule).or_default().push(violation));
    for violations in by_rule.values() {
        violations.iter().take(SHOWN).for_each(|violation| println!("  {violation}"));
        if let Some(more) = violations.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            println!("  and {more} more of this rule");
        }
    }
    let all: String = broken.iter().map(|violation| format!("{violation}\n")).collect();
    let file = base.join(FILE);
    std::fs::write(&file, all).map_err(|error| format!("{}: {error}", file.display()))?;
    Err(format!("{} times a rule was broken ({FILE} has all of them)", broken.len()))
}

/// All members of one schedule.
fn users(machines: usize) -> Vec<String> {
    let mut users = vec![BANNED.to_owned()];
    for room in 0..ROOMS {
        users.extend((0..TALKERS).map(|n| format!("talker{room}{n}")));
        users.push(format!("listener{room}"));
    }
    for node in 0..machines {
        users.extend(["ghost", "auditor", "latecomer"].map(|name| format!("{name}{node}")));
    }
    users
}

struct Run<'a> {
    world: World<'a>,
    ground: Arc<Ground>,
    dice: Dice,
    members: Vec<Member>,
    phase: watch::Sender<Phase>,
    record: Record,
    /// Faults whose recovery is not proven yet.
    open: Vec<(Millis, Kind)>,
}

impl<'a> Run<'a> {
    async fn start(args: &Args, network: &'a Network, seed: u64, base: &Path) -> Done<Self> {
        let keys = base.join("keys.json");
        let issuer = Issuer::new(&keys)?;
        let everwire = args.binary.clone().unwrap_or_else(|| everwire_tests::everwire().to_owned());
        // Every other schedule has accounts: their members sign in, and refresh their tokens on whichever node.
        let auth = match (args.has_access, seed % 2) {
            (false, _) => Auth::Guests,
            (true, 0) => Auth::Tokens(&keys),
            (true, _) => Auth::Accounts,
        };
        let setting = Setting { base, auth, everwire: &everwire, local: args.local };
        let mut world = World::start(network, args.machines(), &setting).await?;
        let addresses = world.machines.iter().map(|machine| machine.address.clone()).collect();
        let has_accounts = matches!(auth, Auth::Accounts);
        if has_accounts {
            world.add_accounts(&users(args.machines())).await?;
        }
        let ground = Arc::new(Ground { addresses, issuer, has_accounts, started: Instant::now() });
        let (phase, _) = watch::channel(Phase::Talk);
        let dice = Dice::new(seed);
        let mut run =
            Self { world, ground, dice, members: Vec::new(), phase, record: Record::default(), open: Vec::new() };
        for room in 0..ROOMS {
            for n in 0..TALKERS {
                run.come(format!("talker{room}{n}"), room, Some(PACE), None, None)?;
            }
            run.come(format!("listener{room}"), room, None, None, None)?;
        }
        run.come(BANNED.to_owned(), 0, Some(PACE), None, None)?;
        for node in 0..args.machines() {
            run.come(format!("ghost{node}"), GHOSTS, None, Some(node), None)?;
        }
        Ok(run)
    }

    fn come(
        &mut self,
        user: String,
        room: usize,
        pace: Option<Duration>,
        node: Option<usize>,
        after: Option<Position>,
    ) -> Done<()> {
        let spec = Spec { user, room: format!("room{room}"), pace, node, after, seed: self.dice.number() };
        self.members.push(Member::start(&self.ground, spec, self.phase.subscribe())?);
        Ok(())
    }

    async fn finish(mut self, args: &Args) -> Done<Record> {
        self.world.wait(Duration::from_secs(2)).await?;
        self.faults(Duration::from_secs(args.seconds), args.has_access).await?;
        self.world.until_ready(PATIENCE).await?;
        self.are_healed();
        self.phase.send_replace(Phase::Settle);
        self.until(|run| run.members.iter().all(|member| member.waiting() == 0)).await?;
        self.audit().await?;
        let ends: Vec<(String, u64)> =
            self.record.histories.iter().map(|one| (one.room.clone(), one.lines.len() as u64)).collect();
        self.until(|run| {
            let has_all = |member: &Member| {
                let end = ends.iter().find(|(room, _)| *room == member.room).map_or(0, |(_, end)| *end);
                member.is_refused() || member.position().is_some_and(|position| position.offset >= end)
            };
            run.members.iter().all(has_all)
        })
        .await?;
        if self.world.machines.len() > 1 && args.has_presence {
            self.a_node_dies().await?;
        }
        self.record.end = self.ground.now();
        self.phase.send_replace(Phase::End);
        for member in std::mem::take(&mut self.members) {
            self.record.clients.push(member.end().await?);
        }
        Ok(self.record)
    }

    /// One after the other, now and then two at a time; each is healed, and now and then the next comes before all is well.
    async fn faults(&mut self, time: Duration, bans: bool) -> Done<()> {
        let end = Instant::now() + time;
        let mut ban_at = bans.then(|| Instant::now() + time / 4);
        while Instant::now() < end {
            let mut active = Vec::new();
            for _ in 0..if self.dice.once_in(4) { 2 } else { 1 } {
                // With nothing else beside it.
                let may_restore = self.record.replaced.is_empty() && !self.ground.has_accounts && active.is_empty();
                let fault = Fault::draw(&mut self.dice, &self.world, may_restore);
                println!("  {:6.1} s  {fault}", self.ground.started.elapsed().as_secs_f64());
                self.open.push((self.ground.now(), fault.kind()));
                if matches!(fault, Fault::Restore(_)) {
                    self.world.until_ready(PATIENCE).await?;
                }
                active.push(fault.begin(&mut self.world).await?);
                if matches!(fault, Fault::Restore(_)) {
                    self.has_restored(&mut ban_at);
                    break;
                }
            }
            if ban_at.is_some_and(|at| Instant::now() > at)
                && self.world.ban(BANNED, Duration::from_secs(2)).await.is_ok()
            {
                ban_at = None;
                self.has_banned();
            }
            let time = active[0].duration(&mut self.dice);
            self.world.wait(time).await?;
            for fault in active {
                fault.heal(&mut self.world).await?;
            }
            let pause = Duration::from_millis(self.dice.within(0..3_000));
            if self.dice.once_in(3) {
                self.world.wait(pause).await?;
            } else {
                self.world.until_ready(PATIENCE).await?;
                self.are_healed();
                self.world.wait(pause).await?;
            }
        }
        if ban_at.is_some() {
            self.world.until_ready(PATIENCE).await?;
            self.world.ban(BANNED, PATIENCE).await?;
            self.has_banned();
            self.world.wait(Duration::from_secs(4)).await?;
        }
        Ok(())
    }

    fn has_banned(&mut self) {
        let at = self.ground.now();
        println!("  {:6.1} s  {BANNED} is banned", self.ground.started.elapsed().as_secs_f64());
        self.record.bans.push(Ban { user: BANNED.to_owned(), at });
    }

    /// Records that acknowledged texts may be missing from now on, and bans the user again, since the backup may not have the ban.
    fn has_restored(&mut self, ban_at: &mut Option<Instant>) {
        self.record.replaced.push(self.ground.now());
        if !self.record.bans.is_empty() {
            *ban_at = Some(Instant::now());
        }
    }

    fn are_healed(&mut self) {
        let to = self.ground.now();
        self.record.disturbances.extend(self.open.drain(..).map(|(from, kind)| Disturbance { from, to, kind }));
    }

    /// Waits until this is true, or until [`PATIENCE`] is over: then the rules report what is missing.
    async fn until(&mut self, fits: impl Fn(&Self) -> bool) -> Done<()> {
        let end = Instant::now() + PATIENCE;
        while !fits(self) && Instant::now() < end {
            self.world.wait(Duration::from_millis(100)).await?;
        }
        Ok(())
    }

    /// Reads every room's history from every node: a node that was cut off a moment ago may take a while to have all.
    async fn audit(&mut self) -> Done<()> {
        for room in 0..ROOMS {
            let of_room = |member: &&Member| member.room == format!("room{room}") && !member.is_refused();
            let epoch = self.members.iter().find(of_room).and_then(Member::position).map(|position| position.epoch);
            let end = Instant::now() + PATIENCE;
            loop {
                let mut histories = Vec::new();
                for node in 0..self.world.machines.len() {
                    histories.push(self.history(room, node, epoch.clone().unwrap_or_default()).await?);
                }
                let are_same = histories.windows(2).all(|pair| pair[0].lines.len() == pair[1].lines.len());
                if are_same || Instant::now() > end {
                    self.record.histories.extend(histories);
                    break;
                }
                self.world.wait(Duration::from_millis(200)).await?;
            }
        }
        Ok(())
    }

    async fn history(&mut self, room: usize, node: usize, epoch: String) -> Done<History> {
        let mut wanted = Position { epoch, offset: 0 };
        loop {
            self.come(format!("auditor{node}"), room, None, Some(node), Some(wanted.clone()))?;
            self.until(|run| run.members.last().is_some_and(Member::has_caught_up)).await?;
            let auditor = self.members.pop().ok_or("an auditor")?;
            let (has_caught_up, position) = (auditor.has_caught_up(), auditor.position());
            let client = auditor.end().await?;
            let position = position.filter(|_| has_caught_up);
            let position = position.ok_or(format!("node {node} does not tell the history of room{room}"))?;
            let lines = client.events.iter().filter_map(|event| match &event.what {
                What::Heard(line) => Some(line.clone()),
                _ => None,
            });
            let history =
                History { node, room: format!("room{room}"), epoch: position.epoch.clone(), lines: lines.collect() };
            self.record.clients.push(client);
            if position.epoch == wanted.epoch {
                return Ok(history);
            }
            // Another history than was asked for: the latest of it only have come.
            wanted = Position { epoch: position.epoch, offset: 0 };
        }
    }

    /// The members of a node that dies are no longer shown as here to members who come later.
    async fn a_node_dies(&mut self) -> Done<()> {
        let node = self.dice.index(self.world.machines.len());
        println!("  {:6.1} s  node {node} dies for good", self.ground.started.elapsed().as_secs_f64());
        self.world.machines[node].node.kill().await;
        self.world.wait(Duration::from_millis(PRESENCE_BOUND + 1_000)).await?;
        for other in (0..self.world.machines.len()).filter(|other| *other != node) {
            self.come(format!("latecomer{other}"), GHOSTS, None, Some(other), None)?;
        }
        self.until(|run| run.members.iter().rev().take(2).all(Member::has_caught_up)).await
    }
}
