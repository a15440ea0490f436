//! Frames of the session on the open connection, and their acknowledgement.

use std::time::Duration;

use everwire_ws::Message;

use crate::lifecycle::Lifecycle;
use crate::machine::Machine;
use crate::session::client::Stage;
use crate::session::link::{self, Rest, Violation};
use crate::session::{Bye, Frame, GoAway};
use crate::{Cause, Event, Loss, Moment, Output, Timer};

impl Machine {
    /// Messages of the connection that is open.
    pub(in crate::machine) fn received(&mut self, now: Moment, mut messages: Vec<Message>) {
        if messages.is_empty() {
            return;
        }
        let Some(session) = self.session.as_mut() else {
            return self.outputs.push(Output::Deliver(messages));
        };
        match session.stage {
            Stage::Live => {}
            Stage::Over => return,
            Stage::Plain | Stage::Greeting => {
                session.receiver.accept_plain(messages.len());
                return self.outputs.push(Output::Deliver(messages));
            }
        }
        let ready = link::receive_run(&mut messages, &mut session.receiver);
        let (rest, mut batch) = (messages.split_off(ready), messages);
        let mut proof = false;
        let mut violation = None;
        for message in rest {
            let Some(session) = self.session.as_mut() else { break };
            let receiver = &mut session.receiver;
            match link::receive(message, receiver, &mut self.outbox, &mut self.outputs, &mut batch) {
                Ok(Rest::Nothing) => {}
                Ok(Rest::Proof) => proof = true,
                Ok(Rest::Control(frame)) => {
                    // What came before it comes before it.
                    self.outputs.deliver(&mut batch);
                    violation = self.control(now, frame).err();
                }
                Err(broken) => violation = Some(broken),
            }
            if violation.is_some() || !self.lifecycle.is_open() {
                break;
            }
        }
        self.outputs.deliver(&mut batch);
        if proof {
            self.note_proof(now);
        }
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
            Frame::GoAway(GoAway { within, .. }) => {
                self.outputs.event(Event::GoingAway { within: Duration::from_millis(within) });
                // However often the server says so: a move that has failed is tried again at its time.
                if self.timers.at(Timer::Migrate).is_none() {
                    self.migrate(now);
                }
            }
            Frame::Bye(bye) => self.dismissed(now, bye),
            Frame::Hello(_) | Frame::Welcome(_) => {
                return Err(Violation::malformed("a greeting on a connection that is open"));
            }
            Frame::Reliable(..) | Frame::Volatile(_) | Frame::Ack(_) => {}
        }
        Ok(())
    }

    /// The server has ended the session.
    pub(super) fn dismissed(&mut self, now: Moment, bye: Bye) {
        let processed = self.session.as_ref().map_or(0, |session| session.receiver.processed());
        self.say(&Frame::Bye(Bye { processed, ..Bye::default() }));
        self.lose_session(Some(bye.processed));
        let cause = Cause::Bye {
            retry_after: bye.retry_after.map(Duration::from_millis),
            paced: bye.paced,
            reason: bye.reason.unwrap_or_default(),
        };
        if let Lifecycle::Open(connection) = &self.lifecycle {
            self.outputs.push(Output::Close(connection.attempt, everwire_ws::CloseCode::NORMAL, ""));
        }
        self.end_connection(now, cause, false);
    }

    pub(super) fn violated(&mut self, now: Moment, violation: Violation) {
        let Lifecycle::Open(connection) = &self.lifecycle else { return };
        self.outputs.push(Output::Close(connection.attempt, violation.code, violation.words));
        if violation.ends_session() {
            self.lose_session(None);
        }
        let loss = Loss::Protocol(violation.code, violation.words.to_owned());
        self.end_connection(now, Cause::Lost(loss), false);
    }

    /// The user has come to this position.
    pub(in crate::machine) fn processed(&mut self, now: Moment, position: u64) {
        let Some(session) = self.session.as_mut() else { return };
        session.receiver.process(now, position);
        self.seek_ack(now);
    }

    /// Says what is processed, if that should not wait, or sets the time until which it may.
    pub(in crate::machine) fn seek_ack(&mut self, now: Moment) {
        let (Some(session), Lifecycle::Open(_)) = (self.session.as_mut(), &self.lifecycle) else { return };
        if !session.is_live() {
            return;
        }
        if session.receiver.is_ack_due(now) {
            self.ack(now);
        } else if let Some(at) = session.receiver.ack_at() {
            self.timers.advance(Timer::Ack, at);
        }
    }

    /// Says what is processed, if that is news.
    pub(in crate::machine) fn ack(&mut self, now: Moment) {
        let (Some(session), Lifecycle::Open(connection)) = (self.session.as_mut(), &self.lifecycle) else { return };
        if !session.is_live() {
            return;
        }
        if let Some(seq) = session.receiver.take_ack() {
            self.outputs.ack(connection.attempt, seq);
            self.heartbeat.sent(now);
        }
        self.timers.clear(Timer::Ack);
    }
}
