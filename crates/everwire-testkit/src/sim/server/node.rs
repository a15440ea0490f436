//! A server's process: it runs, stalls, crashes and starts again; and who is let in.

use std::collections::BTreeMap;

use everwire_core::session::Registry;
use everwire_core::{Message, MessageId};

use super::line::{LineState, ServerLine};
use super::peer::{Peer, PeerId};
use super::plan::ServerPlan;
use super::{ServerApp, ServerIo};
use crate::faults::Ending;
use crate::sim::Handled;
use crate::sim::agenda::Nanos;
use crate::sim::network::LineId;
use crate::sim::stage::Stage;

#[derive(Debug)]
pub(crate) struct ServerNode<S> {
    pub(crate) app: S,
    pub(crate) core: ServerCore,
}

#[derive(Debug)]
pub(crate) struct ServerCore {
    pub(super) plan: ServerPlan,
    pub(super) lines: Vec<ServerLine>,
    pub(super) peers: Vec<Peer>,
    /// Peers before this one belong to earlier lives.
    pub(super) first: usize,
    pub(super) registry: Registry<PeerId>,
    pub(crate) wake_at: Option<Nanos>,
    pub(super) up: bool,
    pub(super) lives: u32,
    pub(super) frozen: Option<Nanos>,
    pub(super) armed: Nanos,
    /// Connections up to this one are to be closed at this time.
    pub(super) draining: Option<(u32, Nanos)>,
    pub(super) news: Vec<NodeInput>,
    /// By principal.
    pub(super) silences: BTreeMap<String, Silences>,
    /// What a mutant has to remember.
    pub(super) hellos: u64,
}

/// What a client has lost to its silence.
#[derive(Debug, Default)]
pub(super) struct Silences {
    /// Connections.
    pub(super) times: u32,
    /// The one that was dropped last and is not among them yet, and when.
    pub(super) dropped: Option<(LineId, Nanos)>,
}

/// What the application is to be told.
#[derive(Debug)]
pub(super) enum NodeInput {
    Opened(PeerId),
    Arrived(PeerId, Message),
    Outcome(PeerId, MessageId, MessageId, everwire_core::Outcome),
    Ended(PeerId),
    /// A mutant hands a message over behind the machine's back.
    Smuggled(PeerId, Message),
}

impl<S: ServerApp> ServerNode<S> {
    /// # Errors
    /// If a setting is not valid.
    pub(crate) fn new(plan: ServerPlan, app: S) -> Result<Self, everwire_core::ConfigError> {
        if let Some(session) = &plan.session {
            session.check()?;
        }
        let registry = Registry::new(plan.registry.clone())?;
        let core = ServerCore {
            plan,
            lines: Vec::new(),
            peers: Vec::new(),
            first: 0,
            registry,
            wake_at: None,
            up: false,
            lives: 0,
            frozen: None,
            armed: Nanos::MAX,
            draining: None,
            news: Vec::new(),
            silences: BTreeMap::new(),
            hellos: 0,
        };
        Ok(Self { app, core })
    }

    pub(crate) fn start(&mut self, stage: &mut Stage) {
        if self.core.up {
            return;
        }
        stage.note(|| "server starts".to_owned());
        self.core.up = true;
        self.core.lives += 1;
        self.with(stage, |app, io| app.started(io));
        self.turn(stage);
    }

