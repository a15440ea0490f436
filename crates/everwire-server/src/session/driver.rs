//! The task behind a session, over all its connections.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use everwire_core::session::{Attached, Gone, Previous, ServerInput, code};
use everwire_core::{Attempt, Output};
use everwire_ws::CloseCode;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::arrival::Arrival;
use super::link::Link;
use super::shared::Shared;
use super::slot::{Parting, Slot};
use crate::Socket;
use crate::metrics::SessionMeter;

pub(super) struct Driver {
    slot: Arc<Slot>,
    shared: Arc<Shared>,
    arrivals: mpsc::Receiver<Arrival>,
    link: Option<Link>,
    finished: bool,
    meter: SessionMeter,
}

enum Event {
    Arrival(Box<Arrival>),
    Link(Vec<ServerInput>),
    Work,
    Timer,
}

impl Driver {
    pub(super) fn new(slot: Arc<Slot>, shared: Arc<Shared>, arrivals: mpsc::Receiver<Arrival>) -> Self {
        let meter = SessionMeter::new(Arc::clone(&shared.meter));
        Self { slot, shared, arrivals, link: None, finished: false, meter }
    }

    /// Until the session is over and the application has let go.
    pub(super) async fn run(mut self) {
        while !self.finished {
            self.perform();
            self.meter.tell(|| self.slot.sample());
            if self.finished {
                break;
            }
            match self.next().await {
                Event::Arrival(arrival) => self.arrive(*arrival),
                Event::Link(inputs) => self.hear(inputs),
                Event::Timer => self.slot.tell(ServerInput::Timer),
                Event::Work => self.end_if_let_go(),
            }
        }
        self.arrivals.close();
        while let Some(arrival) = self.arrivals.recv().await {
            self.refuse(arrival.socket, arrival.refused);
        }
        self.settle().await;
    }

    async fn next(&mut self) -> Event {
        if !self.slot.watch_progress() {
            return Event::Work;
        }
        let deadline = self.slot.arm();
        let link = &mut self.link;
        let from_link = poll_fn(|cx| match link {
            Some(link) => link.poll(cx),
            None => Poll::Pending,
        });
        tokio::select! {
            // New connections first: they fence the old ones.
            biased;
            Some(arrival) = self.arrivals.recv() => Event::Arrival(Box::new(arrival)),
            inputs = from_link => Event::Link(inputs),
            () = self.slot.work.notified() => Event::Work,
            () = until(deadline) => Event::Timer,
        }
    }

    fn hear(&mut self, inputs: Vec<ServerInput>) {
        let now = self.slot.now();
        let mut inner = self.slot.lock();
        let mut lost = false;
        for input in inputs {
            lost |= matches!(input, ServerInput::Lost(_));
            inner.machine.handle(now, input);
        }
        self.slot.sort(&mut inner);
        drop(inner);
        if lost {
            self.disconnected();
        }
    }

    /// Does what the machine wants, takes and writes.
    fn perform(&mut self) {
        self.slot.catch_up();
        loop {
            let mut inner = self.slot.lock();
            let outputs = std::mem::take(&mut inner.pending);
            if outputs.is_empty() {
                let more = self.link.as_mut().is_some_and(|link| link.take(&self.slot, &mut inner));
                if !more && inner.pending.is_empty() {
                    return;
                }
                continue;
            }
            drop(inner);
            outputs.into_iter().for_each(|output| self.execute(output));
        }
    }

    fn execute(&mut self, output: Output) {
        match output {
            Output::Control(number, message) => {
                if let Some(link) = self.link_mut(number) {
                    link.control(message);
                }
            }
            Output::Ping(number, payload) => {
                if let Some(link) = self.link_mut(number) {
                    link.queue_ping(&payload);
                }
            }
            Output::Probe(number, payload) => {
                if let Some(link) = self.link_mut(number) {
                    link.queue_probe(&payload);
                }
            }
            Output::Ready(number) => {
                if let Some(link) = self.link_mut(number) {
                    link.ready = true;
                }
            }
            Output::Close(number, code, reason) => {
                if self.link_mut(number).is_some()
                    && let Some(link) = self.link.take()
                {
                    link.leave(code, reason);
                    self.disconnected();
                }
            }
            Output::Finished(_) => self.finish(),
            _ => {}
        }
    }

