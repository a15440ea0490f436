//! What the connections, the store and the network have, told to the machine.

use std::mem;
use std::task::{Context, Poll};
use std::time::Duration;

use everwire_core::{Attempt, Input, TransportEvent};
use everwire_ws::Message;

use super::Driver;
use crate::driver::link::Link;
use crate::driver::open_connection::OpenConnection;
use crate::driver::reading::Reading;
use crate::events::EventItem;
use crate::inbox::{Limit, Room};
use crate::shared::Shared;
use crate::sync::unix_ms;

const UNBOUNDED: (Limit, Room) = (Limit::Usual, Room::UNBOUNDED);
/// While things happen, the machine is told so often what the wall clock reads.
const WALL_CLOCK: Duration = Duration::from_secs(1);

impl Driver {
    /// Has the transport do what it can, and puts what has come into `self.events`.
    pub(super) fn poll_link(&mut self, cx: &mut Context<'_>) -> Reading {
        match &mut self.link {
            Link::Down => Reading::Dry,
            Link::Dialling { .. } => {
                let (reading, subprotocol) = self.link.poll_dialling(cx, &mut self.events);
                if reading == Reading::More {
                    let mut inner = self.shared.lock();
                    inner.subprotocol = subprotocol;
                    if let (Link::Up(connection), Some(time)) = (&self.link, inner.machine.tcp_patience()) {
                        connection.lean_on_tcp(time);
                    }
                }
                reading
            }
            Link::Up(connection) => {
                // A user who leaves wants the evidence more than messages beyond the inbox's bound.
                let within = if self.effects.closing { UNBOUNDED } else { poll_room(&self.shared, cx) };
                self.limit = within.0;
                connection.read(cx, within, mem::take(&mut self.spare), &mut self.events)
            }
        }
    }

    /// Hears what the store has done. Whether it has done something.
    pub(super) fn poll_store(&mut self, cx: &mut Context<'_>) -> bool {
        if let (Some(store), None) = (&mut self.store, &self.stored)
            && let Poll::Ready(done) = store.poll_done(cx)
        {
            self.meter.store_done(self.shared.now(), &done);
            self.stored = Some(Box::new(done));
        }
        self.stored.is_some()
    }

    /// Hears what the network has done, and tells the machine. Whether it has done something.
    pub(super) fn poll_hints(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(hint) = self.hints.poll(cx) else { return false };
        let now = self.shared.now();
        self.shared.lock().machine.handle(now, Input::Hint(hint));
        true
    }

    /// The same for the connection that is to take over. Whether that may have led to more.
    pub(super) fn turn_next(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(attempt) = self.next.attempt() else { return false };
        let reading = match &mut self.next {
            Link::Up(connection) => {
                let _ = connection.flush(cx);
                connection.read(cx, UNBOUNDED, mem::take(&mut self.spare), &mut self.events)
            }
            Link::Dialling { .. } | Link::Down => self.next.poll_dialling(cx, &mut self.events).0,
        };
        self.tell_machine(Some(attempt), false);
        if reading == Reading::Gone && self.next.attempt() == Some(attempt) {
            self.next = Link::Down;
        }
        reading != Reading::Dry
    }

    pub(super) fn tell_machine(&mut self, attempt: Option<Attempt>, timed_out: bool) {
        let now = self.shared.now();
        let mut inner = self.shared.lock();
        let inner = &mut *inner;
        inner.looked_at_clock = now;
        // Why a connection ends may depend on whether the device slept, while our clock stood still.
        let ends = |event: &TransportEvent| matches!(event, TransportEvent::PeerClosed(_) | TransportEvent::Lost(_));
        if self.events.iter().any(ends) {
            inner.machine.handle(now, Input::WallClock(unix_ms()));
        }
        for event in self.events.drain(..) {
            match &event {
                TransportEvent::Received(messages) => {
                    inner.traffic.messages_received += messages.len() as u64;
                    inner.traffic.bytes_received += messages.iter().map(Message::len).sum::<usize>() as u64;
                }
                TransportEvent::ReadStalled => {
                    let (messages, bytes) = self.shared.mailbox.waiting();
                    self.effects.notices.push(EventItem::InboxFull { messages, bytes });
                }
                _ => {}
            }
            if let Some(attempt) = attempt {
                inner.machine.handle(now, Input::Transport(attempt, event));
            }
        }
        if timed_out || now.since(self.wall_clock_at) >= WALL_CLOCK {
            self.wall_clock_at = now;
            inner.machine.handle(now, Input::WallClock(unix_ms()));
        }
        if let Some(stored) = self.stored.take() {
            inner.machine.handle(now, *stored);
        }
        let discarded = self.shared.mailbox.take_untold();
        if discarded > 0 {
            self.effects.notices.push(EventItem::Discarded(discarded));
        }
        if let Some(position) = self.shared.mailbox.processed()
            && position > mem::replace(&mut self.processed, position)
        {
            inner.machine.handle(now, Input::Processed(position));
        }
        if timed_out {
            self.timer_due = false;
            if inner.machine.deadline().is_some_and(|(deadline, _)| deadline <= now) {
                inner.machine.handle(now, Input::Timer);
            }
        }
        if mem::take(&mut inner.abandoned) {
            inner.machine.handle(now, Input::Close { deadline: now });
        }
        self.effects.collect(&self.shared, inner);
        self.meter.sample(now, inner, &self.shared.mailbox);
    }
}

/// Room in the inbox: within its bound, and beyond it if a message of ours waits for what the peer says. The user may wait
/// for that one before taking the next message.
fn poll_room(shared: &Shared, cx: &Context<'_>) -> (Limit, Room) {
    let room = shared.mailbox.poll_room(Limit::Usual, cx);
    if room.is_none() && shared.lock().machine.has_open_messages() {
        return (Limit::Hard, shared.mailbox.poll_room(Limit::Hard, cx));
    }
    (Limit::Usual, room)
}
