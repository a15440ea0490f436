//! A world: clients, a server and a network, from the first step to the end.

use std::time::Duration;

use everwire_core::State;
use everwire_core::retry::Budget;

use super::agenda::{Agenda, Due, Nanos, millis, nanos};
use super::client::{ClientApp, ClientNode, Process};
use super::counts::Counts;
use super::hostile::Hostile;
use super::intruder::{Intruder, NOBODY};
use super::monitor::Monitor;
use super::network::{LineId, Network};
use super::scenario::{Action, Scenario, Step};
use super::server::{ServerApp, ServerNode};
use super::stage::{Random, Stage, Violation};
use crate::faults::{Direction, Ending};

/// The way a world ended.
#[derive(Debug)]
#[non_exhaustive]
pub struct Run<C, S> {
    /// The promise that was not kept, if one was not.
    pub violation: Option<Violation>,
    /// The counts of what was exercised.
    pub counts: Counts,
    /// The clients' applications.
    pub clients: Vec<C>,
    /// The server's application.
    pub server: S,
    /// A line for each thing that happened; empty unless it was asked for.
    pub trace: Vec<String>,
}

/// Virtual time within which everything has to come to rest once a scenario is calm.
const REST_WITHIN: Duration = Duration::from_secs(600);
/// What was under way when it became calm has come to its end after this time.
const AFTERMATH: Duration = Duration::from_secs(20);
/// Turns of one scenario, and more for each byte, since each may arrive by itself: beyond that it is a storm.
const TURNS: u64 = 40_000;
const TURNS_PER_BYTE: u64 = 10;
/// What closing may take in the end.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// Runs a scenario with these applications.
///
/// What is checked whatever the applications are: one outcome per message, bounds of all queues, the pace of attempts
/// and timers, the rules that show on the wire, that everything comes to rest once the scenario is calm, and that nothing
/// is left after closing. What is right for an application, it says itself in `check`.
pub fn run<C: ClientApp, S: ServerApp>(scenario: &Scenario, client: impl FnMut(u32) -> C, server: S) -> Run<C, S> {
    World::new(scenario, client, server, false).finish()
}

/// [`run`], with a line for each thing that happens.
pub fn run_traced<C: ClientApp, S: ServerApp>(
    scenario: &Scenario,
    client: impl FnMut(u32) -> C,
    server: S,
) -> Run<C, S> {
    World::new(scenario, client, server, true).finish()
}

struct World<'a, C, S> {
    scenario: &'a Scenario,
    stage: Stage,
    clients: Vec<ClientNode<C>>,
    server: Option<ServerNode<S>>,
    /// Connections that the server's operating system has answered.
    answered: Vec<bool>,
    intruders: Vec<Intruder>,
    hostile: Vec<Hostile>,
    /// Steps in the order of their times.
    steps: Vec<Step>,
    next_step: usize,
}

impl<'a, C: ClientApp, S: ServerApp> World<'a, C, S> {
    fn new(scenario: &'a Scenario, mut client: impl FnMut(u32) -> C, server: S, traced: bool) -> Self {
        let setup = &scenario.client;
        let room = if setup.socket_buffer > 0 { setup.socket_buffer } else { 256 << 10 };
        let mut violation = None;
        let mut broken = |what: String| {
            violation.get_or_insert(Violation { at: Duration::ZERO, place: "scenario".to_owned(), what });
        };
        let network = Network::new(&scenario.network_plan(), room, !setup.unsealed).unwrap_or_else(|error| {
            broken(error.to_string());
            Network::none()
        });
        let stage = Stage {
            agenda: Agenda::default(),
            network,
            monitor: Monitor::default(),
            counts: Counts::default(),
            mutant: scenario.mutant,
            budget: Budget::new(setup.budget.max(1), Duration::from_secs(1)).unwrap_or_default(),
            unsealed: setup.unsealed,
            flooded: false,
            random: Random::new(scenario.seed),
            violation,
            trace: traced.then(Vec::new),
        };
        let clients = (0..scenario.clients.max(1))
            .map(|index| ClientNode::new(index, scenario.client_plan(index), client(index)));
        let mut world = Self {
            scenario,
            stage,
            clients: clients.collect(),
            server: None,
            answered: Vec::new(),
            intruders: Vec::new(),
            hostile: Vec::new(),
            steps: scenario.steps.clone(),
            next_step: 0,
        };
        world.steps.sort_by_key(|step| step.at);
        match ServerNode::new(scenario.server_plan(), server) {
            Ok(server) => world.server = Some(server),
            Err(error) => world.stage.fail("scenario", error),
        }
        world
    }