    fn link_mut(&mut self, number: Attempt) -> Option<&mut Link> {
        self.link.as_mut().filter(|link| link.number == number)
    }

    fn arrive(&mut self, arrival: Arrival) {
        let Arrival { number, socket, hello, token, first, refused } = arrival;
        let now = self.slot.now();
        let mut inner = self.slot.lock();
        let new = first.is_some();
        let attached = match first {
            Some(previous) => {
                inner.machine.begin(now, number, &hello, previous, token);
                Attached::Welcome
            }
            None => inner.machine.attach(now, number, &hello, token),
        };
        self.slot.sort(&mut inner);
        drop(inner);
        match attached {
            Attached::Welcome => {
                // What is left of the old connection is said to it before the new one takes its place.
                self.perform_for_old(number);
                if new {
                    self.shared.meter.opened()
                } else {
                    self.shared.meter.resumed()
                }
                self.shared.attached(self.slot.id);
                self.slot.connected.send_replace(true);
                self.meter.connected(true);
                self.link = Some(Link::new(number, socket, self.shared.config.fragment_above));
            }
            Attached::Stale => {
                self.turn_away(number, socket, code::SUPERSEDED, "a newer connection of this session has come before")
            }
            Attached::Violated => {
                self.turn_away(number, socket, code::VIOLATED, "the hello acknowledges messages that were never sent")
            }
            Attached::Gone(previous) => {
                // An error says that the connection was given up meanwhile.
                let _ = refused.send((socket, previous));
            }
        }
    }

    fn turn_away(&self, number: Attempt, socket: Socket, code: CloseCode, reason: &'static str) {
        self.shared.meter.refused(code);
        Link::new(number, socket, None).leave(code, reason);
    }

    /// The fence: the old connection's close frame goes out, everything for the new one waits.
    fn perform_for_old(&mut self, new: Attempt) {
        let outputs = std::mem::take(&mut self.slot.lock().pending);
        let (for_new, for_old): (Vec<_>, Vec<_>) = outputs.into_iter().partition(|output| is_for(output, new));
        for_old.into_iter().for_each(|output| self.execute(output));
        if let Some(old) = self.link.take() {
            self.shared.meter.fenced();
            old.leave(code::SUPERSEDED, "a newer connection has taken over");
        }
        self.slot.lock().pending.extend(for_new);
    }

    fn refuse(&self, socket: Socket, refused: oneshot::Sender<(Socket, Previous)>) {
        let reason = self.slot.lock().machine.gone().unwrap_or(Gone::Ended);
        let _ = refused.send((socket, Previous { reason, processed: None }));
    }

    fn disconnected(&mut self) {
        self.link = None;
        self.slot.connected.send_replace(false);
        self.meter.connected(false);
        self.shared.detached(self.slot.id);
    }

    /// The application has let go: the session ends, at once or when the client has everything.
    fn end_if_let_go(&self) {
        self.slot.catch_up();
        let mut inner = self.slot.lock();
        if !inner.let_go || inner.over {
            return;
        }
        let input = match inner.parting.take() {
            Some(Parting { back, reason }) => ServerInput::End { back, reason },
            None => ServerInput::Finish,
        };
        drop(inner);
        self.slot.tell(input);
    }

    fn finish(&mut self) {
        self.finished = true;
        if let Some(link) = self.link.take() {
            link.leave(CloseCode::NORMAL, "");
        }
        self.slot.connected.send_replace(false);
        let reason = self.slot.lock().machine.gone().unwrap_or(Gone::Ended);
        self.shared.ended(self.slot.id, reason);
    }

    /// What was processed is final when the application has let go.
    async fn settle(self) {
        loop {
            let work = self.slot.work.notified();
            if self.slot.lock().let_go {
                break;
            }
            work.await;
        }
        self.slot.catch_up();
        let processed = self.slot.lock().machine.processed();
        self.shared.settled(self.slot.id, processed);
    }
}

fn is_for(output: &Output, link: Attempt) -> bool {
    match output {
        Output::Control(number, _)
        | Output::Ping(number, _)
        | Output::Probe(number, _)
        | Output::Ready(number)
        | Output::Close(number, ..) => *number == link,
        _ => false,
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
