//! One connection of a server, from the request on.

use std::collections::VecDeque;

use bytes::BytesMut;
use everwire_core::session::{Frame, code};
use everwire_core::{CloseCode, Loss, Message, PingProgress, PingWatch};
use everwire_ws::Role;

use super::PeerId;
use super::hostile_line::Hostile;
use super::script::PlainScript;
use crate::faults::{Direction, Ending};
use crate::sim::agenda::{Nanos, millis, nanos};
use crate::sim::head::{self, Request, Response};
use crate::sim::network::{Arrival, LineId};
use crate::sim::socket::{Socket, SocketRead};
use crate::sim::stage::Stage;

#[derive(Debug)]
pub(crate) struct ServerLine {
    pub(crate) id: LineId,
    pub(crate) state: LineState,
    pub(crate) principal: String,
    pub(crate) script: PlainScript,
    pub(crate) opened_at: Nanos,
    /// It is given up at this time: no request, no hello, no answer to a close frame.
    pub(crate) patience: Nanos,
    /// Messages of the next `m` frame of a kind get lost here, by the scenario's will.
    pub(crate) loses_next: bool,
    pub(crate) messages: u32,
    /// When something was last received.
    received_at: Nanos,
    /// By the scenario's will more is queued than an honest server would.
    pub(crate) floods: bool,
    pings: PingWatch,
}

#[derive(Debug)]
pub(crate) enum LineState {
    Opening {
        head: BytesMut,
        answer: BytesMut,
        refused: bool,
    },
    /// The hello is awaited.
    Greeting(Box<Socket>),
    /// Of this peer: a session, or itself.
    Up {
        socket: Box<Socket>,
        peer: PeerId,
        ready: bool,
        ends: VecDeque<u64>,
        fenced: bool,
    },
    /// By the script's will.
    Hostile(Hostile),
    Gone,
}

/// What a connection has brought.
#[derive(Debug)]
pub(crate) enum News {
    Opened { session: bool },
    SocketRead(SocketRead),
}

/// Nobody is waited for longer.
const PATIENCE: Nanos = 10_000_000_000;
/// A close frame is to be answered within this time.
const CLOSING: Nanos = 2_000_000_000;

impl ServerLine {
    pub(crate) fn new(id: LineId, now: Nanos) -> Self {
        let state = LineState::Opening { head: BytesMut::new(), answer: BytesMut::new(), refused: false };
        Self {
            id,
            state,
            principal: String::new(),
            script: PlainScript::default(),
            opened_at: now,
            patience: now.saturating_add(PATIENCE),
            loses_next: false,
            messages: 0,
            received_at: now,
            floods: false,
            pings: PingWatch::default(),
        }
    }

    pub(crate) fn socket(&mut self) -> Option<&mut Socket> {
        match &mut self.state {
            LineState::Greeting(socket) | LineState::Up { socket, .. } => Some(socket),
            LineState::Hostile(hostile) => Some(&mut hostile.socket),
            LineState::Opening { .. } | LineState::Gone => None,
        }
    }

    pub(crate) fn peer(&self) -> Option<PeerId> {
        match self.state {
            LineState::Up { peer, .. } => Some(peer),
            _ => None,
        }
    }

    /// The next thing that it brings.
    pub(crate) fn read(&mut self, stage: &mut Stage, plan: &super::ServerPlan) -> Option<News> {
        match &mut self.state {
            LineState::Opening { .. } => self.open(stage, plan),
            LineState::Gone => None,
            LineState::Hostile(_) => {
                self.watch(stage);
                None
            }
            LineState::Greeting(socket) | LineState::Up { socket, .. } => {
                let Stage { agenda, network, .. } = stage;
                if agenda.now() < self.opened_at + millis(u64::from(self.script.reads_after)) {
                    return None;
                }
                self.script.reads_after = 0;
                let before = socket.buffered();
                let heard = socket.read(agenda, network)?;
                self.received_at = agenda.now();
                if matches!(heard, SocketRead::Ping) && self.script.ignores_pings {
                    socket.swallow(before);
                }
                if self.script.idle_pongs && matches!(heard, SocketRead::Message(_)) && socket.is_open() {
                    socket.unsolicited_pong();
                }
                Some(News::SocketRead(heard))
            }
        }
    }

