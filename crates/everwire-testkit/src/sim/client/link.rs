//! One connection of a client, from the dialling on.

use std::collections::VecDeque;

use bytes::BytesMut;
use everwire_core::{
    Attempt, Loss, Message, Moment, OpenFailure, OpenFailureKind, Phase, PingProgress, PingWatch, RefusalReason,
    TransportEvent,
};
use everwire_ws::Role;

use crate::faults::{Direction, Ending};
use crate::sim::agenda::Nanos;
use crate::sim::head;
use crate::sim::network::{Arrival, Dial, LineId};
use crate::sim::socket::{Socket, SocketRead};
use crate::sim::stage::Stage;

#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) attempt: Attempt,
    pub(crate) state: LinkState,
}

#[derive(Debug)]
pub(crate) enum LinkState {
    /// Accepted, and nothing is ever said.
    Silent,
    /// The refusal is on its way.
    Failing {
        at: Nanos,
        failure: OpenFailure,
    },
    Opening {
        line: LineId,
        request: BytesMut,
        head: BytesMut,
    },
    Up(Box<Up>),
    /// To be dropped.
    Gone,
}

/// Why a connection is not read: the inbox is full, …
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    /// … and nothing that was sent waits for what comes behind.
    Usual,
    /// … though something does.
    Hard,
}

#[derive(Debug)]
pub(crate) struct Up {
    pub(crate) socket: Socket,
    /// Where each unit that was taken and is not yet reported ends.
    pub(crate) ends: VecDeque<(u64, Message)>,
    pub(crate) ready: bool,
    pub(crate) paused: Option<Pause>,
    /// Since when.
    pub(crate) paused_at: Moment,
    pub(crate) opened_at: Moment,
    pub(crate) last_heard: Moment,
    pings: PingWatch,
    /// When bytes in front of a ping last went out, while it waits behind others.
    pub(crate) drained: Option<Moment>,
    /// The session goes on here.
    pub(crate) greeted: bool,
    /// What was written when something last was or had to wait, and when that was; while the machine is connected.
    pub(crate) said: Option<(u64, Moment)>,
}

/// A refusal takes as long.
const REFUSAL: Nanos = 1_000_000;

impl Link {
    pub(crate) fn dial(stage: &mut Stage, client: u32, attempt: Attempt, request: &[u8]) -> Self {
        let Stage { agenda, network, .. } = stage;
        let dial = network.dial(agenda, client);
        stage.counts.dials += 1;
        let state = match dial {
            Dial::Silent => LinkState::Silent,
            Dial::Refused => failing(stage, Phase::Tcp, OpenFailureKind::Io, "refused"),
            Dial::Answered(answer) => {
                let retry_after = answer.headers.get("retry-after").and_then(|seconds| seconds.parse().ok());
                let kind = refused(answer.status, retry_after);
                failing(stage, Phase::Upgrade, kind, "")
            }
            Dial::Open(line) => {
                let mut state = LinkState::Opening { line, request: BytesMut::from(request), head: BytesMut::new() };
                state.write_request(stage);
                state
            }
        };
        Self { attempt, state }
    }

    pub(crate) fn up(&mut self) -> Option<&mut Up> {
        match &mut self.state {
            LinkState::Up(up) => Some(up),
            _ => None,
        }
    }

    /// Drops it at once.
    pub(crate) fn abort(&mut self, stage: &mut Stage, ending: Ending) {
        let Stage { agenda, network, .. } = stage;
        match std::mem::replace(&mut self.state, LinkState::Gone) {
            LinkState::Opening { line, .. } => network.leave(agenda, line, Direction::ToServer, ending),
            LinkState::Up(mut up) => up.socket.leave(agenda, network, ending),
            LinkState::Silent | LinkState::Failing { .. } | LinkState::Gone => {}
        }
    }

    /// When it has something to say by itself.
    pub(crate) fn due(&self) -> Option<Nanos> {
        match &self.state {
            LinkState::Failing { at, .. } => Some(*at),
            _ => None,
        }
    }

    /// What it has to say, and whether there may be more at once.
    pub(crate) fn read(
        &mut self,
        stage: &mut Stage,
        now: Moment,
        events: &mut Vec<TransportEvent>,
        app: &mut dyn FnMut(&Message),
    ) -> bool {
        match &mut self.state {
            LinkState::Silent | LinkState::Gone => false,
            LinkState::Failing { at, failure } => {
                if *at > stage.agenda.now() {
                    return false;
                }
                events.push(TransportEvent::OpenFailed(failure.clone()));
                self.state = LinkState::Gone;
                true
            }
            LinkState::Opening { .. } => self.open(stage, now, events),
            LinkState::Up(up) => {
                let more = up.read(stage, now, events, app);
                if up.socket.is_lost() {
                    self.state = LinkState::Gone;
                }
                more
            }
        }
    }

