//! Messages with options, and changing one's mind about those that wait.

use everwire_ws::Message;

use super::{Machine, SendError};
use crate::{CancelError, MessageId, Moment, Outcome, Priority, ReplaceError, SendOptions};

impl Machine {
    /// Like [`send`](Self::send), with a time to live, a priority, or a key to conflate by.
    ///
    /// ```
    /// use std::time::Duration;
    /// use everwire_core::{Config, DropPolicy, Input, Machine, Message, Moment, Outcome, Output, SendOptions};
    ///
    /// let mut machine = Machine::new(Config::default(), [7; 32])?;
    /// let now = Moment::ZERO;
    /// let price = SendOptions::new().key("EUR/USD").ttl(Duration::from_secs(2));
    /// machine.send_with(now, Message::text("1.08"), price.clone()).unwrap();
    /// machine.send_with(now, Message::text("1.09"), price).unwrap();
    ///
    /// // There was no connection: only the newer one is left …
    /// let Some(Output::Outcome { outcome, .. }) = machine.poll_output() else { panic!() };
    /// assert_eq!(outcome, Outcome::Dropped(DropPolicy::Conflated));
    /// // … and if there is none within two seconds, neither is that.
    /// machine.handle(now + Duration::from_secs(2), Input::Timer);
    /// let Some(Output::Outcome { outcome, .. }) = machine.poll_output() else { panic!() };
    /// assert_eq!(outcome, Outcome::Expired);
    /// # Ok::<(), everwire_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// Gives the message back if there is no room or the machine has ended.
    pub fn send_with(&mut self, now: Moment, message: Message, options: SendOptions) -> Result<MessageId, SendError> {
        if !self.accepting {
            return Err(SendError::Closed(message, self.ended()));
        }
        let priority = options.priority;
        let id = self.outbox.push_with(now, message, options, &mut self.outputs)?;
        if self.window.is_some() && priority == Priority::Normal {
            self.collect(now, id);
        } else {
            self.announce();
        }
        self.persist(now);
        self.tell_room();
        Ok(id)
    }

    /// Ends a message that is still queued, and returns its outcome, which [`poll_output`](Self::poll_output) reports
    /// as well.
    ///
    /// That is [`Cancelled`](Outcome::Cancelled): it has not arrived and never will. But a message that an earlier
    /// connection has written may have arrived; it ends as [`Unknown(Written)`](Outcome::Unknown), and is not sent again.
    ///
    /// # Errors
    /// If it is too late, or there is no such message.
    pub fn cancel(&mut self, now: Moment, id: MessageId) -> Result<Outcome, CancelError> {
        let outcome = self.outbox.cancel(id, &mut self.outputs)?;
        self.conclude(now);
        Ok(outcome)
    }

    /// Ends a message only if it has certainly not arrived: it then ends as [`Cancelled`](Outcome::Cancelled) and never
    /// arrives. One that may have arrived stays in its place, and is sent as if nothing had been asked.
    ///
    /// # Errors
    /// [`CancelError::Taken`] if it was handed to a connection, the present or an earlier one, which may have written
    /// it; the others as in [`cancel`](Self::cancel).
    pub fn withdraw(&mut self, now: Moment, id: MessageId) -> Result<(), CancelError> {
        self.outbox.withdraw(id, &mut self.outputs)?;
        self.conclude(now);
        Ok(())
    }

    /// Replaces a message that is still queued. Number, place, time to live, priority and key stay; the outcome is that
    /// of the new message.
    ///
    /// # Errors
    /// Gives the new message back if it is too late, if there is no such message, or if the new one is larger and there
    /// is no room for that. It is too late as soon as the old one was handed to any connection, which may have written
    /// it: one outcome can't report on two messages.
    pub fn replace(&mut self, now: Moment, id: MessageId, message: Message) -> Result<(), ReplaceError> {
        let replaced = self.outbox.replace(id, message, &mut self.outputs);
        if let (Ok(()), Some(journal)) = (&replaced, &mut self.outputs.journal) {
            journal.replaced(id);
        }
        self.persist(now);
        self.tell_room();
        replaced
    }

    /// Ends the queued messages whose time is over.
    pub(super) fn expire(&mut self, now: Moment) {
        if self.outbox.expire(now, &mut self.outputs) {
            self.advance_flush(now);
        }
    }
}