    fn finish(mut self) -> Run<C, S> {
        self.live();
        let counts = &mut self.stage.counts;
        counts.scenarios = 1;
        counts.bytes = self.stage.network.bytes;
        counts.seconds = self.stage.agenda.now() / 1_000_000_000;
        Run {
            violation: self.stage.violation,
            counts: self.stage.counts,
            clients: self.clients.into_iter().map(|node| node.app).collect(),
            // An invalid setting is told before there is a server.
            server: match self.server {
                Some(node) => node.app,
                None => unreachable!("a scenario that is not valid"),
            },
            trace: self.stage.trace.unwrap_or_default(),
        }
    }

    fn live(&mut self) {
        self.with_server(|server, stage| server.start(stage));
        for index in 0..self.clients.len() {
            self.clients[index].start(&mut self.stage);
        }
        if let Some(step) = self.steps.first() {
            self.stage.agenda.plan(millis(step.at), Due::Step);
        }
        let calm = nanos(self.scenario.calm());
        self.run_until(calm, |_| false);
        self.stage.note(|| "calm".to_owned());
        self.hostile.iter_mut().for_each(|hostile| hostile.leave(&mut self.stage));
        if self.steps.iter().any(|step| step.action == Action::LoseNext) {
            // A loss behind the socket shows with the next message; where none follows, with the next connection.
            self.with_server(|server, _| server.core.lose_nothing());
            self.cut_all();
        }
        // What is under way may still fail; clients that stay away because of it are then told to connect.
        self.run_until(calm.saturating_add(nanos(AFTERMATH)), |_| false);
        for index in 0..self.clients.len() {
            self.clients[index].with(&mut self.stage, |_, io| {
                if !io.process.closed {
                    io.connect();
                }
            });
            self.clients[index].turn(&mut self.stage);
        }
        let rest = calm.saturating_add(nanos(REST_WITHIN));
        // Where bytes may change unseen, one that is lost may be an acknowledgement.
        if !self.run_until(rest, Self::is_at_rest) && !self.scenario.client.unsealed {
            let words = self.unrest();
            self.stage.fail("world", format_args!("no rest within {REST_WITHIN:?} of calm: {words}"));
        }
        self.judge_contradicted();
        self.close();
    }

    /// Who was told a lie that shows has left the connection on which it was told.
    fn judge_contradicted(&mut self) {
        let lines = self.clients.iter().filter_map(|node| node.process.as_ref()).flat_map(Process::lines);
        let stays = lines.map(|line| line.0).find(|line| self.stage.monitor.contradicted.contains(line));
        if let Some(line) = stays {
            self.stage
                .fail("client", format_args!("line {line} goes on after an acknowledgement of what was never sent"));
        }
    }

    /// Everybody closes in the end: then nothing may be left.
    fn close(&mut self) {
        if self.stage.violation.is_some() {
            return;
        }
        for index in 0..self.clients.len() {
            self.clients[index].close(&mut self.stage, CLOSE_WITHIN);
        }
        let end = self.stage.agenda.now().saturating_add(nanos(CLOSE_WITHIN.saturating_add(Duration::from_secs(1))));
        if !self.run_until(end, Self::is_finished) {
            self.stage.fail("world", "a client has not closed by its deadline");
        }
    }

