//! What a session's machine is told, and what it wants done: as the shipped server does it.

use std::time::Duration;

use everwire_core::session::{
    Admission, Attached, ComeBack, Gone, Previous, Reading, ServerInput, ServerSession, SessionId, Token, code,
};
use everwire_core::{Attempt, CloseCode, Message, Output, Timer};

use super::line::{LineState, hello};
use super::node::{NodeInput, ServerCore};
use super::peer::{Peer, PeerId};
use crate::sim::agenda::Nanos;
use crate::sim::client::{count_outcome, excerpt};
use crate::sim::mutant::Mutant;
use crate::sim::network::LineId;
use crate::sim::stage::Stage;

/// A connection's number as its session knows it.
pub(super) fn link(line: LineId) -> Attempt {
    Attempt(u64::from(line.0) + 1)
}

impl ServerCore {
    /// The first frame of a connection.
    pub(super) fn greeted(&mut self, stage: &mut Stage, index: usize, message: Message) {
        let now = stage.agenda.now();
        let line = self.lines[index].id;
        stage.note(|| format!("server line {} hears {}", line.0, excerpt(&message)));
        let script = &self.lines[index].script;
        if script.withholds_welcome || script.greets_wrongly {
            let wrong = script.greets_wrongly;
            // It says nothing more, and waits for ever.
            self.lines[index].is_welcome();
            if let Some(socket) = self.lines[index].socket().filter(|_| wrong) {
                let _ = socket.send(b"", &Message::text("hello"));
            }
            return;
        }
        if let Some(abuse) = script.abuse {
            return self.abuse(stage, index, abuse);
        }
        let Some(mut hello) = hello(message) else {
            return self.lines[index].close(now, code::MALFORMED, "no hello");
        };
        let mut principal = self.lines[index].principal.clone();
        self.bend_hello(stage, &mut hello, &mut principal);
        let fresh: [u8; 32] = stage.random.bits();
        let previous = match self.registry.admit(&principal, &hello) {
            Admission::Resume(peer) => match self.resume(stage, index, peer, &hello, fresh) {
                Some(previous) => Some(previous),
                None => return,
            },
            Admission::New(previous) => previous,
        };
        self.begin(stage, index, &principal, &hello, previous, fresh);
    }

    /// Attaches a connection; or says what became of the session that it asked for.
    fn resume(
        &mut self,
        stage: &mut Stage,
        index: usize,
        peer: PeerId,
        hello: &everwire_core::session::Hello,
        fresh: [u8; 32],
    ) -> Option<Previous> {
        let now = stage.agenda.now();
        let line = self.lines[index].id;
        let state = &mut self.peers[peer.0 as usize];
        let fresh = if stage.is(Mutant::TokenKept) { *state.token.get_or_insert(fresh) } else { fresh };
        let session = state.session.as_mut()?;
        let attached = session.attach(stage.agenda.moment(), link(line), hello, Token::new(fresh));
        match attached {
            Attached::Welcome => {
                self.admit(index, peer);
                self.fence(peer, line);
                let id = session_id(&self.peers[peer.0 as usize]);
                self.peers[peer.0 as usize].attached = true;
                self.registry.attached(id);
            }
            Attached::Stale => {
                stage.counts.stale += 1;
                self.lines[index].close(now, code::SUPERSEDED, "a newer connection was here first");
            }
            Attached::Violated => self.lines[index].close(now, code::VIOLATED, "the session contradicts itself"),
            Attached::Gone(previous) => {
                self.drain_session(stage, peer);
                return Some(previous);
            }
        }
        self.drain_session(stage, peer);
        self.warn(stage, peer, line);
        None
    }

    /// Who says hello while the server drains is told so as well.
    fn warn(&mut self, stage: &mut Stage, peer: PeerId, line: LineId) {
        if let Some((last, at)) = self.draining
            && line.0 <= last
        {
            let within = Duration::from_nanos(at.saturating_sub(stage.agenda.now()));
            self.input(stage, peer, ServerInput::GoAway { within, url: None });
        }
    }

