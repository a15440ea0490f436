use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use everwire_core::session::SessionId;
use everwire_core::{Message, MessageId, Outcome};

use super::journal::{Entry, Journal, Key, Track, keys, payload};
use crate::sim::Handled;
use crate::sim::hostile::is_hostile;
use crate::sim::mutant::Mutant;
use crate::sim::scenario::{Commit, Scenario};
use crate::sim::server::{PeerId, ServerApp, ServerIo};

/// The probe at the server: processes messages, one by one or in transactions that hold the sessions' watermarks too, and
/// compares notes with the clients.
#[derive(Debug)]
pub struct ServerProbe {
    journal: Rc<RefCell<Journal>>,
    every: Option<Duration>,
    echo: bool,
    mutant: Option<Mutant>,
    /// What the present transaction holds.
    effects: Vec<Key>,
    marks: BTreeMap<PeerId, u64>,
    /// What a mutant commits by itself, later.
    late_effects: Vec<Key>,
    late_marks: BTreeMap<PeerId, u64>,
    ticking: bool,
    /// The durable table of watermarks: session, its principal, how far it has come.
    rows: BTreeMap<SessionId, (String, u64)>,
}

impl ServerProbe {
    pub(super) fn new(scenario: &Scenario, journal: Rc<RefCell<Journal>>) -> Self {
        Self {
            journal,
            every: match scenario.server.commit {
                Commit::Each => None,
                Commit::Together(every) => Some(Duration::from_millis(every)),
            },
            echo: scenario.server.echo,
            mutant: scenario.mutant,
            effects: Vec::new(),
            marks: BTreeMap::new(),
            late_effects: Vec::new(),
            late_marks: BTreeMap::new(),
            ticking: false,
            rows: BTreeMap::new(),
        }
    }

    fn send(&mut self, io: &mut ServerIo<'_>, peer: PeerId) {
        let number = {
            let mut journal = self.journal.borrow_mut();
            let tracks = &mut journal.down;
            if tracks.len() <= peer.0 as usize {
                tracks.resize_with(peer.0 as usize + 1, Track::default);
            }
            tracks[peer.0 as usize].entries.len() as u32
        };
        let size = (io.random() % 40) as usize;
        let text = payload('d', Key { track: peer.0, number }, size, false);
        if io.send(peer, Message::text(text)).is_ok() {
            self.journal.borrow_mut().down[peer.0 as usize].entries.push(Entry::default());
        }
    }

    /// Commits: all of it, or nothing if the process crashes before.
    fn commit(&mut self, io: &mut ServerIo<'_>) {
        let (effects, marks) = (std::mem::take(&mut self.effects), std::mem::take(&mut self.marks));
        match self.mutant {
            Some(Mutant::WatermarkBeforeEffect) => {
                let late = std::mem::replace(&mut self.late_effects, effects);
                self.apply(late);
                self.mark(io, marks);
            }
            Some(Mutant::EffectBeforeWatermark) => {
                self.apply(effects);
                let late = std::mem::replace(&mut self.late_marks, marks);
                self.mark(io, late);
            }
            _ => {
                self.apply(effects);
                self.mark(io, marks);
            }
        }
        let more = !self.late_effects.is_empty() || !self.late_marks.is_empty();
        self.ticking = more;
        if let (true, Some(every)) = (more, self.every) {
            io.wake_in(every);
        }
    }

    fn apply(&mut self, effects: Vec<Key>) {
        let mut journal = self.journal.borrow_mut();
        effects.into_iter().for_each(|key| journal.effect_up(key));
    }

    fn mark(&mut self, io: &mut ServerIo<'_>, marks: BTreeMap<PeerId, u64>) {
        for (peer, mark) in marks {
            if let Some(id) = io.session_id(peer) {
                let principal = io.principal(peer).to_owned();
                self.rows.insert(id, (principal, mark));
            }
            io.processed(peer, mark);
        }
    }
}

impl ServerApp for ServerProbe {
    fn started(&mut self, io: &mut ServerIo<'_>) {
        for (id, (principal, processed)) in &self.rows {
            io.remember(*id, principal, *processed);
        }
    }

    fn work(&mut self, io: &mut ServerIo<'_>, count: u32) {
        for peer in io.peers() {
            for _ in 0..count {
                self.send(io, peer);
            }
        }
    }

    fn opened(&mut self, io: &mut ServerIo<'_>, peer: PeerId) {
        // A session that has processed nothing yet is a row as well: else it would be unknown after a crash.
        if let (Some(_), Some(id)) = (self.every, io.session_id(peer)) {
            self.rows.insert(id, (io.principal(peer).to_owned(), 0));
        }
    }

    fn handle(&mut self, io: &mut ServerIo<'_>, peer: PeerId, message: Message) -> Handled {
        if self.echo {
            self.send(io, peer);
        }
        let found: Vec<Key> = keys(b'u', message.payload()).collect();
        if found.is_empty() && is_hostile(io.principal(peer)) {
            return Handled::Done;
        }
        if found.is_empty() {
            self.journal.borrow_mut().wrong(|| format!("a message without a key: {message:?}"));
        }
        let Some(every) = self.every else {
            self.apply(found);
            return Handled::Done;
        };
        self.effects.extend(found);
        self.marks.insert(peer, io.handled(peer));
        if !std::mem::replace(&mut self.ticking, true) {
            io.wake_in(every);
        }
        Handled::Later
    }

    fn outcome(&mut self, io: &mut ServerIo<'_>, peer: PeerId, first: MessageId, last: MessageId, outcome: Outcome) {
        let over = io.core.peer(peer).is_none_or(|peer| peer.over);
        let mut journal = self.journal.borrow_mut();
        for id in first.0..=last.0 {
            let Ok(number) = u32::try_from(id - 1) else { continue };
            journal.outcome_down(Key { track: peer.0, number }, outcome, over);
        }
    }

    fn ended(&mut self, io: &mut ServerIo<'_>, peer: PeerId) {
        if io.core.peer(peer).is_some_and(|peer| !peer.is_through()) {
            self.journal.borrow_mut().excuse();
        }
    }

    fn tick(&mut self, io: &mut ServerIo<'_>) {
        self.commit(io);
    }

    fn arrived(&mut self, _: PeerId, message: &Message) {
        let mut journal = self.journal.borrow_mut();
        keys(b'u', message.payload()).for_each(|key| journal.arrived_up(key));
    }

    fn crashed(&mut self) {
        self.effects.clear();
        self.marks.clear();
        self.late_effects.clear();
        self.late_marks.clear();
        self.ticking = false;
        self.journal.borrow_mut().server_crashed();
    }

    fn is_done(&self) -> bool {
        !self.ticking
    }

    fn check(&mut self) -> Result<(), String> {
        self.journal.borrow_mut().take_wrong()
    }
}
