//! One life of a client: what the shipped driver does, in virtual time.

use std::collections::VecDeque;
use std::time::Duration;

use everwire_core::session::Limits;
use everwire_core::{
    Attempt, Config, Input, Machine, Message, MessageId, Moment, OpenFailure, OpenFailureKind, SendError, SendRate,
    State, Timer, TransportEvent,
};

use super::disk::{Disk, DiskPlan};
use super::ledger::{Ledger, Pace};
use super::link::{Link, LinkState, Pause};
use super::rate::Rate;
use super::shims::Shims;
use super::trace::place;
use super::{ClientApp, ClientIo, Handled};
use crate::sim::Mutant;
use crate::sim::agenda::Nanos;
use crate::sim::network::LineId;
use crate::sim::stage::Stage;

/// Settings of a client's process.
#[derive(Clone, Debug)]
pub(crate) struct ClientPlan {
    pub(crate) config: Config,
    /// What `config` asks for, unless a mutant does not keep it.
    pub(crate) send_rate: Option<SendRate>,
    pub(crate) request: Vec<u8>,
    /// The outbox is kept.
    pub(crate) disk: Option<DiskPlan>,
    /// What a server is told it may send.
    pub(crate) told: Limits,
    /// How long the handler takes for a message.
    pub(crate) work: Nanos,
    /// Messages that wait for the handler before reading pauses.
    pub(crate) inbox: usize,
    /// The same, while a message that was sent has no outcome.
    pub(crate) inbox_hard: usize,
    /// As long as so much is buffered, no more is taken out of the outbox.
    pub(crate) write_buffer: usize,
}

#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) life: u32,
    pub(crate) machine: Machine,
    pub(crate) links: Vec<Link>,
    pub(crate) ledger: Ledger,
    pub(crate) pace: Pace,
    pub(super) disk: Option<Disk>,
    pub(crate) wake_at: Option<Nanos>,
    /// Messages that the handler has been given.
    pub(crate) handled: u64,
    pub(crate) closed: bool,
    pub(crate) finished: bool,
    pub(super) shims: Shims,
    rate: Rate,
    pub(super) plan: ClientPlan,
    pub(super) inbox: VecDeque<Message>,
    handling: Option<Nanos>,
    /// What the handler awaits before it takes the next message.
    pub(crate) awaited: Option<Awaited>,
    /// What is processed once it does.
    done_then: Option<u64>,
    pub(super) delivered: u64,
    /// What of it came before the present session.
    pub(super) session_from: u64,
    /// When a user who closes wants to be through.
    pub(super) close_by: Option<Moment>,
    /// Connections that were given up since nobody read, without room made since.
    pub(super) unread_ends: u32,
    /// Connections that have died in silence.
    pub(super) deaths: u32,
    /// A move has failed, and is tried again then.
    pub(super) moves_at: Option<Moment>,
    /// The links that were aborted since the last loss.
    pub(super) aborted: Vec<Aborted>,
    timers: u32,
}

/// What a handler awaits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    Outcome(MessageId),
    /// Room for a message that found none, or the end.
    Room,
}

/// A link when it was aborted.
#[derive(Debug)]
pub(super) struct Aborted {
    pub(super) heard: Moment,
    /// Something had arrived and was not read.
    pub(super) unread: bool,
    /// A ping waited behind bytes that went out, the latest then.
    pub(super) drained: Option<Moment>,
}

/// More timers than that at one instant are a storm.
const TIMERS_AT_ONCE: u32 = 64;
/// Rounds of a turn before others get theirs.
const ROUNDS: usize = 64;