    fn open(&mut self, stage: &mut Stage, plan: &super::ServerPlan) -> Option<News> {
        loop {
            let LineState::Opening { head, answer, refused } = &mut self.state else { return None };
            let Stage { agenda, network, .. } = stage;
            while network.write(agenda, self.id, Direction::ToClient, answer) > 0 {}
            if *refused {
                if answer.is_empty() {
                    self.leave(stage, Ending::Close);
                }
                return None;
            }
            match network.read(agenda, self.id, Direction::ToServer)? {
                Arrival::Garbled => {
                    self.leave(stage, Ending::Reset);
                    return None;
                }
                Arrival::End(ending) => {
                    self.leave(stage, ending);
                    return None;
                }
                Arrival::Bytes(bytes) => head.extend_from_slice(&bytes),
            }
            let Some(request) = Request::take(head) else {
                if head.len() > head::MAX {
                    self.leave(stage, Ending::Reset);
                }
                continue;
            };
            self.principal = request.principal;
            (self.opened_at, self.received_at) = (agenda.now(), agenda.now());
            self.script = plan.script.at(agenda.elapsed(), plan.calm);
            let session = request.session && plan.session.is_some();
            if let Some(refusal) = refusal(&self.script) {
                answer.extend_from_slice(refusal.to_bytes().as_bytes());
                *refused = true;
                continue;
            }
            let subprotocol = session.then(|| everwire_core::session::SUBPROTOCOL.to_owned());
            let mut bytes = BytesMut::from(Response::Accepted { subprotocol }.to_bytes().as_bytes());
            let mut socket = Socket::new(self.id, Role::Server, 0, plan.max_message);
            socket.feed(head);
            // What does not fit goes out in front of everything else.
            while network.write(agenda, self.id, Direction::ToClient, &mut bytes) > 0 {}
            socket.precede(bytes);
            self.state = LineState::Greeting(Box::new(socket));
            return Some(News::Opened { session });
        }
    }

    /// When it has something to do by itself.
    pub(crate) fn due(&self) -> Option<Nanos> {
        let script = self.closing_at();
        let reading =
            (self.script.reads_after > 0).then(|| self.opened_at + millis(u64::from(self.script.reads_after)));
        let harm = if let LineState::Hostile(hostile) = &self.state { Some(hostile.next) } else { None };
        [Some(self.patience), script, reading, harm, self.silent_at()].into_iter().flatten().min()
    }

    /// When it has been silent for too long, by the scenario's will.
    fn silent_at(&self) -> Option<Nanos> {
        let limit = u64::from(self.script.drops_silent);
        let is_up = matches!(self.state, LineState::Up { .. });
        (limit > 0 && is_up).then(|| self.received_at + millis(limit))
    }

    /// Whether it is over for its silence.
    pub(crate) fn is_silent(&mut self, now: Nanos, calm: bool) -> bool {
        if calm {
            self.script.drops_silent = 0;
        }
        let silent = self.silent_at().is_some_and(|at| at <= now);
        if silent {
            self.patience = now;
        }
        silent
    }

    fn closing_at(&self) -> Option<Nanos> {
        let by_time = self.script.closes_with.is_some() && self.script.closes_after_messages == 0;
        by_time.then(|| self.opened_at + millis(u64::from(self.script.closes_after)))
    }

    /// The script's close, if it is time; it is over once all is calm.
    pub(crate) fn script_closes(&mut self, now: Nanos, calm: bool) {
        if calm {
            self.script.closes_with = None;
        }
        let due = self.closing_at().is_some_and(|at| at <= now)
            || self.script.closes_after_messages > 0 && self.messages >= self.script.closes_after_messages;
        if let (true, Some(code)) = (due, self.script.closes_with) {
            self.script.closes_with = None;
            self.close(now, CloseCode(code), "scripted");
        }
    }

