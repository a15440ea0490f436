//! Changing one's mind about a message that is still queued, or that time has run out for.

use everwire_ws::Message;

use super::{CancelError, Entry, Outbox, ReplaceError};
use crate::{MessageId, Moment, Outcome, outputs::Outputs};

impl Outbox {
    /// Ends a queued message, and says how.
    pub(crate) fn cancel(&mut self, id: MessageId, outputs: &mut Outputs) -> Result<Outcome, CancelError> {
        let entry = self.queue.remove(id).or_else(|| self.volatile.remove(id));
        let entry = entry.ok_or_else(|| self.why_not_queued(id))?;
        self.counts.cancelled += 1;
        self.freed = true;
        Ok(self.end(entry, Outcome::Cancelled, outputs))
    }

    /// Ends a queued message, unless it may have arrived: then it stays.
    pub(crate) fn withdraw(&mut self, id: MessageId, outputs: &mut Outputs) -> Result<(), CancelError> {
        if self.queue.get(id).is_some_and(Entry::may_have_arrived) {
            return Err(CancelError::Taken);
        }
        self.cancel(id, outputs).map(drop)
    }

    /// Puts another message into the place of a queued one.
    pub(crate) fn replace(
        &mut self,
        id: MessageId,
        message: Message,
        outputs: &mut Outputs,
    ) -> Result<(), ReplaceError> {
        if self.volatile.is_queued(id) {
            let older = self.volatile.replace(id, message).map_err(ReplaceError::Full)?;
            outputs.dispose(older);
            return Ok(());
        }
        let Some(entry) = self.queue.get(id) else {
            return Err(ReplaceError::late(self.why_not_queued(id), message));
        };
        if entry.may_have_arrived() {
            return Err(ReplaceError::Taken(message));
        }
        let (before, after, limit) = (entry.message.len(), message.len(), self.config.max_bytes);
        if after > limit {
            return Err(ReplaceError::TooLarge { message, limit });
        }
        if (self.bytes() - before).saturating_add(after) > limit {
            self.wanted = true;
            return Err(ReplaceError::Full(message));
        }
        if let Some(older) = self.queue.replace(id, message) {
            outputs.dispose(older);
        }
        self.freed |= after < before;
        Ok(())
    }

    /// When the next queued message expires.
    #[inline]
    pub(crate) fn expiry(&self) -> Option<Moment> {
        self.queue.expiry()
    }

    /// Ends the queued messages whose time is over. Whether there were any.
    #[inline]
    pub(crate) fn expire(&mut self, now: Moment, outputs: &mut Outputs) -> bool {
        let due = self.expiry().is_some_and(|at| at <= now);
        if due {
            self.expire_due(now, outputs);
        }
        due
    }

    #[cold]
    fn expire_due(&mut self, now: Moment, outputs: &mut Outputs) {
        let Self { queue, counts, .. } = self;
        queue.expire(now, |entry| {
            counts.expired += 1;
            outputs.outcome(entry.id, entry.id, Self::final_word(entry, Outcome::Expired));
            outputs.dispose(entry.take_message());
        });
        self.freed = true;
    }

    fn why_not_queued(&self, id: MessageId) -> CancelError {
        if id.0 == 0 || id > self.last_id {
            CancelError::Unknown
        } else if self.in_flight.contains(id) || self.volatile.is_taken(id) {
            CancelError::Taken
        } else {
            CancelError::Ended
        }
    }
}