    pub(crate) fn with(&mut self, stage: &mut Stage, act: impl FnOnce(&mut S, &mut ServerIo<'_>)) {
        if self.core.up {
            act(&mut self.app, &mut ServerIo { core: &mut self.core, stage });
        }
    }

    /// The process is gone; the operating system resets its connections.
    pub(crate) fn crash(&mut self, stage: &mut Stage) {
        if !std::mem::replace(&mut self.core.up, false) {
            return;
        }
        stage.counts.server_crashes += 1;
        stage.note(|| "server crashes".to_owned());
        for mut line in std::mem::take(&mut self.core.lines) {
            line.leave(stage, Ending::Reset);
        }
        for peer in &mut self.core.peers[self.core.first..] {
            (peer.over, peer.dead) = (true, true);
            peer.inbox.clear();
            peer.handling = None;
        }
        self.core.first = self.core.peers.len();
        if let Ok(registry) = Registry::new(self.core.plan.registry.clone()) {
            self.core.registry = registry;
        }
        self.core.wake_at = None;
        self.core.frozen = None;
        self.core.draining = None;
        self.core.news.clear();
        self.app.crashed();
    }

    pub(crate) fn turn(&mut self, stage: &mut Stage) {
        let core = &mut self.core;
        if core.armed <= stage.agenda.now() {
            core.armed = Nanos::MAX;
        }
        if !core.up || core.frozen.is_some_and(|until| until > stage.agenda.now()) {
            return;
        }
        core.frozen = None;
        stage.counts.turns += 1;
        for _ in 0..64 {
            let mut busy = self.core.read(stage);
            busy |= self.core.timers(stage);
            busy |= self.tell(stage);
            busy |= self.attend(stage);
            busy |= self.core.write(stage);
            if !busy || stage.violation.is_some() {
                break;
            }
        }
        if let Err(what) = self.app.check() {
            stage.fail("server", what);
        }
        self.core.check_bounds(stage);
        self.core.check_silences(stage);
        self.core.lines.retain(|line| !matches!(line.state, LineState::Gone));
        self.core.arm(stage);
    }

    /// Hands the news to the application.
    fn tell(&mut self, stage: &mut Stage) -> bool {
        let mut busy = false;
        while !self.core.news.is_empty() {
            busy = true;
            for told in std::mem::take(&mut self.core.news) {
                let io = &mut ServerIo { core: &mut self.core, stage };
                match told {
                    NodeInput::Opened(peer) => self.app.opened(io, peer),
                    NodeInput::Arrived(peer, message) => {
                        self.app.arrived(peer, &message);
                        let peer = &mut io.core.peers[peer.0 as usize];
                        if peer.let_go_at.is_none() {
                            peer.inbox.push_back(message);
                        }
                    }
                    NodeInput::Outcome(peer, first, last, outcome) => self.app.outcome(io, peer, first, last, outcome),
                    NodeInput::Ended(peer) => self.app.ended(io, peer),
                    NodeInput::Smuggled(peer, message) => {
                        let _ = self.app.handle(io, peer, message);
                    }
                }
            }
        }
        busy
    }

    /// The handlers get their messages, one after the other for each peer, and the application its tick.
    fn attend(&mut self, stage: &mut Stage) -> bool {
        let now = stage.agenda.now();
        let mut busy = false;
        for index in self.core.first..self.core.peers.len() {
            let id = PeerId(index as u32);
            let work = self.core.plan.work;
            let peer = &mut self.core.peers[index];
            if peer.handling.is_none() && !peer.inbox.is_empty() {
                peer.handling = Some(now + work);
            }
            let mut done = None;
            while self.core.peers[index].handling.is_some_and(|at| at <= now) {
                let peer = &mut self.core.peers[index];
                peer.handling = None;
                let Some(message) = peer.inbox.pop_front() else { break };
                busy = true;
                peer.handled += 1;
                let handled = peer.handled;
                let result = self.app.handle(&mut ServerIo { core: &mut self.core, stage }, id, message);
                if result == Handled::Done {
                    done = Some(handled);
                }
                let peer = &mut self.core.peers[index];
                peer.handling = (!peer.inbox.is_empty()).then_some(now + work);
            }
            if let Some(position) = done {
                self.core.processed(stage, id, position);
            }
            self.core.settle(index);
        }
        if self.core.wake_at.is_some_and(|at| at <= now) {
            self.core.wake_at = None;
            busy = true;
            self.app.tick(&mut ServerIo { core: &mut self.core, stage });
        }
        busy
    }
}
