//! The conversations with our client at one end and the vectors at the other.

use std::{collections::VecDeque, time::Duration};

use everwire_core::{
    Attempt, CloseCode, CloseFrame, Config, Input, Loss, Machine, Message, Moment, Output, TransportEvent,
    session::{Frame, Limits, SUBPROTOCOL, SessionConfig},
};
use serde_json::Value;

use crate::{conversations, sent};

struct Client {
    machine: Machine,
    now: Moment,
    attempt: Option<Attempt>,
    /// The vectors' number of the connection.
    connection: u64,
    sent: VecDeque<String>,
    delivered: VecDeque<String>,
    closed: VecDeque<u16>,
}

impl Client {
    fn new(limits: Limits) -> Self {
        let mut config = Config::default();
        let mut session = SessionConfig::default();
        session.limits = limits;
        config.session = Some(session);
        let machine = Machine::new(config, [5; 32]).unwrap();
        let (sent, delivered, closed) = (VecDeque::new(), VecDeque::new(), VecDeque::new());
        let mut client = Self { machine, now: Moment::ZERO, attempt: None, connection: 0, sent, delivered, closed };
        client.input(Input::Connect);
        client
    }

    fn input(&mut self, input: Input) {
        self.machine.handle(self.now, input);
        self.drain();
    }

    fn transport(&mut self, event: TransportEvent) {
        let attempt = self.attempt.expect("an attempt");
        self.input(Input::Transport(attempt, event));
    }

    fn drain(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Open(attempt) => self.attempt = Some(attempt),
                Output::Control(_, message) => self.sent.push_back(message.as_text().unwrap().to_owned()),
                Output::Ready(attempt) => {
                    let sent = &mut self.sent;
                    self.machine.take(self.now, attempt, &mut |outgoing| {
                        let prefix = String::from_utf8_lossy(&outgoing.prefix.to_bytes()).into_owned();
                        sent.push_back(prefix + outgoing.message.as_text().unwrap());
                        true
                    });
                }
                Output::Deliver(messages) => {
                    self.delivered.extend(messages.iter().map(|message| message.as_text().unwrap().to_owned()));
                }
                Output::Close(_, code, _) => self.closed.push_back(code.0),
                _ => {}
            }
        }
    }

    fn step(&mut self, step: &Value) {
        let text = |key: &str| step[key].as_str().map(str::to_owned);
        if let Some(connection) = step["open"].as_u64() {
            while self.attempt.is_none_or(|attempt| attempt.0 < connection) {
                self.now = self.now + Duration::from_secs(60);
                self.input(Input::Timer);
            }
            self.connection = connection;
            self.transport(TransportEvent::Opened { subprotocol: Some(SUBPROTOCOL.to_owned()) });
        } else if let Some(frame) = text("frame") {
            if step["lost"] == true {
                // It never came.
            } else if step["client"].is_u64() {
                if step["injected"] == true {
                    return;
                }
                assert_eq!(step["client"], self.connection);
                let found = self.sent.pop_front().unwrap_or_else(|| panic!("{frame} was not sent"));
                assert_eq!(sent(&found), sent(&frame));
            } else {
                self.transport(TransportEvent::Received(vec![Message::text(frame)]));
            }
        } else if let Some(code) = step["close"].as_u64() {
            if step["client"].is_u64() {
                assert_eq!(self.closed.pop_front().map(u64::from), Some(code));
            } else {
                let code = CloseCode(u16::try_from(code).unwrap());
                self.transport(TransportEvent::PeerClosed(Some(CloseFrame { code, reason: "".into() })));
            }
        } else if step["lost"].is_u64() {
            self.transport(TransportEvent::Lost(Loss::Ended));
        } else if let Some(payload) = text("client_sends") {
            self.machine.send(self.now, Message::text(payload)).unwrap();
            self.drain();
        } else if let Some(payload) = text("client_gets") {
            assert_eq!(self.delivered.pop_front(), Some(payload));
        } else if let Some(position) = step["client_processes"].as_u64() {
            self.input(Input::Processed(position));
        } else if step["client_closes"] == true {
            let deadline = self.now + Duration::from_secs(60);
            self.input(Input::Close { deadline });
        }
    }
}

#[test]
fn our_client_says_what_the_conversations_say() {
    for conversation in conversations() {
        let steps = conversation["steps"].as_array().unwrap();
        let frames =
            steps.iter().filter_map(|step| Frame::parse(Message::text(step["frame"].as_str()?.to_owned())).ok());
        let hello = frames.into_iter().find_map(|frame| match frame {
            Frame::Hello(hello) => Some(hello),
            _ => None,
        });
        let mut client = Client::new(hello.expect("a hello").limits);
        for step in steps {
            client.step(step);
        }
        let what_else: Vec<_> = client.sent.iter().filter(|frame| !frame.starts_with('q')).collect();
        assert!(what_else.is_empty(), "{}: {what_else:?}", conversation["name"]);
    }
}
