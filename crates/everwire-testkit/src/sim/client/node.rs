//! A client's process as the operating system sees it: it runs, stalls, sleeps, crashes and starts again.

use std::time::Duration;

use everwire_core::{Hint, Input, Moment};

use super::disk::Disk;
use super::process::{ClientPlan, Process};
use super::{ClientApp, ClientIo};
use crate::faults::Ending;
use crate::sim::agenda::{Due, Nanos};
use crate::sim::stage::Stage;

#[derive(Debug)]
pub(crate) struct ClientNode<A> {
    pub(crate) app: A,
    pub(crate) process: Option<Process>,
    index: u32,
    plan: ClientPlan,
    lives: u32,
    frozen: Option<Frozen>,
    /// Of a client that is down.
    disk: Option<Disk>,
    /// How far the monotonic clock is behind the wall's: for as long as the device slept.
    slept: Nanos,
    armed: Nanos,
}

#[derive(Clone, Copy, Debug)]
struct Frozen {
    until: Nanos,
    /// The whole device sleeps, and its monotonic clock with it.
    asleep: Option<Nanos>,
}

impl<A: ClientApp> ClientNode<A> {
    pub(crate) fn new(index: u32, plan: ClientPlan, app: A) -> Self {
        let disk = plan.disk.clone().map(Disk::new);
        Self { app, process: None, disk, index, plan, lives: 0, frozen: None, slept: 0, armed: Nanos::MAX }
    }

    pub(crate) fn start(&mut self, stage: &mut Stage) {
        if self.process.is_some() {
            return;
        }
        self.lives += 1;
        stage.note(|| format!("client {} starts", self.index));
        let now = self.now(stage);
        self.process = Process::new(&self.plan, self.lives, now, self.disk.take(), stage);
        self.with(stage, |app, io| {
            app.started(io);
            io.connect();
        });
        self.turn(stage);
    }

    /// What the application does, or is told.
    pub(crate) fn with(&mut self, stage: &mut Stage, act: impl FnOnce(&mut A, &mut ClientIo<'_>)) {
        let now = self.now(stage);
        if let Some(process) = &mut self.process {
            act(&mut self.app, &mut ClientIo { index: self.index, process, stage, now });
        }
    }

    /// The process is gone from one instant to the next; the operating system resets its connections.
    pub(crate) fn crash(&mut self, stage: &mut Stage) {
        let Some(process) = self.process.take() else { return };
        stage.counts.client_crashes += 1;
        stage.note(|| format!("client {} crashes", self.index));
        for mut link in process.links {
            link.abort(stage, Ending::Reset);
        }
        self.disk = process.disk.map(|mut disk| {
            disk.crash(stage);
            disk
        });
        self.frozen = None;
        self.app.crashed();
    }

    /// The process does nothing for a while: a garbage collection, a debugger, or with `asleep` the lid is closed.
    pub(crate) fn freeze(&mut self, stage: &mut Stage, time: Nanos, asleep: bool) {
        if self.frozen.is_some() {
            return;
        }
        stage.counts.stalls += 1;
        stage.note(|| format!("client {} {} for {time} ns", self.index, if asleep { "sleeps" } else { "stalls" }));
        let now = stage.agenda.now();
        self.frozen = Some(Frozen { until: now.saturating_add(time), asleep: asleep.then_some(now) });
        stage.agenda.plan(now.saturating_add(time), Due::Client(self.index));
    }

    pub(crate) fn turn(&mut self, stage: &mut Stage) {
        if self.armed <= stage.agenda.now() {
            self.armed = Nanos::MAX;
        }
        if !self.is_awake(stage) {
            return;
        }
        let now = self.now(stage);
        let Some(process) = &mut self.process else { return };
        process.turn(self.index, &mut self.app, stage, now);
        if let Err(what) = self.app.check() {
            stage.fail(format_args!("client {}", self.index), what);
        }
        self.arm(stage);
    }

    /// Whether it can't act now.
    pub(crate) fn is_frozen(&self) -> bool {
        self.frozen.is_some()
    }

    fn is_awake(&mut self, stage: &mut Stage) -> bool {
        let Some(frozen) = self.frozen else { return true };
        if frozen.until > stage.agenda.now() {
            return false;
        }
        self.frozen = None;
        if let Some(since) = frozen.asleep {
            self.slept += stage.agenda.now() - since;
            let now = self.now(stage);
            if let Some(process) = &mut self.process {
                // The driver sees that wall and monotonic clock have drifted apart.
                process.pace.prod();
                process.input(now, Input::Hint(Hint::Woke));
            }
        }
        true
    }

    /// The process's monotonic clock.
    fn now(&self, stage: &Stage) -> Moment {
        Moment::from_nanos(stage.agenda.now() - self.slept)
    }

    fn arm(&mut self, stage: &mut Stage) {
        let Some(process) = &self.process else { return };
        let (own, world) = process.due(stage);
        let own = own.filter(|at| *at < Moment::MAX).map(|at| at.as_nanos().saturating_add(self.slept));
        let Some(at) = own.into_iter().chain(world).min() else { return };
        if at < self.armed {
            self.armed = at;
            stage.agenda.plan(at, Due::Client(self.index));
        }
    }

    /// Closes for good.
    pub(crate) fn close(&mut self, stage: &mut Stage, within: Duration) {
        self.with(stage, |_, io| {
            if !io.process.closed {
                io.close(within);
            }
        });
        self.turn(stage);
    }
}
