//! What a client's machine wants done.

use everwire_core::{Attempt, Cause, Event, Input, Loss, Message, Moment, Outcome, Output};

use super::link::{Link, Pause};
use super::process::{Aborted, Awaited, Process};
use super::trace::{count_outcome, excerpt, place};
use super::{ClientApp, ClientIo};
use crate::faults::{Direction, Ending};
use crate::sim::Mutant;
use crate::sim::network::Arrival;
use crate::sim::stage::Stage;

impl Process {
    pub(super) fn perform(
        &mut self,
        index: u32,
        app: &mut dyn ClientApp,
        stage: &mut Stage,
        now: Moment,
        output: Output,
    ) {
        match output {
            Output::Open(attempt) => self.dial(index, stage, now, attempt),
            Output::Abort(attempt) => self.abort(stage, attempt, now),
            Output::Ping(attempt, payload) | Output::Probe(attempt, payload) => {
                self.shims.pinged(&payload);
                let proof = self.machine.stats().unproven_messages > 0;
                let interval = self.plan.config.heartbeat.interval.unwrap_or_default();
                if let Some(up) = self.link(attempt) {
                    let heard = now.since(up.last_heard) < interval;
                    if !(stage.is(Mutant::FeedGoesQuiet) && heard && !proof) {
                        up.ping(&payload);
                    }
                }
            }
            Output::Control(attempt, message) => {
                let message = self.shims.control(stage, message);
                let unbounded = stage.is(Mutant::RepliesUnbounded);
                if let Some(up) = self.link(attempt) {
                    let line = up.socket.line.0;
                    if up.socket.control(&message, unbounded) {
                        stage.monitor(line, false, message.payload());
                        stage.note(|| format!("client {index} line {line} says {}", excerpt(&message)));
                    }
                }
            }
            Output::Close(attempt, code, reason) => {
                if let Some(up) = self.link(attempt) {
                    up.socket.close(code, reason);
                }
            }
            Output::Ready(attempt) => {
                if let Some(up) = self.link(attempt) {
                    up.ready = true;
                }
            }
            Output::Deliver(messages) => self.deliver(app, stage, now, messages),
            Output::DeliverVolatile(message) => self.deliver(app, stage, now, vec![message]),
            Output::Persist(batch, ops) => {
                if let Some(disk) = &mut self.disk {
                    disk.write(stage, batch, ops);
                }
            }
            Output::Stored { first, last } => app.stored(first, last),
            Output::Outcome { outcome: Outcome::Expired, .. } if stage.is(Mutant::ExpiryUntold) => {}
            Output::Outcome { first, last, outcome } => {
                count_outcome(stage, last.0 - first.0 + 1, outcome);
                stage.note(|| format!("client {index} {}..={}: {outcome}", first.0, last.0));
                if let Err(what) = self.ledger.outcome(first, last, outcome) {
                    stage.fail(place(index), what);
                }
                self.awaited.take_if(|awaited| matches!(awaited, Awaited::Outcome(id) if (first..=last).contains(id)));
                app.outcome(&mut ClientIo { index, process: self, stage, now }, first, last, outcome);
            }
            Output::Reserve => {
                // The budget outlives processes, and their clocks.
                let elapsed = stage.agenda.moment();
                let place = now + stage.budget.reserve(elapsed).since(elapsed);
                self.machine.handle(now, Input::Reserved(place));
            }
            Output::Room if stage.is(Mutant::RoomUntold) || stage.is(Mutant::EndUntold) && self.closed => {}
            Output::Room => {
                self.awaited.take_if(|awaited| *awaited == Awaited::Room);
                app.room(&mut ClientIo { index, process: self, stage, now });
            }
            Output::State(state) => {
                stage.note(|| format!("client {index} {state:?}"));
                app.state(&mut ClientIo { index, process: self, stage, now }, &state);
            }
            Output::Event(event) => {
                stage.note(|| format!("client {index} {event:?}"));
                self.judge(index, stage, now, &event);
                app.event(&mut ClientIo { index, process: self, stage, now }, &event);
            }
            Output::Finished(_) => {
                self.finished = true;
                for mut link in std::mem::take(&mut self.links) {
                    link.abort(stage, Ending::Close);
                }
                if self.machine.deadline().is_some() || self.ledger.open() > 0 {
                    let open = self.ledger.open();
                    stage.fail(
                        place(index),
                        format_args!("at the end {open} messages have no outcome, or a timer runs"),
                    );
                }
            }
            // Not an output that asks for anything.
            _ => {}
        }
    }