    fn begin(
        &mut self,
        stage: &mut Stage,
        index: usize,
        principal: &str,
        hello: &everwire_core::session::Hello,
        previous: Option<Previous>,
        fresh: [u8; 32],
    ) {
        let Some(config) = self.plan.session.clone() else { return };
        let now = stage.agenda.moment();
        let id = SessionId(stage.random.bits());
        let session = match ServerSession::new(now, id, config, stage.random.bits()) {
            Ok(session) => session,
            Err(error) => return stage.fail("server", error),
        };
        let peer = PeerId(self.peers.len() as u32);
        let (inserted, evicted) = self.registry.insert(id, principal, peer);
        self.evicted(stage, evicted);
        if !inserted {
            return self.lines[index].close(stage.agenda.now(), CloseCode::TRY_AGAIN_LATER, "too many sessions");
        }
        let mut state = Peer::new(principal);
        (state.session, state.attached, state.token) = (Some(session), true, Some(fresh));
        self.peers.push(state);
        stage.note(|| format!("server has session {} on line {}", peer.0, self.lines[index].id.0));
        self.admit(index, peer);
        let line = self.lines[index].id;
        if let Some(session) = &mut self.peers[peer.0 as usize].session {
            session.begin(now, link(line), hello, previous, Token::new(fresh));
        }
        self.news.push(NodeInput::Opened(peer));
        self.drain_session(stage, peer);
        self.warn(stage, peer, line);
    }

    /// The connection belongs to this session.
    fn admit(&mut self, index: usize, peer: PeerId) {
        let line = &mut self.lines[index];
        if let LineState::Greeting(socket) = std::mem::replace(&mut line.state, LineState::Gone) {
            line.state = LineState::Up { socket, peer, ready: false, ends: Default::default(), fenced: false };
        }
        line.is_welcome();
    }

    /// The session's other connections are not its connections any more.
    fn fence(&mut self, peer: PeerId, newest: LineId) {
        for line in &mut self.lines {
            if let LineState::Up { peer: of, fenced, .. } = &mut line.state
                && *of == peer
            {
                *fenced = line.id != newest;
            }
        }
    }

    /// Messages of a session's connection.
    pub(super) fn session_messages(&mut self, stage: &mut Stage, index: usize, peer: PeerId, batch: Vec<Message>) {
        let line = self.lines[index].id;
        for message in &batch {
            stage.note(|| format!("server line {} hears {}", line.0, excerpt(message)));
        }
        let batch = self.bend_messages(stage, peer, batch);
        let of = self.speaks_as(stage, index);
        // As the server reads what has come.
        let mut read = Reading::new(of, 0);
        batch.iter().for_each(|message| read.push_ref(message.into()));
        for input in read.into_inputs() {
            self.input(stage, peer, input);
        }
    }

    /// Word of a connection to its session, if it has one.
    pub(super) fn session_input(
        &mut self,
        stage: &mut Stage,
        index: usize,
        input: impl FnOnce(Attempt) -> ServerInput,
    ) {
        let Some(peer) = self.lines[index].peer() else { return };
        if self.peers[peer.0 as usize].session.is_some() {
            let of = self.speaks_as(stage, index);
            self.input(stage, peer, input(of));
        }
    }

    pub(super) fn input(&mut self, stage: &mut Stage, peer: PeerId, input: ServerInput) {
        let now = stage.agenda.moment();
        let Some(session) = &mut self.peers[peer.0 as usize].session else { return };
        session.handle(now, input);
        self.drain_session(stage, peer);
    }

    pub(super) fn processed(&mut self, stage: &mut Stage, peer: PeerId, messages: u64) {
        let state = &mut self.peers[peer.0 as usize];
        state.processed = state.processed.max(messages.min(state.handled));
        if state.session.is_some() {
            self.input(stage, peer, ServerInput::Processed(messages));
        }
    }

    /// Ends a session in order. What is delivered and not processed never will be: the client was told so.
    pub(super) fn end(&mut self, stage: &mut Stage, peer: PeerId, retry_after: Option<Duration>) {
        let state = &mut self.peers[peer.0 as usize];
        if state.processed == state.handled {
            state.inbox.clear();
            state.handling = None;
            state.ended_at.get_or_insert(stage.agenda.now());
            let back = retry_after.map_or(ComeBack::Never, ComeBack::After);
            self.input(stage, peer, ServerInput::End { back, reason: String::new() });
        }
    }

    /// The application lets go of a session, as one whose handler returns: nobody handles what comes from now on. Not
    /// while it has something in hand.
    pub(super) fn finish(&mut self, stage: &mut Stage, peer: PeerId) {
        let state = &mut self.peers[peer.0 as usize];
        if state.session.is_some() && state.processed == state.handled {
            state.inbox.clear();
            state.handling = None;
            state.let_go_at.get_or_insert(stage.agenda.now());
            self.input(stage, peer, ServerInput::Finish);
        }
    }

