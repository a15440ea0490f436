use std::hint::black_box;

use bytestring::ByteString;
use everwire_core::session::{Frame, Reading, SUBPROTOCOL, ServerConfig, ServerInput, ServerSession, SessionConfig};
use everwire_core::session::{SessionId, Token};
use everwire_core::{Attempt, Config, Input, Machine, Message, Moment, Output, TransportEvent};
use everwire_ws::{Connection, Incoming, Role};

use super::Operations;
use crate::measure::measured;

const NOW: Moment = Moment::ZERO;
const LINK: Attempt = Attempt(1);

/// One message to the server and one back, both processed and acknowledged.
pub(super) fn there_and_back() -> Operations {
    let mut ends = Ends::open()?;
    let text = ByteString::from("x".repeat(128));
    for _ in 0..1000 {
        measured(&mut || {
            ends.client_sends(black_box(&text));
            ends.carry_to_server();
            // The session is open and has room.
            let _ = ends.server.send(NOW, Message::from(text.clone()));
            ends.carry_to_client();
            ends.carry_to_server();
        });
    }
    Ok(ends.ended)
}

/// 256 messages to the server, each processed and acknowledged.
pub(super) fn one_way() -> Operations {
    let mut ends = Ends::open()?;
    let text = ByteString::from("x".repeat(128));
    for _ in 0..40 {
        measured(&mut || {
            for _ in 0..256 {
                ends.client_sends(black_box(&text));
            }
            ends.carry_to_server();
            ends.carry_to_client();
        });
    }
    Ok(ends.ended)
}

/// Both ends of a session, with a connection between them whose bytes are moved by hand.
struct Ends {
    client: Machine,
    server: ServerSession,
    client_socket: Connection,
    server_socket: Connection,
    /// The numbers of messages that the client and the server have processed.
    processed: [u64; 2],
    /// The number of the client's messages that have their outcome.
    ended: u64,
}

impl Ends {
    fn open() -> Result<Self, Box<dyn std::error::Error>> {
        let mut config = Config::default();
        config.session = Some(SessionConfig::default());
        let mut client = Machine::new(config, [7; 32])?;
        client.handle(NOW, Input::Connect);
        let opened = TransportEvent::Opened { subprotocol: Some(SUBPROTOCOL.to_owned()) };
        client.handle(NOW, Input::Transport(LINK, opened));
        let hello = controls(|| client.poll_output()).next().ok_or("no hello")?;
        let Frame::Hello(hello) = Frame::parse(hello)? else { return Err("no hello".into()) };
        let mut server = ServerSession::new(NOW, SessionId([1; 16]), ServerConfig::default(), [3; 32])?;
        server.begin(NOW, LINK, &hello, None, Token::new([5; 32]));
        let welcome = controls(|| server.poll_output()).next().ok_or("no welcome")?;
        client.handle(NOW, Input::Transport(LINK, TransportEvent::Received(vec![welcome])));
        let mut ends = Self {
            client,
            server,
            client_socket: Connection::new(Role::Client, everwire_ws::Config::default(), [7; 32]),
            server_socket: Connection::new(Role::Server, everwire_ws::Config::default(), [0; 32]),
            processed: [0; 2],
            ended: 0,
        };
        ends.carry_to_server();
        ends.carry_to_client();
        Ok(ends)
    }

    fn client_sends(&mut self, text: &ByteString) {
        // The session is open and has room.
        let _ = self.client.send(NOW, Message::from(text.clone()));
    }

    /// Moves the client's output to the server, which processes it.
    fn carry_to_server(&mut self) {
        self.client_says();
        self.server_socket.receive(&self.client_socket.outgoing().split());
        let mut reading = Reading::new(LINK, 256);
        while let Some(message) = self.server_socket.next_ref() {
            reading.push_ref(message);
        }
        while let Ok(Some(incoming)) = self.server_socket.next_incoming() {
            match incoming {
                Incoming::Message(message) => reading.push(message),
                Incoming::Ping(_) => reading.push_input(ServerInput::Ping(LINK)),
                Incoming::Pong(_) | Incoming::Close(_) => {}
            }
        }
        self.server_socket.end_batch();
        for input in reading.into_inputs() {
            self.server.handle(NOW, input);
        }
        self.server_says();
    }

    /// Moves the server's output to the client, which processes it.
    fn carry_to_client(&mut self) {
        self.server_says();
        self.client_socket.receive(&self.server_socket.outgoing().split());
        let mut messages = Vec::new();
        let mut pongs = Vec::new();
        while let Ok(Some(incoming)) = self.client_socket.next_incoming() {
            match incoming {
                Incoming::Message(message) => messages.push(message),
                Incoming::Pong(payload) => pongs.push(payload),
                Incoming::Ping(_) | Incoming::Close(_) => {}
            }
        }
        self.client_socket.end_batch();
        if !messages.is_empty() {
            self.client.handle(NOW, Input::Transport(LINK, TransportEvent::Received(messages)));
        }
        for pong in pongs {
            self.client.handle(NOW, Input::Transport(LINK, TransportEvent::Pong(pong)));
        }
        self.client_says();
    }

    fn client_says(&mut self) {
        let (machine, socket) = (&mut self.client, &mut self.client_socket);
        while let Some(output) = machine.poll_output() {
            match output {
                Output::Ready(link) => {
                    let taken = machine.take(NOW, link, &mut |outgoing| {
                        socket.send_prefixed(&outgoing.prefix.to_bytes(), outgoing.message)
                    });
                    machine.handle(NOW, Input::Transport(link, TransportEvent::Written(taken)));
                }
                Output::Control(_, message) => drop(socket.send(&message)),
                Output::Ping(_, payload) | Output::Probe(_, payload) => drop(socket.ping(&payload)),
                Output::Deliver(messages) => {
                    self.processed[0] += messages.len() as u64;
                    machine.handle(NOW, Input::Processed(self.processed[0]));
                }
                Output::Outcome { first, last, .. } => self.ended += last.0 - first.0 + 1,
                _ => {}
            }
        }
    }

    fn server_says(&mut self) {
        let (session, socket) = (&mut self.server, &mut self.server_socket);
        while let Some(output) = session.poll_output() {
            match output {
                Output::Ready(link) => {
                    let taken = session.take(link, &mut |outgoing| {
                        socket.send_prefixed(&outgoing.prefix.to_bytes(), outgoing.message)
                    });
                    session.handle(NOW, ServerInput::Written(link, taken));
                }
                Output::Control(_, message) => drop(socket.send(&message)),
                Output::Ping(_, payload) | Output::Probe(_, payload) => drop(socket.ping(&payload)),
                Output::Deliver(messages) => {
                    self.processed[1] += messages.len() as u64;
                    session.handle(NOW, ServerInput::Processed(self.processed[1]));
                }
                _ => {}
            }
        }
    }
}

/// The control messages among the outputs.
fn controls(next: impl FnMut() -> Option<Output>) -> impl Iterator<Item = Message> {
    std::iter::from_fn(next).filter_map(|output| match output {
        Output::Control(_, message) => Some(message),
        _ => None,
    })
}
