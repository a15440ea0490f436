//! A message that the peer refuses must not block those behind it for ever.
//!
//! A close code that blames a message (1003, 1007, 1009) does not say which. So after one, whatever goes back to the queue
//! is sent message by message, each alone on its way until it is proven. A message that was alone when the peer blamed it
//! is blamed for sure; at the third time it is rejected.

use crate::MessageId;

/// How often a message must be blamed for sure.
const REJECT_AT: u8 = 3;

#[derive(Debug, Default)]
pub(crate) struct Poison {
    /// Messages up to this one go alone.
    suspected: Option<MessageId>,
    blamed: Option<(MessageId, u8)>,
}

impl Poison {
    /// Whether the oldest message must go alone.
    pub(crate) fn suspects(&self, oldest: Option<MessageId>) -> bool {
        matches!((self.suspected, oldest), (Some(last), Some(oldest)) if oldest <= last)
    }

    /// A message-blaming close: everything from `oldest` to `newest` goes back to the queue. Whether the oldest is to be
    /// rejected.
    pub(crate) fn blame(&mut self, oldest: MessageId, alone: bool, newest: MessageId) -> bool {
        self.suspected = self.suspected.max(Some(newest));
        if !alone {
            return false;
        }
        let count = match self.blamed {
            Some((id, count)) if id == oldest => count + 1,
            _ => 1,
        };
        self.blamed = Some((oldest, count));
        if count < REJECT_AT {
            return false;
        }
        self.blamed = None;
        true
    }
}
