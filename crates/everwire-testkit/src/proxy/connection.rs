//! One connection: two sockets with a [`Link`](crate::faults::Link) between them.

use std::future::pending;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::events::{EndedBy, EventKind};
use super::shared::{Entry, Shared, until};
use super::side::{Read, Side};
use crate::faults::{Direction, Ending, LinkEvent, Output};

type Dial = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

/// The task of one connection.
pub(super) struct Session {
    shared: Arc<Shared>,
    entry: Arc<Entry>,
    client: Side,
    server: Side,
    /// When the server is to be dialled, until it has been.
    dial_at: Option<Duration>,
}

impl Session {
    pub(super) fn new(shared: Arc<Shared>, entry: Arc<Entry>, stream: TcpStream, dial_at: Duration) -> Self {
        Self { shared, entry, client: Side::new(stream), server: Side::absent(), dial_at: Some(dial_at) }
    }

    pub(super) async fn run(mut self) {
        let mut dialling: Option<Dial> = None;
        loop {
            self.start_dial(&mut dialling);
            self.work().await;
            if self.is_over(dialling.is_some()) {
                break;
            }
            let deadline = self.deadline();
            let [hear_client, hear_server] = Direction::ALL.map(|direction| self.room(direction) > 0);
            tokio::select! {
                dialled = dialled(&mut dialling) => {
                    dialling = None;
                    self.dialled(dialled);
                }
                () = self.client.readable(hear_client) => {}
                () = self.server.readable(hear_server) => {}
                () = self.client.writable() => {}
                () = self.server.writable() => {}
                () = until(deadline) => {}
                () = self.entry.wake.notified() => {}
            }
        }
        // Both at once: neither shall wait for the other.
        tokio::join!(self.client.linger(), self.server.linger());
        self.shared.leave(&self.entry);
    }

    /// Reads, decides, writes: whatever can be done now.
    async fn work(&mut self) {
        let now = self.shared.now();
        for direction in Direction::ALL {
            self.read(now, direction);
        }
        for direction in Direction::ALL {
            self.write(now, direction).await;
        }
        loop {
            let event = self.entry.lock().link.poll_event(now);
            match event {
                Some(LinkEvent::Began { rule, .. }) => self.shared.tell_fault(self.entry.number, rule),
                Some(LinkEvent::Cut { rule, .. }) => {
                    self.entry.lock().ended_by.get_or_insert(EndedBy::Fault);
                    self.shared.tell_fault(self.entry.number, rule);
                }
                None => return,
            }
        }
    }

    fn read(&mut self, now: Duration, direction: Direction) {
        let room = self.room(direction);
        let (side, by) = match direction {
            Direction::ToServer => (&mut self.client, EndedBy::Client),
            Direction::ToClient => (&mut self.server, EndedBy::Server),
        };
        let read = side.read(room);
        let mut inner = self.entry.lock();
        match read {
            Read::Nothing => {}
            Read::Bytes(bytes) => inner.link.push(now, direction, bytes),
            Read::End(ending) => {
                inner.ended_by.get_or_insert(by);
                inner.link.end(now, direction, ending);
            }
        }
    }

    async fn write(&mut self, now: Duration, direction: Direction) {
        let (side, by) = match direction {
            Direction::ToServer => (&mut self.server, EndedBy::Server),
            Direction::ToClient => (&mut self.client, EndedBy::Client),
        };
        // Who is not there yet is told later; who is gone hears nothing, but the link is emptied.
        if !side.is_open() && side.speaks {
            return;
        }
        loop {
            {
                // Under the lock, so that nobody sees bytes arrive that the figures lack.
                let mut inner = self.entry.lock();
                match side.write() {
                    Some(bytes) => inner.passed(direction, bytes),
                    None => {
                        // A failed write means that this side has reset the connection: the reset goes in the direction
                        // that comes from it.
                        inner.ended_by.get_or_insert(by);
                        inner.link.end(now, direction.opposite(), Ending::Reset);
                    }
                }
            }
            if !side.is_ready() {
                return;
            }
            let output = self.entry.lock().link.pop(now, direction);
            match output {
                None => return,
                Some(Output::Bytes(bytes)) if side.is_open() => side.offer(bytes),
                Some(Output::Bytes(_)) => {}
                Some(Output::End(ending)) => {
                    side.end(ending).await;
                    if self.entry.lock().link.is_cut() {
                        side.dismiss();
                    }
                }
            }
        }
    }

    /// Dials the server once it is time, and no more once the connection is lost.
    fn start_dial(&mut self, dialling: &mut Option<Dial>) {
        if self.entry.lock().link.is_cut() && !self.server.is_open() {
            self.server.lose();
            (self.dial_at, *dialling) = (None, None);
        }
        let due = self.dial_at.is_some_and(|at| at <= self.shared.now());
        // In a black hole no request for a connection arrives either.
        if due && !self.shared.lock().black_hole {
            self.dial_at = None;
            *dialling = Some(Box::pin(dial(self.shared.settings.upstream.clone(), self.shared.settings.dial_timeout)));
        }
    }

    fn dialled(&mut self, dialled: io::Result<TcpStream>) {
        match dialled {
            Ok(stream) => {
                let _ = stream.set_nodelay(true);
                self.server.connect(stream);
            }
            Err(error) => {
                let problem = format!("{}: {error}", self.shared.settings.upstream);
                self.server.lose();
                self.shared.lock().stats.unreachable += 1;
                self.shared.tell(EventKind::Unreachable { connection: self.entry.number, problem });
                self.entry.cut(self.shared.now(), Ending::Reset, EndedBy::Unreachable);
            }
        }
    }

    fn room(&self, direction: Direction) -> usize {
        self.entry.lock().link.room(direction)
    }

    fn deadline(&self) -> Option<Instant> {
        let inner = self.entry.lock();
        let arrivals = Direction::ALL.into_iter().filter_map(|direction| {
            let side = match direction {
                Direction::ToServer => &self.server,
                Direction::ToClient => &self.client,
            };
            // What is due but can't be handed over waits for the socket, not for the time.
            let takes = side.is_ready() && (side.is_open() || !side.speaks);
            inner.link.next_arrival(direction).filter(|_| takes)
        });
        // A dial that is overdue waits for the black hole to go.
        let dial = self.dial_at.filter(|at| *at > self.shared.now());
        let next = arrivals.chain(inner.link.next_event()).chain(dial).min();
        next.and_then(|at| self.shared.instant(at))
    }

    /// Whether nothing can happen any more.
    fn is_over(&self, dialling: bool) -> bool {
        if self.client.is_over() && self.server.is_over() {
            return true;
        }
        if dialling || self.dial_at.is_some() || self.client.hears || self.server.hears {
            return false;
        }
        // Ends that never arrive keep nobody waiting who has said his own.
        let inner = self.entry.lock();
        let silent = Direction::ALL.iter().all(|direction| inner.link.is_silent(*direction));
        silent && self.client.is_ready() && self.server.is_ready()
    }
}

async fn dial(upstream: String, limit: Duration) -> io::Result<TcpStream> {
    match timeout(limit, TcpStream::connect(upstream)).await {
        Ok(connected) => connected,
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in time")),
    }
}

async fn dialled(dialling: &mut Option<Dial>) -> io::Result<TcpStream> {
    match dialling {
        Some(dial) => dial.await,
        None => pending().await,
    }
}