    /// Does what the session wants.
    pub(super) fn drain_session(&mut self, stage: &mut Stage, peer: PeerId) {
        let index = peer.0 as usize;
        while let Some(output) = self.peers[index].session.as_mut().and_then(ServerSession::poll_output) {
            match output {
                Output::Control(of, message) => self.say(stage, peer, of, message),
                Output::Ping(of, payload) | Output::Probe(of, payload) => {
                    if let Some(line) = self.line_of(of) {
                        line.ping(&payload);
                    }
                }
                Output::Close(of, code, reason) => {
                    if code == code::SUPERSEDED {
                        stage.counts.superseded += 1;
                    }
                    stage.note(|| format!("server closes line {} with {}: {reason}", of.0 - 1, code.0));
                    let now = stage.agenda.now();
                    if let Some(line) = self.line_of(of) {
                        line.close(now, code, reason);
                    }
                }
                Output::Ready(of) => {
                    if let Some(LineState::Up { ready, .. }) = self.line_of(of).map(|line| &mut line.state) {
                        *ready = true;
                    }
                }
                Output::Deliver(messages) => {
                    let state = &mut self.peers[index];
                    state.delivered += messages.len() as u64;
                    state.reliable += messages.len() as u64;
                    if let (true, Some(session)) = (stage.is(Mutant::AckOnReceipt), &mut state.session) {
                        session.handle(stage.agenda.moment(), ServerInput::Processed(state.delivered));
                    }
                    self.news.extend(messages.into_iter().map(|message| NodeInput::Arrived(peer, message)));
                }
                Output::DeliverVolatile(message) => {
                    self.peers[index].delivered += 1;
                    self.news.push(NodeInput::Arrived(peer, message));
                }
                Output::Outcome { first, last, outcome } => {
                    count_outcome(stage, last.0 - first.0 + 1, outcome);
                    stage.note(|| format!("server peer {} {}..={}: {outcome}", peer.0, first.0, last.0));
                    if let Err(what) = self.peers[index].ledger.outcome(first, last, outcome) {
                        stage.fail("server", what);
                    }
                    self.news.push(NodeInput::Outcome(peer, first, last, outcome));
                }
                Output::Event(event) => stage.note(|| format!("server peer {} {event:?}", peer.0)),
                Output::Finished(_) => self.finished(stage, peer),
                // Nothing else asks for anything here.
                _ => {}
            }
        }
        self.note_attachment(stage, peer);
    }

    fn say(&mut self, stage: &mut Stage, peer: PeerId, of: Attempt, message: Message) {
        let message = self.bend_word(stage, peer, message);
        let unbounded = stage.is(Mutant::RepliesUnbounded);
        let Some(line) = self.line_of(of) else { return };
        let id = line.id.0;
        if line.socket().is_some_and(|socket| socket.control(&message, unbounded)) {
            stage.monitor(id, true, message.payload());
            stage.note(|| format!("server line {id} says {}", excerpt(&message)));
        }
    }

    /// The session is over.
    fn finished(&mut self, stage: &mut Stage, peer: PeerId) {
        let state = &mut self.peers[peer.0 as usize];
        state.over = true;
        let gone = state.session.as_ref().and_then(ServerSession::gone).unwrap_or(Gone::Ended);
        if !self.plan.finishes {
            state.inbox.clear();
            state.handling = None;
            self.news.retain(|told| !matches!(told, NodeInput::Arrived(of, _) if *of == peer));
        }
        let id = session_id(&self.peers[peer.0 as usize]);
        self.registry.end(id, gone);
        if stage.is(Mutant::SettledTooEarly) {
            self.tell_registry(peer.0 as usize);
        }
        self.news.push(NodeInput::Ended(peer));
        self.settle(peer.0 as usize);
    }

    /// The registry learns what was processed of a session, once nothing more will be.
    pub(super) fn settle(&mut self, index: usize) {
        let peer = &self.peers[index];
        let waiting = self.news.iter().any(|told| matches!(told, NodeInput::Arrived(of, _) if of.0 as usize == index));
        if peer.over && !peer.settled && peer.is_through() && !waiting {
            self.tell_registry(index);
        }
    }

