//! The client's mutants: what it hears or says is changed on the way.

use bytes::Bytes;
use everwire_core::session::{Frame, Limits, Prefix};
use everwire_core::{Attempt, Machine, Message, Moment, OpenFailureKind, TransportEvent};

use super::link::Up;
use crate::sim::Mutant;
use crate::sim::frames::{ack, reliable};
use crate::sim::stage::Stage;

/// What the mutants have to remember.
#[derive(Debug, Default)]
pub(crate) struct Shims {
    /// The highest number that was sent in this session.
    highest: u64,
    hellos: u32,
    ping: Option<Bytes>,
    forgot: bool,
    /// What the server is told it may send, whatever the machine keeps to.
    told: Limits,
}

impl Shims {
    pub(super) fn new(told: Limits) -> Self {
        Self { told, ..Self::default() }
    }

    pub(super) fn pinged(&mut self, payload: &Bytes) {
        self.ping = Some(payload.clone());
    }

    /// Looks at what comes in.
    pub(super) fn incoming(&mut self, stage: &mut Stage, event: &TransportEvent) {
        if stage.mutant.is_none() {
            return;
        }
        if let TransportEvent::Received(messages) = event
            && let Some(Frame::Welcome(welcome)) =
                messages.first().and_then(|message| crate::sim::frames::control(message.payload()))
            && !welcome.resumed
        {
            self.highest = 0;
        }
    }

    /// Changes what comes in.
    pub(super) fn changed(&mut self, stage: &Stage, event: TransportEvent) -> TransportEvent {
        let Some(mutant) = stage.mutant else { return event };
        match (mutant, event) {
            (Mutant::AnyPongProves, TransportEvent::Pong(payload)) => {
                TransportEvent::Pong(self.ping.clone().unwrap_or(payload))
            }
            (Mutant::AckBeyondSentAccepted | Mutant::WindowIgnored, TransportEvent::Received(messages)) => {
                TransportEvent::Received(messages.into_iter().map(|message| self.frame(mutant, message)).collect())
            }
            (_, event) => event,
        }
    }

    pub(super) fn refusal(&self, stage: &Stage, event: TransportEvent) -> TransportEvent {
        match event {
            TransportEvent::OpenFailed(mut failure) if stage.is(Mutant::RefusalRetried) => {
                failure.kind = OpenFailureKind::Io;
                TransportEvent::OpenFailed(failure)
            }
            event => event,
        }
    }

    fn frame(&self, mutant: Mutant, message: Message) -> Message {
        match mutant {
            Mutant::AckBeyondSentAccepted => match ack(message.payload()) {
                Some(seq) if seq > self.highest => Frame::Ack(self.highest).to_message(),
                _ => message,
            },
            _ if message.payload().first() == Some(&b'w') => match Frame::parse(message.clone()) {
                Ok(Frame::Welcome(mut welcome)) => {
                    welcome.limits = Limits::default();
                    Frame::Welcome(welcome).to_message()
                }
                _ => message,
            },
            _ => message,
        }
    }

    /// Changes what the machine says beside its messages.
    pub(super) fn control(&mut self, stage: &Stage, message: Message) -> Message {
        if !matches!(stage.mutant, Some(Mutant::NeverResumes | Mutant::ResumesOnce | Mutant::ClientLimitsUnheld)) {
            return message;
        }
        match Frame::parse(message.clone()) {
            Ok(Frame::Hello(mut hello)) => {
                self.hellos += 1;
                if stage.is(Mutant::ClientLimitsUnheld) {
                    hello.limits = self.told;
                } else if stage.is(Mutant::NeverResumes) || self.hellos > 2 {
                    hello.resume = None;
                }
                Frame::Hello(hello).to_message()
            }
            _ => message,
        }
    }

    /// Has the machine hand out its messages, as the shipped driver does; the mutants change their order or number.
    pub(super) fn take(
        &mut self,
        machine: &mut Machine,
        stage: &mut Stage,
        now: Moment,
        attempt: Attempt,
        up: &mut Up,
        most: usize,
    ) -> usize {
        let mutant = stage.mutant;
        let line = up.socket.line.0;
        let mut held: Vec<(Prefix, Message)> = Vec::new();
        let mut cut_short = false;
        let taken = machine.take(now, attempt, &mut |outgoing| {
            if up.socket.buffered() >= most {
                cut_short = true;
                return false;
            }
            if matches!(mutant, Some(Mutant::ResendOvertaken | Mutant::ResendForgets)) {
                held.push((outgoing.prefix, outgoing.message.clone()));
                return true;
            }
            let prefix = &outgoing.prefix.to_bytes();
            if !up.socket.send(prefix, outgoing.message) {
                return false;
            }
            up.ends.push_back((up.socket.queued_total(), outgoing.message.clone()));
            if !prefix.is_empty() {
                if mutant.is_some() {
                    self.highest = self.highest.max(reliable(prefix).map_or(0, |(seq, _)| seq));
                }
                stage.monitor(line, false, prefix);
            }
            stage.note(|| {
                let prefix = String::from_utf8_lossy(prefix).into_owned();
                format!("client line {line} sends {prefix}{}", super::trace::excerpt(outgoing.message))
            });
            true
        });
        self.release(stage, held, up);
        up.ready = cut_short;
        taken
    }

    fn release(&mut self, stage: &mut Stage, held: Vec<(Prefix, Message)>, up: &mut Up) {
        let seq = |prefix: &Prefix| reliable(&prefix.to_bytes()).map_or(0, |(seq, _)| seq);
        let highest = self.highest;
        let (mut again, mut fresh): (Vec<_>, Vec<_>) =
            held.into_iter().partition(|(prefix, _)| seq(prefix) > 0 && seq(prefix) <= highest);
        if stage.is(Mutant::ResendForgets) && !again.is_empty() && !self.forgot {
            self.forgot = true;
            again.remove(0);
        }
        if stage.is(Mutant::ResendOvertaken) {
            std::mem::swap(&mut again, &mut fresh);
        }
        for (prefix, message) in again.into_iter().chain(fresh) {
            self.highest = self.highest.max(seq(&prefix));
            if up.socket.send(&prefix.to_bytes(), &message) {
                up.ends.push_back((up.socket.queued_total(), message));
            }
            stage.monitor(up.socket.line.0, false, &prefix.to_bytes());
        }
    }
}
