//! What a server's process does for its connections and peers.

use std::time::Duration;

use everwire_core::session::{Gone, ServerInput, SessionId};
use everwire_core::{CloseCode, Message, MessageId, SendError};

use super::line::{LineState, News, ServerLine, is_cut};
use super::node::{NodeInput, ServerCore};
use super::peer::{Peer, PeerId};
use crate::faults::Ending;
use crate::sim::agenda::{Due, Nanos, nanos};
use crate::sim::hostile::Abuse;
use crate::sim::mutant::Mutant;
use crate::sim::network::LineId;
use crate::sim::socket::SocketRead;
use crate::sim::stage::Stage;

/// A client has noticed by then that its connection was dropped.
const NOTICED: Nanos = 1_000_000_000;

impl ServerCore {
    pub(super) fn life(&self) -> u32 {
        self.lives
    }

    pub(crate) fn is_up(&self) -> bool {
        self.up
    }

    pub(crate) fn peer(&self, peer: PeerId) -> Option<&Peer> {
        self.peers.get(peer.0 as usize)
    }

    pub(super) fn live_peers(&self) -> Vec<PeerId> {
        let indexed = self.peers.iter().enumerate().skip(self.first);
        indexed.filter(|(_, peer)| !peer.over).map(|(index, _)| PeerId(index as u32)).collect()
    }

    /// The listener has a connection. Whether anybody listens.
    pub(crate) fn accept(&mut self, stage: &mut Stage, line: LineId) {
        if self.up && !self.lines.iter().any(|known| known.id == line) {
            self.lines.push(ServerLine::new(line, stage.agenda.now()));
        }
    }

    /// Whether it can't act now.
    pub(crate) fn is_frozen(&self) -> bool {
        self.frozen.is_some()
    }

    pub(crate) fn freeze(&mut self, stage: &mut Stage, time: Nanos) {
        if self.frozen.is_some() || !self.up {
            return;
        }
        stage.counts.stalls += 1;
        stage.note(|| format!("server stalls for {time} ns"));
        let until = stage.agenda.now().saturating_add(time);
        self.frozen = Some(until);
        // What is waited for then comes as much later.
        self.peers[self.first..].iter_mut().filter_map(|peer| peer.let_go_at.as_mut()).for_each(|at| *at += time);
        stage.agenda.plan(until, Due::Server);
    }

    /// The connections that there are will be closed after this time; sessions are told.
    pub(crate) fn drain(&mut self, stage: &mut Stage, within: Duration) {
        let Some(last) = self.lines.iter().map(|line| line.id.0).max() else { return };
        stage.note(|| format!("server drains within {within:?}"));
        if stage.is(Mutant::DrainWithoutWord) {
            self.draining = Some((last, stage.agenda.now()));
        } else {
            for peer in self.live_peers() {
                self.input(stage, peer, ServerInput::GoAway { within, url: None });
            }
            self.draining = Some((last, super::line::later(stage.agenda.now(), within)));
        }
        stage.agenda.soon(Due::Server);
    }

    /// The next message that arrives on any of its connections gets lost behind the socket, by bad middleware.
    pub(crate) fn lose_next(&mut self) {
        for line in &mut self.lines {
            line.loses_next = true;
        }
    }

    pub(crate) fn lose_nothing(&mut self) {
        for line in &mut self.lines {
            line.loses_next = false;
        }
    }

    /// Something is said on every connection of a session that its machine knows nothing of.
    pub(crate) fn forge(&mut self, stage: &mut Stage, frame: &str) {
        for line in &mut self.lines {
            if line.peer().is_some()
                && let Some(socket) = line.socket()
            {
                let _ = socket.send(b"", &Message::text(frame.to_owned()));
                stage.monitor.forged = true;
            }
        }
        stage.agenda.soon(Due::Server);
    }

    /// Floods each connection of a session, and does not read it for `time` milliseconds.
    pub(crate) fn flood(&mut self, stage: &mut Stage, by: Abuse, time: u64) {
        if !Abuse::IDLE_TALK.contains(&by) {
            return;
        }
        let now = stage.agenda.now();
        for line in &mut self.lines {
            let mute = (now - line.opened_at) / 1_000_000 + time;
            if line.peer().is_some()
                && let Some(socket) = line.socket()
            {
                by.speak(socket);
                line.floods = true;
                line.script.reads_after = u32::try_from(mute).unwrap_or(u32::MAX);
            }
        }
        stage.flooded = true;
        stage.agenda.soon(Due::Server);
    }

