//! The conversations with our client at one end and the vectors at the other.

use std::{collections::VecDeque, time::Duration};

use everwire_core::{
    Attempt, Config, Input, Loss, Machine, Message, Moment, Output, TransportEvent,
    session::{SUBPROTOCOL, SessionConfig},
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
}

impl Client {
    fn new() -> Self {
        let mut config = Config::default();
        config.session = Some(SessionConfig::default());
        let machine = Machine::new(config, [5; 32]).unwrap();
        let (sent, delivered) = (VecDeque::new(), VecDeque::new());
        let mut client = Self { machine, now: Moment::ZERO, attempt: None, connection: 0, sent, delivered };
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
        let mut client = Client::new();
        for step in conversation["steps"].as_array().unwrap() {
            client.step(step);
        }
        let what_else: Vec<_> = client.sent.iter().filter(|frame| !frame.starts_with('q')).collect();
        assert!(what_else.is_empty(), "{}: {what_else:?}", conversation["name"]);
    }
}
