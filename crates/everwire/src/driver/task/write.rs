//! Out of the outbox into the transport.

use std::task::Context;

use everwire_core::{Input, TransportEvent};

use super::Driver;
use crate::driver::link::Link;
use crate::driver::open_connection::OpenConnection;

/// Fillings of the write buffer in one turn.
const WRITES: usize = 8;

impl Driver {
    /// Writes, and refills the write buffer while the transport takes it all. Whether there is more to do at once.
    pub(super) fn write(&mut self, cx: &mut Context<'_>) -> bool {
        for _ in 0..WRITES {
            match &self.link {
                Link::Up(connection) if connection.wants_to_write() => {}
                Link::Up(_) | Link::Dialling { .. } | Link::Down => return false,
            }
            let connection = loop {
                self.exchange(true);
                self.perform();
                let Link::Up(connection) = &mut self.link else { return true };
                if !connection.has_room() {
                    break connection;
                }
            };
            if connection.flush(cx).is_pending() {
                self.exchange(false);
                return self.perform();
            }
            if connection.has_failed() {
                return true;
            }
        }
        true
    }

    /// Tells the machine what is written, and takes what it has to send.
    fn exchange(&mut self, take: bool) {
        let Link::Up(connection) = &mut self.link else { return };
        let now = self.shared.now();
        let mut inner = self.shared.lock();
        let written = connection.count_written();
        if written > 0 {
            let event = TransportEvent::Written(written);
            inner.machine.handle(now, Input::Transport(connection.attempt(), event));
        }
        if let Some(event) = connection.ping_progress(!take) {
            inner.machine.handle(now, Input::Transport(connection.attempt(), event));
        }
        if take {
            connection.take(now, &mut inner);
        }
        self.effects.collect(&self.shared, &mut inner);
        self.meter.sample(now, &inner, &self.shared.mailbox);
        drop(inner);
        connection.encode_large();
    }
}