    fn open(&mut self, stage: &mut Stage, now: Moment, events: &mut Vec<TransportEvent>) -> bool {
        self.state.write_request(stage);
        let LinkState::Opening { line, head, .. } = &mut self.state else { return false };
        let line = *line;
        let failure = loop {
            let Stage { agenda, network, .. } = stage;
            match network.read(agenda, line, Direction::ToClient) {
                None => return false,
                Some(Arrival::Bytes(bytes)) => {
                    head.extend_from_slice(&bytes);
                    match head::response(head) {
                        None if head.len() > head::MAX => break failure(Phase::Upgrade, OpenFailureKind::NotWebSocket),
                        None => {}
                        Some(head::Response::Accepted { subprotocol }) => {
                            let mut socket = Socket::new(line, Role::Client, stage.random.next(), usize::MAX);
                            socket.feed(head);
                            let (ends, opened_at) = (VecDeque::new(), now);
                            let up = Up {
                                socket,
                                ends,
                                ready: false,
                                paused: None,
                                paused_at: now,
                                opened_at,
                                last_heard: opened_at,
                                pings: PingWatch::default(),
                                drained: None,
                                greeted: false,
                                said: None,
                            };
                            self.state = LinkState::Up(Box::new(up));
                            stage.counts.opened += 1;
                            events.push(TransportEvent::Opened { subprotocol });
                            return true;
                        }
                        Some(head::Response::Refused { status, retry_after }) => {
                            stage.counts.refused += 1;
                            break failure(Phase::Upgrade, refused(status, retry_after));
                        }
                        Some(head::Response::Nonsense) => {
                            break failure(Phase::Upgrade, OpenFailureKind::NotWebSocket);
                        }
                    }
                }
                Some(Arrival::Garbled | Arrival::End(_)) => break failure(Phase::Upgrade, OpenFailureKind::Io),
            }
        };
        events.push(TransportEvent::OpenFailed(failure));
        self.abort(stage, Ending::Reset);
        true
    }
}

impl LinkState {
    fn write_request(&mut self, stage: &mut Stage) {
        let Stage { agenda, network, .. } = stage;
        if let Self::Opening { line, request, .. } = self {
            while network.write(agenda, *line, Direction::ToServer, request) > 0 {}
        }
    }
}

impl Up {
    fn read(
        &mut self,
        stage: &mut Stage,
        now: Moment,
        events: &mut Vec<TransportEvent>,
        app: &mut dyn FnMut(&Message),
    ) -> bool {
        let mut batch = Vec::new();
        let before = events.len();
        loop {
            let Stage { agenda, network, .. } = stage;
            let Some(heard) = self.socket.read(agenda, network) else { break };
            self.last_heard = now;
            if !matches!(heard, SocketRead::Message(_)) && !batch.is_empty() {
                events.push(TransportEvent::Received(std::mem::take(&mut batch)));
            }
            match heard {
                SocketRead::Message(message) => batch.push(message),
                SocketRead::Ping => events.push(TransportEvent::Ping),
                SocketRead::Pong(payload) => events.push(TransportEvent::Pong(payload)),
                SocketRead::Close(frame) => {
                    self.push_written(events, app);
                    events.push(TransportEvent::PeerClosed(frame));
                }
                SocketRead::Lost(loss) => {
                    if matches!(loss, Loss::Io(_)) {
                        stage.counts.cuts += 1;
                    }
                    self.push_written(events, app);
                    events.push(TransportEvent::Lost(loss));
                }
            }
        }
        if !batch.is_empty() {
            events.push(TransportEvent::Received(batch));
        }
        events.len() > before
    }

    fn push_written(&mut self, events: &mut Vec<TransportEvent>, app: &mut dyn FnMut(&Message)) {
        let written = self.count_written(app);
        if written > 0 {
            events.push(TransportEvent::Written(written));
        }
    }

    pub(crate) fn ping(&mut self, payload: &[u8]) {
        self.socket.ping(payload);
        self.pings.queued(self.socket.queued_total());
    }

    /// What the machine should know of a ping that does not leave at once.
    pub(crate) fn ping_progress(&mut self, now: Moment) -> Option<TransportEvent> {
        let progress = self.pings.sample(self.socket.written_total(), self.socket.buffered())?;
        self.drained = (progress == PingProgress::Waits).then_some(now);
        Some(TransportEvent::OwnPing(progress))
    }

    /// How many more units are wholly written.
    pub(crate) fn count_written(&mut self, app: &mut dyn FnMut(&Message)) -> usize {
        let total = self.socket.written_total();
        let count = self.ends.partition_point(|(end, _)| *end <= total);
        self.ends.drain(..count).for_each(|(_, message)| app(&message));
        count
    }
}

fn failing(stage: &Stage, phase: Phase, kind: OpenFailureKind, detail: &str) -> LinkState {
    let at = stage.agenda.now() + REFUSAL;
    LinkState::Failing { at, failure: OpenFailure { phase, kind, detail: detail.to_owned() } }
}

fn failure(phase: Phase, kind: OpenFailureKind) -> OpenFailure {
    OpenFailure { phase, kind, detail: String::new() }
}

fn refused(status: u16, retry_after: Option<u64>) -> OpenFailureKind {
    let retry_after = retry_after.map(std::time::Duration::from_secs);
    OpenFailureKind::Refused { status, retry_after, fresh_credentials: false, reason: RefusalReason::Status }
}