    /// Goes on until then, or until `done`. Whether it is.
    fn run_until(&mut self, until: Nanos, done: impl Fn(&Self) -> bool) -> bool {
        let mut events = 0_u32;
        while self.stage.violation.is_none() {
            if done(self) {
                return true;
            }
            // Looking for the end costs more than a turn.
            for _ in 0..8 {
                events += 1;
                let Some(due) = self.stage.agenda.next(until) else { return done(self) };
                self.happen(due);
                let turns = self.stage.counts.turns;
                if turns > TURNS + TURNS_PER_BYTE * self.stage.network.bytes {
                    self.stage.fail("world", format_args!("a storm: {turns} turns, {events} events"));
                }
                if self.stage.violation.is_some() {
                    break;
                }
            }
        }
        // What went wrong is known.
        true
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Step => self.step(),
            Due::Line(line) => self.line(LineId(line)),
            Due::Client(index) => self.clients[index as usize].turn(&mut self.stage),
            Due::Server => self.with_server(|server, stage| server.turn(stage)),
            Due::StartClient(index) => self.clients[index as usize].start(&mut self.stage),
            Due::StartServer => self.with_server(|server, stage| server.start(stage)),
        }
    }

    fn with_server(&mut self, act: impl FnOnce(&mut ServerNode<S>, &mut Stage)) {
        if let Some(server) = &mut self.server {
            act(server, &mut self.stage);
        }
    }

    /// Something has happened on a connection.
    fn line(&mut self, line: LineId) {
        self.stage.network.turned(&mut self.stage.agenda, line);
        if self.answered.len() <= line.0 as usize {
            self.answered.resize(line.0 as usize + 1, false);
        }
        let first = !std::mem::replace(&mut self.answered[line.0 as usize], true);
        let Some(server) = &mut self.server else { return };
        if first && server.core.is_up() {
            server.core.accept(&mut self.stage, line);
        } else if first {
            let Stage { agenda, network, .. } = &mut self.stage;
            network.leave(agenda, line, Direction::ToClient, Ending::Reset);
        }
        server.turn(&mut self.stage);
        match self.stage.network.client(line) {
            NOBODY => {
                let known = self.intruders.iter_mut().find(|intruder| intruder.line() == line);
                if let Some(intruder) = known {
                    intruder.turn(&mut self.stage);
                }
                if let Some(hostile) = self.hostile.iter_mut().find(|hostile| hostile.line() == line) {
                    hostile.turn(&mut self.stage);
                }
            }
            client => self.clients[client as usize].turn(&mut self.stage),
        }
    }

    fn step(&mut self) {
        let Some(step) = self.steps.get(self.next_step).cloned() else { return };
        let index = step.client as usize % self.clients.len();
        let busy = match step.action {
            // Who stalls can't act.
            Action::Work { .. }
            | Action::Connect
            | Action::Disconnect
            | Action::Close { .. }
            | Action::Migrate
            | Action::Hint { .. } => self.clients[index].is_frozen(),
            Action::ServerWork { .. }
            | Action::Drain { .. }
            | Action::EndSessions { .. }
            | Action::FinishSessions
            | Action::Forge { .. }
            | Action::Flood { .. } => self.server.as_ref().is_some_and(|server| server.core.is_frozen()),
            _ => false,
        };
        self.next_step += 1;
        if let Some(next) = self.steps.get(self.next_step) {
            self.stage.agenda.plan(millis(next.at), Due::Step);
        }
        if busy {
            return;
        }
        self.stage.note(|| format!("step {step:?}"));
        self.act(index, &step.action);
    }

    fn act(&mut self, index: usize, action: &Action) {
        let Self { stage, clients, .. } = self;
        let now = stage.agenda.now();
        let client = &mut clients[index];
        match action {
            Action::Work { count } => client.with(stage, |app, io| app.work(io, *count)),
            Action::Connect => client.with(stage, |_, io| io.connect()),
            Action::Disconnect => client.with(stage, |_, io| io.disconnect()),
            Action::Close { within } => client.close(stage, Duration::from_millis(*within)),
            Action::Migrate => client.with(stage, |_, io| io.migrate()),
            Action::Hint { hint } => client.with(stage, |_, io| io.hint((*hint).into())),
            Action::CrashClient { down } => {
                client.crash(stage);
                stage.agenda.plan(now + millis(*down), Due::StartClient(index as u32));
            }
            Action::StallClient { time } => client.freeze(stage, millis(*time), false),
            Action::Sleep { time } => client.freeze(stage, millis(*time), true),
            Action::Cut => self.cut_all(),
            Action::Intrude { by } => {
                if let Some(intruder) = Intruder::new(stage, *by) {
                    self.intruders.push(intruder);
                }
            }
            Action::Abuse { by } if self.scenario.session => self.hostile.extend(Hostile::new(stage, *by)),
            _ => self.act_on_server(action),
        }
        self.clients[index].turn(&mut self.stage);
    }

    fn cut_all(&mut self) {
        let Stage { agenda, network, .. } = &mut self.stage;
        for line in 0..network.lines() {
            network.cut(agenda, LineId(line as u32));
        }
    }

    fn act_on_server(&mut self, action: &Action) {
        let Some(server) = &mut self.server else { return };
        let stage = &mut self.stage;
        match action {
            Action::ServerWork { count } => server.with(stage, |app, io| app.work(io, *count)),
            Action::CrashServer { down } => {
                server.crash(stage);
                let at = stage.agenda.now() + millis(*down);
                stage.agenda.plan(at, Due::StartServer);
            }
            Action::StallServer { time } => server.core.freeze(stage, millis(*time)),
            Action::Drain { within } => server.core.drain(stage, Duration::from_millis(*within)),
            Action::EndSessions { retry_after } => server.with(stage, |_, io| {
                for peer in io.peers() {
                    io.end(peer, Some(Duration::from_millis(*retry_after)));
                }
            }),
            Action::FinishSessions => {
                server.with(stage, |_, io| io.peers().into_iter().for_each(|peer| io.finish(peer)))
            }
            Action::LoseNext => server.core.lose_next(),
            Action::Forge { frame } => server.core.forge(stage, frame),
            Action::Flood { by, time } => server.core.flood(stage, *by, *time),
            _ => {}
        }
        server.turn(stage);
    }

    /// Whether nothing is open any more.
    fn is_at_rest(&self) -> bool {
        let clients = self.clients.iter().all(|node| {
            node.process.as_ref().is_some_and(|process| {
                let connected = *process.machine.state() == State::Connected;
                let open = process.ledger.open() > 0 || process.is_handling();
                (process.finished || connected) && !open && node.app.is_done()
            })
        });
        clients && self.server.as_ref().is_none_or(|server| server.core.is_at_rest() && server.app.is_done())
    }

    fn is_finished(&self) -> bool {
        self.clients.iter().all(|node| node.process.as_ref().is_none_or(|process| process.finished))
    }

    /// What is still open, in words.
    fn unrest(&self) -> String {
        let mut words = Vec::new();
        for (index, node) in self.clients.iter().enumerate() {
            match &node.process {
                None => words.push(format!("client {index} is down")),
                Some(process) => words.push(format!(
                    "client {index} is {:?} with {} open messages, {:?}, done: {}",
                    process.machine.state(),
                    process.ledger.open(),
                    process.machine.deadline(),
                    node.app.is_done(),
                )),
            }
        }
        if let Some(server) = &self.server {
            words.push(format!("server at rest: {}, done: {}", server.core.is_at_rest(), server.app.is_done()));
        }
        words.join("; ")
    }
}