impl Process {
    pub(crate) fn new(
        plan: &ClientPlan,
        life: u32,
        now: Moment,
        disk: Option<Disk>,
        stage: &mut Stage,
    ) -> Option<Self> {
        let (config, seed) = (plan.config.clone(), stage.random.bits());
        let mut ledger = Ledger::default();
        let machine = match &disk {
            None => Machine::new(config, seed),
            Some(disk) => {
                let saved = disk.saved();
                ledger = Ledger::restored(saved.messages.iter().map(|message| message.id));
                Machine::restore(config, seed, saved, now, stage.agenda.now() / 1_000_000)
            }
        };
        let machine = match machine {
            Ok(machine) => machine,
            Err(error) => {
                stage.fail("client", error);
                return None;
            }
        };
        Some(Self {
            life,
            machine,
            links: Vec::new(),
            ledger,
            disk,
            pace: Pace::default(),
            wake_at: None,
            handled: 0,
            closed: false,
            finished: false,
            shims: Shims::new(plan.told),
            rate: Rate::new(plan.send_rate),
            plan: plan.clone(),
            inbox: VecDeque::new(),
            handling: None,
            awaited: None,
            done_then: None,
            delivered: 0,
            session_from: 0,
            close_by: None,
            unread_ends: 0,
            deaths: 0,
            moves_at: None,
            aborted: Vec::new(),
            timers: 0,
        })
    }

    pub(crate) fn send(
        &mut self,
        stage: &mut Stage,
        message: Message,
        give: impl FnOnce(&mut Machine, Message) -> Result<MessageId, SendError>,
    ) -> Result<MessageId, SendError> {
        let copy = message.clone();
        let id = give(&mut self.machine, message)?;
        stage.counts.sent += 1;
        if let Err(what) = self.ledger.accepted(id, &copy) {
            stage.fail("client", what);
        }
        Ok(id)
    }

    pub(crate) fn input(&mut self, now: Moment, input: Input) {
        self.machine.handle(now, input);
    }

    /// Does everything that can be done now.
    pub(super) fn turn(&mut self, index: u32, app: &mut dyn ClientApp, stage: &mut Stage, now: Moment) {
        self.timers = 0;
        stage.counts.turns += 1;
        if stage.is(Mutant::TimerBeforeSocket) {
            self.timer(stage, now);
            self.drain(index, app, stage, now);
        }
        for _ in 0..ROUNDS {
            let mut busy = self.read(app, stage, now);
            busy |= self.timer(stage, now);
            if let Some(word) = self.disk.as_mut().and_then(|disk| disk.done(stage)) {
                busy = true;
                self.machine.handle(now, word);
            }
            busy |= self.attend(index, app, stage, now);
            busy |= self.drain(index, app, stage, now);
            busy |= self.write(index, app, stage, now);
            if !busy || stage.violation.is_some() {
                break;
            }
        }
        if self.timers > TIMERS_AT_ONCE {
            stage.fail(
                place(index),
                format_args!("timer storm: {} at once, next {:?}", self.timers, self.machine.deadline()),
            );
        }
        self.check_bounds(index, stage);
        self.check_keepalive(index, stage, now);
        self.check_move(index, stage, now);
        self.check_close(index, stage, now);
    }

    /// When it wants its next turn by itself, by its own clock and by the world's.
    pub(super) fn due(&self, stage: &Stage) -> (Option<Moment>, Option<Nanos>) {
        let disk = self.disk.as_ref().and_then(Disk::due);
        let next = (self.handling.is_none() && self.takes_next()).then_some(0);
        let world = [self.handling, next, self.wake_at, disk].into_iter().chain(self.links.iter().map(Link::due));
        let deadline = self.machine.deadline().filter(|(_, timer)| !self.is_ignored(stage, *timer));
        (deadline.map(|(at, _)| at), world.flatten().min())
    }

    /// The connections that are open.
    pub(crate) fn lines(&self) -> impl Iterator<Item = LineId> {
        self.links.iter().filter_map(|link| match &link.state {
            LinkState::Up(up) => Some(up.socket.line),
            _ => None,
        })
    }

    /// Whether messages wait for the handler, or it for something.
    pub(crate) fn is_handling(&self) -> bool {
        !self.inbox.is_empty() || self.awaited.is_some()
    }

    /// Whether the handler takes the next message.
    fn takes_next(&self) -> bool {
        self.awaited.is_none() && !self.inbox.is_empty()
    }

