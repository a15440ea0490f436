//! What the machine wants, done.

use std::mem;
use std::sync::Arc;

use everwire_core::{Attempt, Event, Input};
use everwire_ws::{CloseCode, Message};

use super::Driver;
use crate::clock::Instant;
use crate::driver::attempt::Which;
use crate::driver::effects::Command;
use crate::driver::link::Link;
use crate::driver::log;
use crate::driver::open_connection::OpenConnection;
use crate::driver::platform::Connection;
use crate::events::EventItem;
use crate::inbox::Limit;
use crate::learned;

impl Driver {
    /// Does what the machine wants. Whether that may have led to more.
    pub(super) fn perform(&mut self) -> bool {
        let mut busy = false;
        let mut commands = mem::take(&mut self.effects.commands);
        for command in commands.drain(..) {
            match command {
                Command::Deliver(messages) => self.deliver(messages),
                Command::Persist(batch, ops) => {
                    if let Some(store) = &mut self.store {
                        busy |= store.persist(batch, ops);
                        self.meter.store_works();
                    }
                }
                Command::Reserve => {
                    self.reserve();
                    busy = true;
                }
                Command::Open { attempt, number, plain } => {
                    self.dial(Which { attempt, number, plain, last_cause: self.effects.last_cause.clone() });
                    busy = true;
                }
                Command::Abort(attempt) if self.link.attempt() == Some(attempt) => {
                    self.link = mem::replace(&mut self.next, Link::Down);
                    busy |= self.link.attempt().is_some();
                }
                Command::Abort(attempt) if self.next.attempt() == Some(attempt) => self.next = Link::Down,
                // For a transport that has gone meanwhile.
                Command::Abort(_) => {}
                Command::Ping(attempt, payload) => {
                    if let Some(connection) = self.connection(attempt) {
                        connection.queue_ping(&payload);
                        busy = true;
                    }
                }
                Command::Probe(attempt, payload) => {
                    if let Some(connection) = self.connection(attempt) {
                        connection.queue_probe(&payload);
                        busy = true;
                    }
                }
                Command::Control(attempt, message) => {
                    if let Some(connection) = self.connection(attempt) {
                        connection.queue_control(message);
                        busy = true;
                    }
                }
                Command::Close(attempt, code, reason) => {
                    let ours = (code == CloseCode::NORMAL).then(|| self.shared.lock().close_frame.take()).flatten();
                    if let Some(connection) = self.connection(attempt) {
                        let (code, reason) = ours.as_ref().map_or((code, reason), |ours| (ours.code, &*ours.reason));
                        connection.queue_close(code, reason);
                    }
                }
                Command::Ready(attempt) => {
                    if let Some(connection) = self.connection(attempt) {
                        connection.set_ready();
                    }
                }
            }
        }
        self.effects.commands = commands;
        for notice in &self.effects.notices {
            if let EventItem::Event(Event::Disconnected(end)) = notice
                && let Some(learned) = end.learned
            {
                learned::tell(origin(&self.url), learned);
            }
        }
        self.effects.tell(&self.shared, &self.url, &mut self.meter);
        busy
    }

    /// Asks for a place in the budget that this client shares with others.
    fn reserve(&self) {
        let now = Instant::now();
        let at = self.budget.as_ref().map_or(now, |budget| budget.reserve(now));
        let (now, at) = (self.shared.now(), self.shared.moment(at));
        self.shared.lock().machine.handle(now, Input::Reserved(at));
    }

    fn dial(&mut self, which: Which) {
        if let Some((learned, age)) = learned::of(origin(&self.url)) {
            let now = self.shared.now();
            self.shared.lock().machine.handle(now, Input::LearnedInterval { learned, age });
        }
        let attempt = which.attempt;
        let future = Arc::clone(&self.plan).dial(which, Arc::clone(&self.shared));
        let link = Link::Dialling { attempt, future: Box::pin(future) };
        match self.link {
            Link::Down => self.link = link,
            Link::Dialling { .. } | Link::Up(_) => self.next = link,
        }
    }

    fn connection(&mut self, attempt: Attempt) -> Option<&mut Connection> {
        [&mut self.link, &mut self.next].into_iter().find_map(|link| match link {
            Link::Up(connection) if connection.attempt() == attempt => {
                debug_assert!(connection.may_queue(), "nothing goes in front of a message that was taken");
                Some(&mut **connection)
            }
            Link::Up(_) | Link::Dialling { .. } | Link::Down => None,
        })
    }

    fn deliver(&mut self, mut messages: Vec<Message>) {
        // Also what was read for the sake of evidence just before the user left.
        let limit = if self.effects.closing { Limit::Usual } else { self.limit };
        let discarded = self.shared.mailbox.deliver(&mut messages, limit);
        if discarded > 0 {
            if !self.effects.closing && !mem::replace(&mut self.warned, true) {
                log::nobody_reads(&self.url);
            }
            self.effects.notices.push(EventItem::Discarded(discarded));
        }
        self.spare = messages;
    }
}

/// Scheme, host and port.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    url[host..].find(['/', '?']).map_or(url, |end| &url[..host + end])
}
