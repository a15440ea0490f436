//! The proxy as its user holds it.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::events::{Control, EndedBy, EventKind, Events};
use super::shared::Shared;
use super::stats::{OpenConnection, Stats};
use crate::faults::{Ending, FaultPlan, Schedule, ScheduleError};

/// A running proxy. Dropping it ends it and its connections at once; [`stop`](Self::stop) does so in order.
///
/// Its methods may be called from any thread, and what they do has happened when they return, as far as the proxy is
/// concerned; what the operating system already has is on its way.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
    stopped: watch::Receiver<bool>,
}

impl Proxy {
    pub(super) fn run(
        address: SocketAddr,
        shared: Arc<Shared>,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        let (sender, stopped) = watch::channel(false);
        let log = Arc::clone(&shared.log);
        let task = tokio::spawn(async move {
            work.await;
            log.end();
            let _ = sender.send(true);
        });
        Self { address, shared, task, stopped }
    }

    /// The address that clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts every connection that is open, on both sides, and says how many.
    pub fn cut_all(&self, ending: Ending) -> usize {
        let now = self.shared.now();
        let state = self.shared.lock();
        let connections = state.entries.len();
        for entry in state.entries.values() {
            entry.cut(now, ending, EndedBy::Control);
        }
        drop(state);
        self.tell(Control::Cut { connections, with: ending });
        connections
    }

    /// While on, nothing arrives anywhere, in all connections: those that are open, and those that are opened meanwhile,
    /// which the server does not see. When it goes off, what was held arrives, as TCP has it.
    pub fn black_hole(&self, on: bool) {
        let mut state = self.shared.lock();
        state.black_hole = on;
        for entry in state.entries.values() {
            entry.lock().link.pause(on);
            entry.wake.notify_one();
        }
        drop(state);
        self.tell(Control::BlackHole { on });
    }

    /// While on, nobody listens: connections are refused as by a machine where no server runs. Those that are open live
    /// on. Going into effect takes the accepting task a moment.
    pub fn refuse(&self, on: bool) {
        self.shared.lock().refuse = on;
        self.tell(Control::Refuse { on });
        self.shared.wake.notify_one();
    }

    /// Another schedule from now on, whose time and whose count of connections begin now. Connections that are open come
    /// under it as if they had been opened now, in the order of their age, but rules on openings don't concern them. What
    /// the old one held for ever arrives.
    ///
    /// # Errors
    /// If a rule is not valid; then the old schedule stays.
    pub fn set(&self, schedule: Schedule) -> Result<(), ScheduleError> {
        let now = self.shared.now();
        let rules = schedule.rules.len();
        let plan = FaultPlan::new(schedule)?.starting(now);
        let mut state = self.shared.lock();
        state.plan = plan;
        let entries: Vec<_> = state.entries.values().cloned().collect();
        for entry in entries {
            let (_, faults) = state.plan.adopt(now);
            entry.lock().link.replace(now, faults);
            entry.wake.notify_one();
        }
        drop(state);
        self.tell(Control::Schedule { rules });
        self.shared.wake.notify_one();
        Ok(())
    }

    /// The schedule in force.
    pub fn schedule(&self) -> Schedule {
        self.shared.lock().plan.schedule().clone()
    }

    /// Returns `true` if [`black_hole`](Self::black_hole) is on.
    pub fn is_black_hole(&self) -> bool {
        self.shared.lock().black_hole
    }

    /// Returns `true` if [`refuse`](Self::refuse) is on.
    pub fn is_refusing(&self) -> bool {
        self.shared.lock().refuse
    }

    /// Figures up to now.
    pub fn stats(&self) -> Stats {
        self.shared.stats()
    }

    /// The connections of which a side is still open, the oldest first.
    pub fn open(&self) -> Vec<OpenConnection> {
        self.shared.open()
    }

    /// The events so far, as far as they are kept, and from now on.
    pub fn events(&self) -> Events {
        self.shared.log.read()
    }

    /// Ends in order: nobody is accepted any more, both sides of each connection see an orderly end, and after at most a
    /// second all is closed. Returns the final figures. Cancel-safe: it goes on by itself, and may be called again.
    pub async fn stop(&self) -> Stats {
        self.shared.lock().stop = true;
        self.shared.wake.notify_one();
        let mut stopped = self.stopped.clone();
        // An error means that the task is gone, which is what is waited for.
        let _ = stopped.wait_for(|stopped| *stopped).await;
        self.shared.stats()
    }

    fn tell(&self, control: Control) {
        self.shared.tell(EventKind::Control { control });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        self.shared.log.end();
    }
}
