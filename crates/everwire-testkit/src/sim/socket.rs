//! One end of a connection: the real WebSocket protocol over the virtual network, in batches as the shipped code does it.

use bytes::{Bytes, BytesMut};
use everwire_core::Loss;
use everwire_core::session::Replies;
use everwire_ws::{CloseCode, CloseFrame, Config, Connection, Incoming, Limits, Message, Phase, Role};

use super::agenda::Agenda;
use super::network::{Arrival, LineId, Network};
use crate::faults::{Direction, Ending};

/// What an end hears.
#[derive(Debug)]
pub(crate) enum SocketRead {
    Message(Message),
    /// A sign of life that is no message.
    Ping,
    Pong(Bytes),
    Close(Option<CloseFrame>),
    /// Nothing follows.
    Lost(Loss),
}

#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) line: LineId,
    /// The way that we write.
    way: Direction,
    connection: Connection,
    /// What goes out in front of everything: the rest of the opening handshake.
    lead: BytesMut,
    written: u64,
    replies: Replies,
    /// Our direction is over.
    finished: bool,
    lost: bool,
}

impl Socket {
    pub(crate) fn new(line: LineId, role: Role, seed: u64, max_message: usize) -> Self {
        let mut mask = [0; 32];
        mask[..8].copy_from_slice(&seed.to_le_bytes());
        mask[8..16].copy_from_slice(&(u64::from(line.0) | 1 << 40).to_le_bytes());
        let mut config = Config::default();
        config.limits = Limits { max_message, ..Limits::default() };
        let way = match role {
            Role::Client => Direction::ToServer,
            Role::Server => Direction::ToClient,
        };
        let connection = Connection::new(role, config, mask);
        Self {
            line,
            way,
            connection,
            lead: BytesMut::new(),
            written: 0,
            replies: Replies::default(),
            finished: false,
            lost: false,
        }
    }

    /// The next thing that the peer has said, if there is one now.
    pub(crate) fn read(&mut self, agenda: &mut Agenda, network: &mut Network) -> Option<SocketRead> {
        while !self.lost {
            match self.connection.next_incoming() {
                Ok(Some(Incoming::Message(message))) => return Some(SocketRead::Message(message)),
                Ok(Some(Incoming::Ping(_))) => return Some(SocketRead::Ping),
                Ok(Some(Incoming::Pong(payload))) => return Some(SocketRead::Pong(payload)),
                Ok(Some(Incoming::Close(frame))) => {
                    self.flush(agenda, network);
                    return Some(SocketRead::Close(frame));
                }
                Ok(None) if self.connection.is_failing() => continue,
                Ok(None) => {}
                Err(error) => {
                    self.flush(agenda, network);
                    self.leave(agenda, network, Ending::Close);
                    return Some(SocketRead::Lost(Loss::Protocol(error.close_code(), error.to_string())));
                }
            }
            let Some(arrival) = network.read(agenda, self.line, self.way.opposite()) else {
                self.connection.end_batch();
                return None;
            };
            match arrival {
                Arrival::Bytes(bytes) => self.connection.receive(&bytes),
                Arrival::Garbled => {
                    self.leave(agenda, network, Ending::Reset);
                    return Some(SocketRead::Lost(Loss::Io("bad record".to_owned())));
                }
                Arrival::End(ending) => {
                    self.leave(agenda, network, Ending::Close);
                    return Some(SocketRead::Lost(match ending {
                        Ending::Close => Loss::Ended,
                        Ending::Reset => Loss::Io("connection reset".to_owned()),
                    }));
                }
            }
        }
        None
    }

    /// Queues a frame of the session's own, unless it is a reply that has to wait. False once a close frame is queued.
    /// `unbounded` is a broken rule: no reply waits.
    pub(crate) fn control(&mut self, frame: &Message, unbounded: bool) -> bool {
        if unbounded {
            return self.send(b"", frame);
        }
        let frame = self.replies.admit(frame.clone(), self.buffered());
        frame.map_or(self.is_open(), |frame| self.send(b"", &frame))
    }

    /// Writes what the network takes, and the replies for which there is room then. Whether all is written.
    pub(crate) fn flush(&mut self, agenda: &mut Agenda, network: &mut Network) -> bool {
        let mut written = self.flush_queued(agenda, network);
        while let Some(reply) = self.replies.next(self.buffered()) {
            if !self.send(b"", &reply) {
                break;
            }
            written = self.flush_queued(agenda, network);
        }
        written
    }

    fn flush_queued(&mut self, agenda: &mut Agenda, network: &mut Network) -> bool {
        if self.lost || self.finished {
            return true;
        }
        while !self.lead.is_empty() {
            if network.write(agenda, self.line, self.way, &mut self.lead) == 0 {
                return false;
            }
        }
        loop {
            let out = self.connection.outgoing();
            if out.is_empty() {
                break;
            }
            let taken = network.write(agenda, self.line, self.way, out);
            self.written += taken as u64;
            if taken == 0 {
                return false;
            }
        }
        if self.connection.phase() == Phase::Closed && self.connection.role() == Role::Server {
            // A server ends its direction first (RFC 6455 section 7.1.1).
            self.finished = true;
            network.finish(agenda, self.line, self.way);
        }
        true
    }

    /// The end for us; the peer sees this ending.
    pub(crate) fn leave(&mut self, agenda: &mut Agenda, network: &mut Network, ending: Ending) {
        if !std::mem::replace(&mut self.lost, true) {
            network.leave(agenda, self.line, self.way, ending);
        }
    }

    /// What was read behind the opening handshake.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.connection.receive(bytes);
    }

    pub(crate) fn precede(&mut self, bytes: BytesMut) {
        self.lead = bytes;
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.lost
    }

    pub(crate) fn send(&mut self, prefix: &[u8], message: &Message) -> bool {
        self.connection.send_prefixed(prefix, message)
    }

    pub(crate) fn ping(&mut self, payload: &[u8]) {
        self.connection.ping(payload);
    }

    pub(crate) fn close(&mut self, code: CloseCode, reason: &str) {
        self.connection.close(code, reason);
    }

    /// The pong that the protocol has just queued does not go out.
    pub(crate) fn swallow(&mut self, before: usize) {
        self.connection.outgoing().truncate(before);
    }

    /// A pong that nobody asked for (RFC 6455 section 5.5.3).
    pub(crate) fn unsolicited_pong(&mut self) {
        // Between frames only.
        if self.connection.buffered() == 0 {
            self.lead.extend_from_slice(b"\x8a\x04idle");
        }
    }

    pub(crate) fn buffered(&self) -> usize {
        self.connection.buffered()
    }

    pub(crate) fn queued_total(&self) -> u64 {
        self.connection.queued_total()
    }

    pub(crate) fn written_total(&self) -> u64 {
        self.written
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.lost && self.connection.phase() == Phase::Open
    }
}