    fn deliver(&mut self, app: &mut dyn ClientApp, stage: &Stage, now: Moment, messages: Vec<Message>) {
        self.delivered += messages.len() as u64;
        for message in &messages {
            app.arrived(message);
        }
        self.inbox.extend(messages);
        if stage.is(Mutant::ClientAckOnReceipt) {
            self.machine.handle(now, Input::Processed(self.delivered));
        }
    }

    fn dial(&mut self, index: u32, stage: &mut Stage, now: Moment, attempt: Attempt) {
        stage.note(|| format!("client {index} dials, attempt {}", attempt.0));
        if let Err(what) = self.pace.attempt(now, attempt.0, &self.plan.config.retry) {
            stage.fail(place(index), what);
        }
        self.moves_at = None;
        self.links.push(Link::dial(stage, index, attempt, &self.plan.request));
        if self.links.len() > 2 {
            stage.fail(place(index), "more than two connections at a time");
        }
    }

    fn abort(&mut self, stage: &mut Stage, attempt: Attempt, now: Moment) {
        let Some(position) = self.links.iter().position(|link| link.attempt == attempt) else { return };
        let mut link = self.links.remove(position);
        let heartbeat = &self.plan.config.heartbeat;
        if let Some(up) = link.up() {
            let Stage { agenda, network, .. } = stage;
            let unread = matches!(
                network.read(agenda, up.socket.line, Direction::ToClient),
                Some(Arrival::Bytes(_) | Arrival::Garbled)
            );
            let stalled = up.paused == Some(Pause::Hard) && now.since(up.paused_at) >= heartbeat.timeout;
            self.unread_ends += u32::from(stalled);
            self.aborted.push(Aborted {
                heard: up.last_heard,
                unread: unread && up.paused.is_none(),
                drained: up.drained,
            });
            if now.since(up.opened_at) >= std::time::Duration::from_secs(1) {
                self.pace.useful();
            }
        }
        link.abort(stage, Ending::Reset);
    }

    /// What the machine says of the connection must be so.
    fn judge(&mut self, index: u32, stage: &mut Stage, now: Moment, event: &Event) {
        if let Event::Session { .. } = event {
            // Of two connections the other one has just been given up.
            self.links.iter_mut().filter_map(Link::up).for_each(|up| up.greeted = true);
        }
        match event {
            Event::Disconnected(end) => {
                stage.counts.unread += u64::from(matches!(end.cause, Cause::Lost(Loss::Unread { .. })));
                let Cause::Dead { silent_for } = &end.cause else { return self.aborted.clear() };
                stage.counts.dead += 1;
                self.deaths += 1;
                let patience = self.patience();
                let silent = |link: &Aborted| {
                    let draining = link.drained.is_some_and(|at| now.since(at) < patience);
                    !link.unread && !draining && now.since(link.heard) >= *silent_for
                };
                if !self.aborted.iter().any(silent) {
                    let aborted = &self.aborted;
                    stage.fail(place(index), format_args!("called dead after {silent_for:?} of silence; {aborted:?}"));
                }
                self.aborted.clear();
            }
            Event::MoveFailed { retry_in, .. } => self.moves_at = retry_in.map(|pause| now + pause),
            Event::Session { resumed: true, resending } => {
                stage.counts.resumes += 1;
                stage.counts.resent += *resending as u64;
            }
            Event::Session { resumed: false, .. } => {
                stage.counts.sessions += 1;
                self.session_from = self.delivered;
            }
            Event::Resending { messages } => stage.counts.resent += *messages as u64,
            Event::SessionLost { .. } => stage.counts.expired += 1,
            _ => {}
        }
    }
}
