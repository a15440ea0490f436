//! An intruder: it tries to enter a session of another client, or repeats an earlier hello.

use bytes::BytesMut;
use everwire_core::session::{Frame, Hello, Limits, Resume};
use everwire_ws::Role;
use serde::{Deserialize, Serialize};

use super::head::{self, Request, Response};
use super::network::{Arrival, Dial, LineId};
use super::socket::{Socket, SocketRead};
use super::stage::Stage;
use crate::faults::{Direction, Ending};

/// An intruder into a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Intrusion {
    /// A client that sends a wrong token.
    WithoutToken,
    /// Another principal that has the token.
    WithStolenToken,
    /// The client's own last hello comes a second time.
    Replay,
}

#[derive(Debug)]
pub(crate) struct Intruder {
    line: LineId,
    head: BytesMut,
    hello: Hello,
    socket: Option<Box<Socket>>,
    over: bool,
}

/// What no client is called.
pub(crate) const NOBODY: u32 = u32::MAX;

impl Intruder {
    /// Needs a session to get into, and a network that lets it through.
    pub(crate) fn new(stage: &mut Stage, kind: Intrusion) -> Option<Self> {
        let (hello, welcome) = stage.monitor.answered.clone()?;
        let connection = hello.resume.as_ref().map_or(1, |resume| resume.connection);
        let (session, processed) = (welcome.session, 0);
        let (principal, hello) = match kind {
            Intrusion::WithoutToken => {
                let token = "0".repeat(64);
                ("client-0", resume(Resume { session, token, connection: connection + 1, processed }))
            }
            Intrusion::WithStolenToken => {
                ("mallory", resume(Resume { session, token: welcome.token, connection: connection + 1, processed }))
            }
            Intrusion::Replay if hello.resume.is_none() => return None,
            Intrusion::Replay => ("client-0", hello),
        };
        let Stage { agenda, network, .. } = stage;
        let Dial::Open(line) = network.dial(agenda, NOBODY) else { return None };
        if kind != Intrusion::Replay {
            stage.monitor.intruders.insert(line.0);
        }
        let request = Request { principal: principal.to_owned(), session: true }.to_bytes();
        let mut request = BytesMut::from(request.as_bytes());
        while network.write(agenda, line, Direction::ToServer, &mut request) > 0 {}
        stage.note(|| format!("an intruder on line {}: {kind:?}", line.0));
        Some(Self { line, head: BytesMut::new(), hello, socket: None, over: false })
    }

    pub(crate) fn line(&self) -> LineId {
        self.line
    }

    pub(crate) fn turn(&mut self, stage: &mut Stage) {
        let Stage { agenda, network, .. } = stage;
        while !self.over {
            if let Some(socket) = &mut self.socket {
                match socket.read(agenda, network) {
                    None => {
                        socket.flush(agenda, network);
                        return;
                    }
                    Some(SocketRead::Ping | SocketRead::Pong(_)) => {}
                    // The welcome has said whether they are in; they are gone before anybody talks to them.
                    Some(SocketRead::Message(_) | SocketRead::Close(_) | SocketRead::Lost(_)) => {
                        socket.leave(agenda, network, Ending::Reset);
                        self.over = true;
                    }
                }
                continue;
            }
            match network.read(agenda, self.line, Direction::ToClient) {
                None => return,
                Some(Arrival::Bytes(bytes)) => self.head.extend_from_slice(&bytes),
                Some(Arrival::Garbled | Arrival::End(_)) => {
                    network.leave(agenda, self.line, Direction::ToServer, Ending::Reset);
                    self.over = true;
                }
            }
            match head::response(&mut self.head) {
                Some(Response::Accepted { .. }) => {
                    let mut socket = Socket::new(self.line, Role::Client, 1, usize::MAX);
                    socket.feed(&self.head);
                    let _ = socket.send(b"", &Frame::Hello(self.hello.clone()).to_message());
                    self.socket = Some(Box::new(socket));
                }
                Some(Response::Refused { .. } | Response::Nonsense) => {
                    network.leave(agenda, self.line, Direction::ToServer, Ending::Reset);
                    self.over = true;
                }
                None => {}
            }
        }
    }
}

fn resume(resume: Resume) -> Hello {
    Hello { resume: Some(resume), limits: Limits::default() }
}