    /// Why the socket is not to be read, as the shipped driver decides it.
    fn pause(&self, stage: &Stage) -> Option<Pause> {
        let waiting = self.inbox.len();
        if *self.machine.state() == State::Closing || waiting < self.plan.inbox {
            None
        } else if !self.machine.has_open_messages() || stage.is(Mutant::OneInboxLimit) {
            Some(Pause::Usual)
        } else {
            (waiting >= self.plan.inbox_hard).then_some(Pause::Hard)
        }
    }

    fn read(&mut self, app: &mut dyn ClientApp, stage: &mut Stage, now: Moment) -> bool {
        let mut busy = false;
        let mut events = Vec::new();
        let pause = self.pause(stage);
        let current = self.links.last().map(|link| link.attempt);
        for link in &mut self.links {
            let attempt = link.attempt;
            if let Some(up) = link.up()
                && up.paused != pause
            {
                (up.paused, up.paused_at) = (pause, now);
                events.push(match pause {
                    None => TransportEvent::ReadResumed,
                    Some(Pause::Hard) if !stage.is(Mutant::StalledReadUntold) => TransportEvent::ReadStalled,
                    Some(Pause::Usual | Pause::Hard) => TransportEvent::ReadPaused,
                });
            }
            let opened_at = link.up().map_or(now, |up| up.opened_at);
            if pause.is_none() || link.up().is_none() {
                link.read(stage, now, &mut events, &mut |message| app.written(message));
            }
            busy |= !events.is_empty();
            let line = link.up().map(|up| up.socket.line.0);
            for event in events.drain(..) {
                if let (TransportEvent::Received(messages), Some(line)) = (&event, line) {
                    stage.monitor.heard(line, messages);
                }
                self.shims.incoming(stage, &event);
                if let TransportEvent::Lost(_) = event
                    && now.since(opened_at) >= std::time::Duration::from_secs(1)
                {
                    self.pace.useful();
                }
                let event = self.shims.changed(stage, event);
                if let TransportEvent::OpenFailed(OpenFailure { kind, .. }) = &event
                    && let OpenFailureKind::Refused { status, retry_after: None, .. } = kind
                    && is_final(*status)
                {
                    self.pace.refused = Some(*status);
                }
                let event = self.shims.refusal(stage, event);
                let attempt = if stage.is(Mutant::StaleEvents) { current.unwrap_or(attempt) } else { attempt };
                self.machine.handle(now, Input::Transport(attempt, event));
            }
        }
        self.links.retain(|link| !matches!(link.state, LinkState::Gone));
        busy
    }

    /// Whether a broken rule passes this timer over.
    fn is_ignored(&self, stage: &Stage, timer: Timer) -> bool {
        match timer {
            Timer::Migrate => stage.is(Mutant::MoveTriedOnce) && self.moves_at.is_some(),
            Timer::Open => stage.is(Mutant::WelcomeAwaitedForEver),
            Timer::Close => stage.is(Mutant::CloseAwaitedForEver),
            _ => false,
        }
    }

    fn timer(&mut self, stage: &Stage, now: Moment) -> bool {
        let due = self.machine.deadline().is_some_and(|(at, timer)| at <= now && !self.is_ignored(stage, timer));
        if due && self.timers <= TIMERS_AT_ONCE {
            self.timers += 1;
            self.machine.handle(now, Input::Timer);
        }
        due && self.timers <= TIMERS_AT_ONCE
    }

