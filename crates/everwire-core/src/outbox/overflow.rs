//! Messages with options, and messages for which there is no room.

use everwire_ws::Message;

use super::{Outbox, Overflow, Refusal, SendOptions};
use crate::{DropPolicy, MessageId, Moment, Outcome, outputs::Outputs};

/// What the policy says.
enum OverflowDecision {
    /// There is room now.
    Room,
    /// The new message goes.
    DropNew(DropPolicy),
    /// The new message is given back.
    Full,
}

impl Outbox {
    /// Accepts any message, or says why not.
    pub(crate) fn push_with(
        &mut self,
        now: Moment,
        message: Message,
        options: SendOptions,
        outputs: &mut Outputs,
    ) -> Result<MessageId, Refusal> {
        let size = message.len();
        if size > self.config.max_bytes {
            return Err(Refusal::TooLarge { message, limit: self.config.max_bytes });
        }
        match self.make_room(size, &options, outputs) {
            OverflowDecision::Room => {}
            OverflowDecision::DropNew(policy) => {
                let id = self.next_id();
                self.counts.dropped += 1;
                outputs.outcome(id, id, Outcome::Dropped(policy));
                outputs.dispose(message);
                return Ok(id);
            }
            OverflowDecision::Full => {
                self.wanted = true;
                return Err(Refusal::Full(message));
            }
        }
        let id = self.next_id();
        let expires_at = options.ttl.or(self.config.max_age).map(|ttl| now + ttl).filter(|at| *at < Moment::MAX);
        if let Some(older) = self.queue.push_newer(super::Entry::with(id, message, options, expires_at)) {
            self.conflated(older, outputs);
        }
        outputs.accepted(id);
        Ok(id)
    }

    fn make_room(&mut self, size: usize, options: &SendOptions, outputs: &mut Outputs) -> OverflowDecision {
        let beside_all = |outbox: &Self| {
            // It takes the place of the one with its key.
            let older = options.key.as_deref().and_then(|key| outbox.queue.size_of_keyed(key));
            let len = outbox.len() - usize::from(older.is_some());
            outbox.has_room(len, outbox.bytes() - older.unwrap_or(0), size)
        };
        if beside_all(self) {
            return OverflowDecision::Room;
        }
        let (taken, taken_bytes) = (self.in_flight.len(), self.in_flight.bytes());
        let droppable = self.has_room(taken, taken_bytes, size);
        match self.config.overflow {
            Overflow::DropNewest => return OverflowDecision::DropNew(DropPolicy::Newest),
            Overflow::DropOldest if droppable => {
                while !beside_all(self) {
                    let Some(entry) = self.queue.pop_oldest() else { break };
                    self.counts.dropped += 1;
                    self.end(entry, Outcome::Dropped(DropPolicy::Oldest), outputs);
                }
            }
            Overflow::DropLowestPriority if droppable => {
                let (above, above_bytes) = self.queue.above(options.priority);
                if !self.has_room(taken + above, taken_bytes + above_bytes, size) {
                    return OverflowDecision::DropNew(DropPolicy::LowestPriority);
                }
                while !beside_all(self) {
                    let Some(entry) = self.queue.pop_lowest() else { break };
                    self.counts.dropped += 1;
                    self.end(entry, Outcome::Dropped(DropPolicy::LowestPriority), outputs);
                }
            }
            Overflow::Reject | Overflow::DropOldest | Overflow::DropLowestPriority => return OverflowDecision::Full,
        }
        OverflowDecision::Room
    }
}