    fn tell_registry(&mut self, index: usize) {
        let peer = &mut self.peers[index];
        peer.settled = true;
        if let Some(session) = &peer.session {
            self.registry.settle(session.id(), session.processed());
        }
    }

    fn note_attachment(&mut self, stage: &mut Stage, peer: PeerId) {
        let state = &mut self.peers[peer.0 as usize];
        let Some(session) = &state.session else { return };
        if state.attached && session.link().is_none() && !state.over {
            state.attached = false;
            let evicted = self.registry.detached(stage.agenda.moment(), session.id(), session.held_bytes());
            self.evicted(stage, evicted);
        } else if session.link().is_none() && !state.over && !stage.is(Mutant::DetachedCountedOnce) {
            let evicted = self.registry.holds(session.id(), session.held_bytes());
            self.evicted(stage, evicted);
        }
    }

    fn evicted(&mut self, stage: &mut Stage, sessions: Vec<(SessionId, PeerId)>) {
        for (_, peer) in sessions {
            let kill = ServerInput::Kill { gone: Gone::Evicted, code: CloseCode(1012), reason: "evicted" };
            if peer.0 != u32::MAX {
                self.input(stage, peer, kill);
            }
        }
    }

    pub(super) fn session_timers(&mut self, stage: &mut Stage) -> bool {
        let now = stage.agenda.moment();
        let mut busy = false;
        for index in self.first..self.peers.len() {
            let Some(session) = &self.peers[index].session else { continue };
            if session.deadline().is_some_and(|(at, timer)| at <= now && !is_ignored(stage, timer)) {
                busy = true;
                self.input(stage, PeerId(index as u32), ServerInput::Timer);
            }
        }
        busy
    }

    pub(super) fn session_deadline(&self, stage: &Stage) -> Option<Nanos> {
        let live = self.peers[self.first..].iter().filter(|peer| !peer.over);
        let deadlines = live.filter_map(|peer| peer.session.as_ref()?.deadline());
        deadlines.filter(|(_, timer)| !is_ignored(stage, *timer)).map(|(at, _)| at.as_nanos()).min()
    }

    /// Writes, and takes more while the network takes it all.
    pub(super) fn write(&mut self, stage: &mut Stage) -> bool {
        let mut busy = false;
        for index in 0..self.lines.len() {
            loop {
                let taken = self.take(stage, index);
                busy |= taken;
                let written = self.lines[index].flush(stage);
                if written > 0 {
                    self.session_input(stage, index, |of| ServerInput::Written(of, written));
                }
                if let Some(progress) = self.lines[index].ping_progress() {
                    self.session_input(stage, index, |of| ServerInput::OwnPing(of, progress));
                }
                if !taken {
                    break;
                }
            }
        }
        busy
    }

    fn take(&mut self, stage: &mut Stage, index: usize) -> bool {
        let line = &mut self.lines[index];
        let id = line.id;
        let most = self.plan.write_buffer;
        let LineState::Up { socket, peer, ready, ends, fenced } = &mut line.state else { return false };
        if !*ready || *fenced || !socket.is_open() || socket.buffered() >= most {
            return false;
        }
        let peer = *peer;
        let Some(session) = &mut self.peers[peer.0 as usize].session else { return false };
        let mut cut_short = false;
        let taken = session.take(link(id), &mut |outgoing| {
            if socket.buffered() >= most {
                cut_short = true;
                return false;
            }
            let prefix = &outgoing.prefix.to_bytes();
            if !socket.send(prefix, outgoing.message) {
                return false;
            }
            ends.push_back(socket.queued_total());
            stage.monitor(id.0, true, prefix);
            stage.note(|| {
                let prefix = String::from_utf8_lossy(prefix).into_owned();
                format!("server line {} sends {prefix}{}", id.0, excerpt(outgoing.message))
            });
            true
        });
        *ready = cut_short;
        self.drain_session(stage, peer);
        taken > 0
    }

    pub(super) fn line_of(&mut self, of: Attempt) -> Option<&mut super::line::ServerLine> {
        self.lines.iter_mut().find(|line| link(line.id) == of)
    }
}

/// Whether a broken rule passes this timer over.
fn is_ignored(stage: &Stage, timer: Timer) -> bool {
    stage.is(Mutant::ByeAwaitedForEver) && timer == Timer::Close
}

pub(super) fn session_id(peer: &Peer) -> SessionId {
    peer.session.as_ref().map_or(SessionId([0; 16]), ServerSession::id)
}