    /// The application gets its messages, one after the other, and its tick.
    fn attend(&mut self, index: u32, app: &mut dyn ClientApp, stage: &mut Stage, now: Moment) -> bool {
        let world = stage.agenda.now();
        let mut busy = false;
        if self.handling.is_none() && self.takes_next() {
            self.handling = Some(world + self.plan.work);
        }
        let mut done = None;
        while self.handling.is_some_and(|at| at <= world) {
            busy = true;
            let Some(message) = self.inbox.pop_front() else { break };
            self.handled += 1;
            // One read may bring more than the limit, and then the first that are taken make no room.
            if self.inbox.len() < self.plan.inbox_hard {
                self.unread_ends = 0;
            }
            if app.handle(&mut ClientIo { index, process: self, stage, now }, message) == Handled::Done {
                // It is done with a message when it takes the next one.
                *if self.awaited.is_some() { &mut self.done_then } else { &mut done } = Some(self.handled);
            }
            self.handling = self.takes_next().then_some(world + self.plan.work);
        }
        if self.awaited.is_none() {
            done = done.or(self.done_then.take());
        }
        if let Some(position) = done {
            self.machine.handle(now, Input::Processed(position));
        }
        if self.wake_at.is_some_and(|at| at <= world) {
            self.wake_at = None;
            busy = true;
            app.tick(&mut ClientIo { index, process: self, stage, now });
        }
        busy
    }

    fn drain(&mut self, index: u32, app: &mut dyn ClientApp, stage: &mut Stage, now: Moment) -> bool {
        let mut busy = false;
        while let Some(output) = self.machine.poll_output() {
            busy = true;
            if self.finished {
                stage.fail(place(index), format_args!("an output after the end: {output:?}"));
                break;
            }
            self.perform(index, app, stage, now, output);
        }
        busy
    }

    /// Writes, and refills the buffers while the network takes it all.
    fn write(&mut self, index: u32, app: &mut dyn ClientApp, stage: &mut Stage, now: Moment) -> bool {
        let mut busy = false;
        let most = self.plan.write_buffer;
        for position in 0..self.links.len() {
            while let Some(Link { attempt, state: LinkState::Up(up) }) = self.links.get_mut(position) {
                let attempt = *attempt;
                if up.ready && !up.socket.is_open() {
                    up.ready = false;
                }
                let taking = up.ready && up.socket.buffered() < most;
                if taking {
                    busy = true;
                    let taken = self.shims.take(&mut self.machine, stage, now, attempt, up, most);
                    if let Err(what) = self.rate.sends(now, taken) {
                        stage.fail(place(index), what);
                    }
                    if stage.is(Mutant::WrittenWhenQueued) {
                        self.machine.handle(now, Input::Transport(attempt, TransportEvent::Written(taken)));
                    }
                    // The ping behind what was taken goes into the same write.
                    self.drain(index, app, stage, now);
                }
                let Some(Link { state: LinkState::Up(up), .. }) = self.links.get_mut(position) else { break };
                let Stage { agenda, network, .. } = stage;
                let all = up.socket.flush(agenda, network);
                let written = up.count_written(&mut |message| app.written(message));
                if let Some(event) = up.ping_progress(now)
                    && !stage.is(Mutant::OwnBytesUnseen)
                {
                    self.machine.handle(now, Input::Transport(attempt, event));
                }
                if written > 0 && !stage.is(Mutant::WrittenWhenQueued) {
                    busy = true;
                    self.machine.handle(now, Input::Transport(attempt, TransportEvent::Written(written)));
                    self.drain(index, app, stage, now);
                }
                if !all || !taking {
                    break;
                }
            }
        }
        busy
    }

    pub(super) fn link(&mut self, attempt: Attempt) -> Option<&mut super::link::Up> {
        self.links.iter_mut().find(|link| link.attempt == attempt)?.up()
    }

    /// Silence of the peer after which it is dead, and after which it is dead though bytes in front of a ping went out.
    pub(super) fn patience(&self) -> Duration {
        let heartbeat = &self.plan.config.heartbeat;
        heartbeat.interval.unwrap_or(heartbeat.timeout).saturating_add(heartbeat.timeout)
    }

    /// Whether at least once may have come to its end for a message: it could not be proven on the next connection
    /// either, or the client has ended.
    pub(crate) fn may_give_up(&self) -> bool {
        self.unread_ends >= 2 || self.deaths >= 4 || matches!(self.machine.state(), State::Closed(_))
    }
}

/// Whether no attempt may follow a refusal with this status, whatever was before.
fn is_final(status: u16) -> bool {
    let may_heal = matches!(status, 403 | 404 | 408 | 409 | 421 | 425 | 429);
    matches!(status, 300..=499) && !may_heal
}
