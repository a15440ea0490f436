//! Messages for the client.

use everwire_ws::Message;

use super::ServerSession;
use crate::outbox::Until;
use crate::{Attempt, Closed, MessageId, Moment, Outgoing, SendError, SendOptions};

impl ServerSession {
    /// Accepts a message for the client, with a connection or without. The time matters only with
    /// [`OutboxConfig::max_age`](crate::OutboxConfig::max_age).
    ///
    /// # Errors
    /// Gives the message back if there is no room or the session is over.
    pub fn send(&mut self, now: Moment, message: Message) -> Result<MessageId, SendError> {
        if !self.is_accepting() {
            return Err(SendError::Closed(message, Closed::ByUser));
        }
        let id = self.outbox.push(now, message, &mut self.outputs)?;
        self.announce();
        Ok(id)
    }

    /// Accepts a message with options for the client; see [`Machine::send_with`](crate::Machine::send_with).
    ///
    /// A message gets its number when it is first handed to a connection, and from then on it neither expires nor is
    /// conflated.
    ///
    /// # Errors
    /// Gives the message back if there is no room or the session is over.
    pub fn send_with(&mut self, now: Moment, message: Message, options: SendOptions) -> Result<MessageId, SendError> {
        if !self.is_accepting() {
            return Err(SendError::Closed(message, Closed::ByUser));
        }
        let id = self.outbox.push_with(now, message, options, &mut self.outputs)?;
        self.announce();
        self.tell_room();
        Ok(id)
    }

    /// Accepts a message that is worth something only now; see
    /// [`Machine::send_volatile`](crate::Machine::send_volatile).
    ///
    /// # Errors
    /// Gives the message back if the session is over.
    pub fn send_volatile(&mut self, message: Message) -> Result<MessageId, SendError> {
        if !self.is_accepting() {
            return Err(SendError::Closed(message, Closed::ByUser));
        }
        let id = self.outbox.push_volatile(message, self.link.is_some(), &mut self.outputs);
        self.announce();
        Ok(id)
    }

    /// Hands queued messages to `encode`, as [`Machine::take`](crate::Machine::take) does.
    pub fn take(&mut self, link: Attempt, encode: &mut dyn FnMut(Outgoing<'_>) -> bool) -> usize {
        if self.link != Some(link) {
            return 0;
        }
        let taken = self.outbox.take(&Until::END, None, &mut self.outputs, encode);
        self.wants_ready = !taken.stopped;
        if taken.units > 0 {
            self.ack();
        }
        self.tell_room();
        taken.units
    }
}
