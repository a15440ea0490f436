//! The conversations with our server at one end and the vectors at the other.

use std::{collections::VecDeque, time::Duration};

use everwire_core::{
    Attempt, Message, Moment, Output,
    session::{Attached, ComeBack, Frame, ServerConfig, ServerInput, ServerSession, SessionId, Token},
};
use serde_json::Value;

use crate::{conversations, sent};

#[derive(Default)]
struct Server {
    session: Option<ServerSession>,
    sent: VecDeque<String>,
    delivered: VecDeque<String>,
    closed: VecDeque<u16>,
}

impl Server {
    fn session(&mut self) -> &mut ServerSession {
        self.session.as_mut().expect("a session")
    }

    fn tell(&mut self, input: ServerInput) {
        self.session().handle(Moment::ZERO, input);
        self.drain();
    }

    fn drain(&mut self) {
        let Some(session) = &mut self.session else { return };
        while let Some(output) = session.poll_output() {
            match output {
                Output::Control(_, message) => self.sent.push_back(message.as_text().unwrap().to_owned()),
                Output::Ready(link) => {
                    let sent = &mut self.sent;
                    session.take(link, &mut |outgoing| {
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

    /// A frame of the client; `next` is what the server is to answer to a hello, which brings its id and token.
    fn hear(&mut self, link: Attempt, frame: &str, next: &Value) {
        match Frame::parse(Message::text(frame.to_owned())).expect("a good frame") {
            Frame::Hello(hello) => {
                let Ok(Frame::Welcome(welcome)) = Frame::parse(Message::text(next["frame"].as_str().unwrap())) else {
                    panic!("a hello is answered by a welcome");
                };
                let token = Token::new(bits(&welcome.token));
                if hello.resume.is_some() {
                    let attached = self.session().attach(Moment::ZERO, link, &hello, token);
                    assert_eq!(attached, Attached::Welcome);
                } else {
                    let id: SessionId = welcome.session.parse().unwrap();
                    let mut config = ServerConfig::default();
                    config.limits = welcome.limits;
                    let session = ServerSession::new(Moment::ZERO, id, config, [4; 32]).unwrap();
                    self.session = Some(session);
                    self.session().begin(Moment::ZERO, link, &hello, welcome.previous, token);
                }
                self.drain();
            }
            _ => self.tell(ServerInput::Received(link, vec![Message::text(frame.to_owned())])),
        }
    }

    fn step(&mut self, step: &Value, next: &Value) {
        let text = |key: &str| step[key].as_str().map(str::to_owned);
        if let Some(frame) = text("frame") {
            if let Some(link) = step["client"].as_u64() {
                self.hear(Attempt(link), &frame, next);
            } else if step["injected"] != true {
                let found = self.sent.pop_front().unwrap_or_else(|| panic!("{frame} was not sent"));
                assert_eq!(sent(&found), sent(&frame));
            }
        } else if let (Some(code), Some(_)) = (step["close"].as_u64(), step["server"].as_u64()) {
            assert_eq!(self.closed.pop_front().map(u64::from), Some(code));
        } else if let Some(link) = step["lost"].as_u64() {
            self.tell(ServerInput::Lost(Attempt(link)));
        } else if let Some(payload) = text("server_sends") {
            self.session().send(Moment::ZERO, Message::text(payload)).unwrap();
            self.drain();
        } else if let Some(payload) = text("server_gets") {
            assert_eq!(self.delivered.pop_front(), Some(payload));
        } else if let Some(position) = step["server_processes"].as_u64() {
            self.tell(ServerInput::Processed(position));
        } else if let Some(pause) = step["server_ends"].as_u64() {
            let pause = Duration::from_millis(pause);
            let back = if step["paced"] == true { ComeBack::At(pause) } else { ComeBack::After(pause) };
            self.tell(ServerInput::End { back, reason: String::new() });
        }
    }
}

fn bits(hex: &str) -> [u8; 32] {
    let mut bits = [0; 32];
    for (bit, pair) in bits.iter_mut().zip(hex.as_bytes().chunks(2)) {
        *bit = u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    }
    bits
}

#[test]
fn our_server_says_what_the_conversations_say() {
    for conversation in conversations() {
        let mut server = Server::default();
        let steps = conversation["steps"].as_array().unwrap();
        for (index, step) in steps.iter().enumerate() {
            server.step(step, steps.get(index + 1).unwrap_or(&Value::Null));
        }
        assert!(server.sent.is_empty(), "{}: {:?}", conversation["name"], server.sent);
    }
}
