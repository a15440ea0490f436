//! What the client sends.

use everwire_ws::{CloseCode, Message};

use super::ServerSession;
use super::ending::Phase;
use crate::session::body::{Bye, Gone};
use crate::session::frame::Frame;
use crate::session::link::{self, Rest, Violation};
use crate::session::run::MessageRun;
use crate::{Event, Moment};

impl ServerSession {
    pub(super) fn received_run(&mut self, now: Moment, run: MessageRun) {
        self.heartbeat.alive(now, &mut self.timers);
        if self.phase == Phase::Leaving {
            // As in `received`.
            return;
        }
        let (mut batch, taken) = link::accept_run(run, &mut self.receiver);
        self.outputs.deliver(&mut batch);
        if let Err(violation) = taken {
            self.violated(now, violation);
        }
    }

    pub(super) fn received(&mut self, now: Moment, messages: Vec<Message>) {
        self.heartbeat.alive(now, &mut self.timers);
        let (mut batch, mut violation) = (Vec::new(), None);
        for message in messages {
            if self.phase == Phase::Leaving && matches!(message.payload().first(), Some(b'm' | b'v')) {
                // Our bye has said what is processed: the client has what is not, and will do with it what it likes.
                continue;
            }
            match link::receive(message, &mut self.receiver, &mut self.outbox, &mut self.outputs, &mut batch) {
                Ok(Rest::Nothing | Rest::Proof) => {}
                Ok(Rest::Control(frame)) => {
                    self.outputs.deliver(&mut batch);
                    violation = self.control(now, frame).err();
                }
                Err(broken) => violation = Some(broken),
            }
            if violation.is_some() || self.link.is_none() {
                break;
            }
        }
        self.outputs.deliver(&mut batch);
        if let Some(violation) = violation {
            self.violated(now, violation);
        }
    }

    pub(super) fn control(&mut self, now: Moment, frame: Frame) -> Result<(), Violation> {
        match frame {
            Frame::Ping(nonce) => {
                self.heartbeat.sent(now);
                self.say(&Frame::Pong(nonce));
            }
            Frame::Pong(nonce) => self.pong(now, &nonce),
            Frame::Bye(bye) => {
                let _ = self.outbox.acknowledged(bye.processed, &mut self.outputs)?;
                if self.phase != Phase::Leaving {
                    self.say(&Frame::Bye(Bye { processed: self.receiver.processed(), ..Bye::default() }));
                }
                self.close(CloseCode::NORMAL, "");
                self.over(Gone::Ended);
            }
            Frame::Hello(_) | Frame::Welcome(_) | Frame::GoAway(_) => {
                return Err(Violation::malformed("a frame that is not allowed here"));
            }
            Frame::Reliable(..) | Frame::Volatile(_) | Frame::Ack(_) => {}
        }
        Ok(())
    }

    pub(super) fn pong(&mut self, now: Moment, payload: &[u8]) {
        self.heartbeat.alive(now, &mut self.timers);
        if let Some(round_trip) = self.barrier.pong(now, payload).and_then(|proof| proof.round_trip) {
            self.outputs.event(Event::RoundTrip(round_trip));
        }
    }

    pub(super) fn violated(&mut self, now: Moment, violation: Violation) {
        self.close(violation.code, violation.words);
        if violation.ends_session() { self.over(Gone::Violated) } else { self.detach(now) }
    }
}