    /// Every client's share of the handlers is done, everything sent has its outcome.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.peers[self.first..].iter().all(|peer| {
            peer.over && peer.settled
                || peer.is_hostile
                || peer.is_through() && peer.session.as_ref().is_none_or(|session| session.pending_messages() == 0)
        })
    }

    pub(super) fn read(&mut self, stage: &mut Stage) -> bool {
        let mut busy = false;
        for index in 0..self.lines.len() {
            let mut batch = Vec::new();
            loop {
                let line = &mut self.lines[index];
                if let Some(peer) = line.peer()
                    && let peer = &self.peers[peer.0 as usize]
                    && peer.session.is_none()
                    && peer.inbox.len() + batch.len() >= self.plan.inbox
                {
                    break;
                }
                let news = line.read(stage, &self.plan);
                let Some(news) = news else { break };
                busy = true;
                let heard = match news {
                    News::Opened { session } => {
                        self.upgraded(stage, index, session);
                        continue;
                    }
                    News::SocketRead(heard) => heard,
                };
                let SocketRead::Message(message) = heard else {
                    self.flush_batch(stage, index, &mut batch);
                    self.heard(stage, index, heard);
                    continue;
                };
                let line = &mut self.lines[index];
                if line.loses_next && message.payload().first().is_none_or(|letter| *letter == b'm') {
                    line.loses_next = false;
                    continue;
                }
                if matches!(line.state, LineState::Greeting(_)) {
                    self.greeted(stage, index, message);
                } else {
                    batch.push(message);
                }
            }
            self.flush_batch(stage, index, &mut batch);
        }
        busy
    }

    /// Messages of a connection that belongs to a peer.
    fn flush_batch(&mut self, stage: &mut Stage, index: usize, batch: &mut Vec<Message>) {
        if batch.is_empty() {
            return;
        }
        let batch = std::mem::take(batch);
        let Some(peer) = self.lines[index].peer() else { return };
        if self.peers[peer.0 as usize].session.is_some() {
            return self.session_messages(stage, index, peer, batch);
        }
        for message in batch {
            let line = &mut self.lines[index];
            line.messages += 1;
            if let Some(poison) = line.script.poison
                && message.payload().contains(&b'!')
            {
                line.close(stage.agenda.now(), CloseCode(poison), "not to my taste");
                return;
            }
            if line.socket().is_some_and(|socket| socket.is_open()) {
                let state = &mut self.peers[peer.0 as usize];
                state.delivered += 1;
                self.news.push(NodeInput::Arrived(peer, message));
            }
        }
    }

    fn heard(&mut self, stage: &mut Stage, index: usize, heard: SocketRead) {
        match heard {
            SocketRead::Message(_) => {}
            SocketRead::Ping => self.session_input(stage, index, ServerInput::Ping),
            SocketRead::Pong(payload) => self.session_input(stage, index, |link| ServerInput::Pong(link, payload)),
            SocketRead::Close(_) => self.closed_by_peer(stage, index),
            SocketRead::Lost(loss) => {
                if is_cut(&loss) {
                    stage.counts.cuts += 1;
                }
                self.gone(stage, index);
            }
        }
    }

    fn closed_by_peer(&mut self, stage: &mut Stage, index: usize) {
        if self.lines[index].peer().is_some_and(|peer| self.peers[peer.0 as usize].session.is_some()) {
            // As the shipped server does: what the socket takes now is written, and the rest is dropped.
            let written = self.lines[index].flush(stage);
            self.session_input(stage, index, |of| ServerInput::Written(of, written));
            return self.gone(stage, index);
        }
        self.lines[index].close(stage.agenda.now(), CloseCode::NORMAL, "");
    }

    /// A session has lost its connection; what was written in front of that is told before.
    fn lost(&mut self, stage: &mut Stage, index: usize) {
        let written = self.lines[index].count_written();
        if written > 0 {
            self.session_input(stage, index, |of| ServerInput::Written(of, written));
        }
        self.session_input(stage, index, ServerInput::Lost);
    }

    /// A connection is no more.
    fn gone(&mut self, stage: &mut Stage, index: usize) {
        self.lost(stage, index);
        let line = &mut self.lines[index];
        let peer = line.peer();
        line.leave(stage, Ending::Close);
        if let Some(peer) = peer
            && self.peers[peer.0 as usize].session.is_none()
        {
            let state = &mut self.peers[peer.0 as usize];
            (state.over, state.settled, state.line) = (true, true, None);
            self.news.push(NodeInput::Ended(peer));
        }
    }

    fn upgraded(&mut self, stage: &mut Stage, index: usize, session: bool) {
        if session {
            return;
        }
        let line = &mut self.lines[index];
        line.is_welcome();
        let id = PeerId(self.peers.len() as u32);
        let mut peer = Peer::new(&line.principal);
        peer.line = Some(line.id.0);
        self.peers.push(peer);
        if let LineState::Greeting(socket) = std::mem::replace(&mut line.state, LineState::Gone) {
            line.state = LineState::Up { socket, peer: id, ready: false, ends: Default::default(), fenced: false };
        }
        stage.note(|| format!("server has peer {} on line {}", id.0, self.lines[index].id.0));
        self.news.push(NodeInput::Opened(id));
    }

    pub(super) fn timers(&mut self, stage: &mut Stage) -> bool {
        let now = stage.agenda.now();
        let mut busy = false;
        let calm = stage.agenda.elapsed() >= self.plan.calm;
        for index in 0..self.lines.len() {
            self.lines[index].script_closes(now, calm);
            if self.lines[index].is_silent(now, calm) {
                self.dropped_silent(stage, index);
            }
            busy |= self.lines[index].go_on_harming(stage, nanos(self.plan.calm));
            if self.lines[index].patience <= now && !matches!(self.lines[index].state, LineState::Gone) {
                self.session_input_if_present(stage, index);
                busy = true;
            }
        }
        if let Some((last, at)) = self.draining
            && at <= now
        {
            self.draining = None;
            busy = true;
            for index in 0..self.lines.len() {
                if self.lines[index].id.0 <= last {
                    // What is queued goes out in front of the close frame.
                    let written = self.lines[index].forgo_counting();
                    self.session_input(stage, index, |of| ServerInput::Written(of, written));
                    self.session_input(stage, index, ServerInput::Lost);
                    self.lines[index].close(now, CloseCode(1012), "the server restarts");
                }
            }
        }
        busy | self.session_timers(stage)
    }

    /// A connection is dropped for the client's silence.
    fn dropped_silent(&mut self, stage: &mut Stage, index: usize) {
        self.check_silences(stage);
        let line = &self.lines[index];
        self.silences.entry(line.principal.clone()).or_default().dropped = Some((line.id, stage.agenda.now()));
    }

    /// A client that has lost two connections to its silence has to know better. One that said something about then can't tell
    /// that it was for its silence.
    pub(super) fn check_silences(&mut self, stage: &mut Stage) {
        let now = stage.agenda.now();
        for (principal, known) in &mut self.silences {
            let Some((line, at)) = known.dropped.take_if(|(_, at)| now - *at >= NOTICED) else { continue };
            known.times += u32::from(stage.network.client_wrote_at(line) + NOTICED <= at);
            if known.times > 2 {
                let times = known.times;
                stage.fail("server", format_args!("{principal} has lost {times} connections to its silence"));
            }
        }
    }

    fn session_input_if_present(&mut self, stage: &mut Stage, index: usize) {
        let peer = self.lines[index].peer();
        if self.lines[index].lose_patience(stage)
            && let Some(peer) = peer
        {
            let link = super::session::link(self.lines[index].id);
            if self.peers[peer.0 as usize].session.is_some() {
                self.input(stage, peer, ServerInput::Lost(link));
            } else {
                let state = &mut self.peers[peer.0 as usize];
                (state.over, state.settled, state.line) = (true, true, None);
                self.news.push(NodeInput::Ended(peer));
            }
        }
    }

    pub(super) fn send(&mut self, stage: &mut Stage, peer: PeerId, message: Message) -> Result<MessageId, SendError> {
        let state = &mut self.peers[peer.0 as usize];
        if let Some(session) = &mut state.session {
            let id = session.send(stage.agenda.moment(), message.clone())?;
            stage.counts.sent_down += 1;
            if let Err(what) = state.ledger.accepted(id, &message) {
                stage.fail("server", what);
            }
            self.drain_session(stage, peer);
            return Ok(id);
        }
        let line = state.line;
        let room = self.plan.write_buffer;
        let closed = |message| SendError::Closed(message, everwire_core::Closed::ByUser);
        let Some(line) = self.lines.iter_mut().find(|known| Some(known.id.0) == line) else {
            return Err(closed(message));
        };
        let Some(socket) = line.socket() else { return Err(closed(message)) };
        if socket.buffered() >= room {
            return Err(SendError::Full(message));
        }
        if !socket.send(b"", &message) {
            return Err(closed(message));
        }
        stage.counts.sent_down += 1;
        state.seen += 1;
        Ok(MessageId(state.seen))
    }

    pub(super) fn remember(&mut self, session: SessionId, principal: &str, reason: Gone, processed: u64) {
        let (inserted, _) = self.registry.insert(session, principal, PeerId(u32::MAX));
        if inserted {
            self.registry.end(session, reason);
            self.registry.settle(session, processed);
        }
    }

    pub(super) fn arm(&mut self, stage: &mut Stage) {
        let lines = self.lines.iter().map(ServerLine::due_soon).min();
        let handlers = self.peers[self.first..].iter().filter_map(|peer| peer.handling).min();
        let sessions = self.session_deadline(stage);
        let draining = self.draining.map(|(_, at)| at);
        let due = [lines, handlers, sessions, draining, self.wake_at].into_iter().flatten().min();
        let Some(at) = due.filter(|at| *at < Nanos::MAX) else { return };
        if at < self.armed {
            self.armed = at;
            stage.agenda.plan(at, Due::Server);
        }
    }
}
