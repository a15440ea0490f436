//! A client that means harm (a server can do the same): it floods and never reads, sends more than it was told it may,
//! or is alive and nothing else.

use bytes::BytesMut;
use everwire_core::session::{Frame, Hello, Limits, code};
use everwire_ws::{Message, Role};
use serde::{Deserialize, Serialize};

use super::head::{self, Request, Response};
use super::intruder::NOBODY;
use super::network::{Arrival, Dial, LineId};
use super::socket::{Socket, SocketRead};
use super::stage::Stage;
use crate::faults::{Direction, Ending};

/// The abuse by a hostile end once there is a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Abuse {
    /// Asks for signs of life, each of which is answered, and never reads.
    FloodPings,
    /// The same with pings of WebSocket's own.
    FloodControlPings,
    /// Answers what nobody has asked, and never reads.
    FloodPongs,
    /// Acknowledges nothing, over and over, and never reads.
    FloodAcks,
    /// Sends volatile messages, and never reads.
    FloodVolatile,
    /// Sends messages beyond the session's limits, and never reads.
    FloodMessages,
    /// The same, and reads.
    ExceedLimits,
    /// Reads, and answers what asks for a sign of life. It acknowledges nothing and says no bye.
    OnlyAlive,
}

impl Abuse {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::FloodPings,
        Self::FloodControlPings,
        Self::FloodPongs,
        Self::FloodAcks,
        Self::FloodVolatile,
        Self::FloodMessages,
        Self::ExceedLimits,
        Self::OnlyAlive,
    ];

    /// What an end may do that lies in nothing and only says too much.
    pub(crate) const IDLE_TALK: &'static [Self] =
        &[Self::FloodPings, Self::FloodControlPings, Self::FloodPongs, Self::FloodAcks];

    fn reads(self) -> bool {
        matches!(self, Self::ExceedLimits | Self::OnlyAlive)
    }
}

/// What such clients are called.
const PRINCIPAL: &str = "hostile";
/// Frames of a flood: more than an honest end of a session would ever hold of their answers.
const FRAMES: u64 = 2_500;

/// Whether a client of this name means harm, so that nothing is promised to it.
pub(crate) fn is_hostile(principal: &str) -> bool {
    principal == PRINCIPAL
}

#[derive(Debug)]
pub(crate) struct Hostile {
    line: LineId,
    kind: Abuse,
    head: BytesMut,
    socket: Option<Box<Socket>>,
    /// It has its session, and has said what it had to say.
    done: bool,
    over: bool,
}

impl Hostile {
    /// Needs a network that lets it through.
    pub(crate) fn new(stage: &mut Stage, kind: Abuse) -> Option<Self> {
        let Stage { agenda, network, .. } = stage;
        let Dial::Open(line) = network.dial(agenda, NOBODY) else { return None };
        stage.monitor.hostile.insert(line.0);
        let request = Request { principal: PRINCIPAL.to_owned(), session: true }.to_bytes();
        let mut request = BytesMut::from(request.as_bytes());
        while network.write(agenda, line, Direction::ToServer, &mut request) > 0 {}
        stage.note(|| format!("a hostile client on line {}: {kind:?}", line.0));
        Some(Self { line, kind, head: BytesMut::new(), socket: None, done: false, over: false })
    }

    pub(crate) fn line(&self) -> LineId {
        self.line
    }

    pub(crate) fn turn(&mut self, stage: &mut Stage) {
        while !self.over {
            let goes_on = match self.socket {
                None => self.open(stage),
                Some(_) if self.done && !self.kind.reads() => false,
                Some(_) => self.hear(stage),
            };
            if !goes_on {
                break;
            }
        }
        if let (false, Some(socket)) = (self.over, &mut self.socket) {
            let Stage { agenda, network, .. } = stage;
            socket.flush(agenda, network);
        }
    }

    /// It is gone.
    pub(crate) fn leave(&mut self, stage: &mut Stage) {
        let Stage { agenda, network, .. } = stage;
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        match &mut self.socket {
            Some(socket) => socket.leave(agenda, network, Ending::Reset),
            None => network.leave(agenda, self.line, Direction::ToServer, Ending::Reset),
        }
    }

    /// Reads the answer to its request. Whether there may be more to do.
    fn open(&mut self, stage: &mut Stage) -> bool {
        let Stage { agenda, network, .. } = stage;
        match network.read(agenda, self.line, Direction::ToClient) {
            None => return false,
            Some(Arrival::Bytes(bytes)) => self.head.extend_from_slice(&bytes),
            Some(Arrival::Garbled | Arrival::End(_)) => self.leave(stage),
        }
        match head::response(&mut self.head) {
            Some(Response::Accepted { .. }) => {
                let mut socket = Socket::new(self.line, Role::Client, 2, usize::MAX);
                socket.feed(&self.head);
                let hello = Hello { resume: None, limits: Limits::default() };
                let _ = socket.send(b"", &Frame::Hello(hello).to_message());
                self.socket = Some(Box::new(socket));
            }
            Some(Response::Refused { .. } | Response::Nonsense) => self.leave(stage),
            None => {}
        }
        true
    }

    /// Whether something was heard.
    fn hear(&mut self, stage: &mut Stage) -> bool {
        let Stage { agenda, network, .. } = stage;
        let Some(socket) = &mut self.socket else { return false };
        let Some(heard) = socket.read(agenda, network) else { return false };
        match heard {
            SocketRead::Message(message) if !self.done => {
                self.done = true;
                if message.payload().first() == Some(&b'w') {
                    self.kind.speak(socket);
                }
            }
            SocketRead::Message(message) => {
                if let Some(nonce) = message.payload().strip_prefix(b"p") {
                    let _ = socket.send(b"q", &text(nonce));
                }
            }
            SocketRead::Ping | SocketRead::Pong(_) => {}
            SocketRead::Close(frame) => {
                let close = frame.map(|frame| frame.code);
                stage.note(|| format!("a hostile client is closed with {close:?}"));
                if self.kind == Abuse::ExceedLimits && close == Some(code::VIOLATED) {
                    stage.counts.violators += 1;
                }
                self.leave(stage);
            }
            SocketRead::Lost(_) => self.over = true,
        }
        true
    }
}

impl Abuse {
    /// Says all that it has to say; it goes out as the network takes it.
    pub(crate) fn speak(self, socket: &mut Socket) {
        let body = text(&[b'x'; 60]);
        for number in 1..=if self == Self::OnlyAlive { 0 } else { FRAMES } {
            let prefix = match self {
                Self::FloodControlPings => {
                    socket.ping(body.payload());
                    continue;
                }
                Self::FloodPings => "p".to_owned(),
                Self::FloodPongs => "q".to_owned(),
                Self::FloodAcks => {
                    let _ = socket.send(b"", &text(b"a0"));
                    continue;
                }
                Self::FloodVolatile => "v:".to_owned(),
                Self::FloodMessages | Self::ExceedLimits | Self::OnlyAlive => format!("m{number}:"),
            };
            let _ = socket.send(prefix.as_bytes(), &body);
        }
    }
}

fn text(bytes: &[u8]) -> Message {
    Message::text(String::from_utf8_lossy(bytes).into_owned())
}