    /// Starts the closing handshake.
    pub(crate) fn close(&mut self, now: Nanos, code: CloseCode, reason: &str) {
        self.patience = self.patience.min(now.saturating_add(CLOSING));
        if let Some(socket) = self.socket() {
            socket.close(code, reason);
        }
    }

    /// Queues a ping of the session's.
    pub(crate) fn ping(&mut self, payload: &[u8]) {
        if let Some(socket) = self.socket() {
            socket.ping(payload);
            let end = socket.queued_total();
            self.pings.queued(end);
        }
    }

    /// What the session should know of a ping that does not leave at once.
    pub(crate) fn ping_progress(&mut self) -> Option<PingProgress> {
        let socket = self.socket()?;
        let (taken, waiting) = (socket.written_total(), socket.buffered());
        self.pings.sample(taken, waiting)
    }

    /// From here on only its time-outs end it.
    pub(crate) fn is_welcome(&mut self) {
        self.patience = Nanos::MAX;
    }

    /// It has waited long enough. Whether it is gone.
    pub(crate) fn lose_patience(&mut self, stage: &mut Stage) -> bool {
        let now = stage.agenda.now();
        if self.patience > now {
            return false;
        }
        if let LineState::Greeting(socket) = &mut self.state
            && socket.is_open()
        {
            self.close(now, code::HELLO_TIMEOUT, "no hello in time");
            return false;
        }
        self.leave(stage, Ending::Close);
        true
    }

    pub(crate) fn leave(&mut self, stage: &mut Stage, ending: Ending) {
        let Stage { agenda, network, .. } = stage;
        match std::mem::replace(&mut self.state, LineState::Gone) {
            LineState::Opening { .. } => network.leave(agenda, self.id, Direction::ToClient, ending),
            LineState::Greeting(mut socket)
            | LineState::Up { mut socket, .. }
            | LineState::Hostile(Hostile { mut socket, .. }) => socket.leave(agenda, network, ending),
            LineState::Gone => {}
        }
    }

    /// Writes what the network takes; how many units of the session are now wholly written.
    pub(crate) fn flush(&mut self, stage: &mut Stage) -> usize {
        let Stage { agenda, network, .. } = stage;
        let Some(socket) = self.socket() else { return 0 };
        socket.flush(agenda, network);
        self.count_written()
    }

    /// How many units of the session are not reported as written; from here on they are.
    pub(crate) fn forgo_counting(&mut self) -> usize {
        let LineState::Up { ends, .. } = &mut self.state else { return 0 };
        std::mem::take(ends).len()
    }

    /// How many more units of the session are wholly written.
    pub(crate) fn count_written(&mut self) -> usize {
        let LineState::Up { socket, ends, .. } = &mut self.state else { return 0 };
        let total = socket.written_total();
        let count = ends.partition_point(|end| *end <= total);
        ends.drain(..count);
        count
    }

    pub(crate) fn due_soon(&self) -> Nanos {
        self.due().unwrap_or(Nanos::MAX)
    }
}

fn refusal(script: &PlainScript) -> Option<Response> {
    if script.answers_nonsense {
        return Some(Response::Nonsense);
    }
    Some(Response::Refused { status: script.refuses_with?, retry_after: script.retry_after })
}

/// The frame that a message is, if it is a hello.
pub(crate) fn hello(message: Message) -> Option<everwire_core::session::Hello> {
    match Frame::parse(message) {
        Ok(Frame::Hello(hello)) => Some(hello),
        _ => None,
    }
}

/// Whether a loss was a cut.
pub(crate) fn is_cut(loss: &Loss) -> bool {
    matches!(loss, Loss::Io(_))
}

/// The present in nanoseconds of a duration, for scripts.
pub(crate) fn later(now: Nanos, by: std::time::Duration) -> Nanos {
    now.saturating_add(nanos(by))
}
