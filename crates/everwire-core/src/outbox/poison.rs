//! A message that the peer refuses must not block those behind it for ever.
//!
//! A close code that blames a message (1003, 1007, 1009) does not say which. So after one, whatever goes back to the queue
//! is suspect: it goes before everything else, message by message, each alone on its way until it is proven. A message
//! that was alone when the peer blamed it is blamed for sure; at the third time it is rejected.
//!
//! A connection that dies in silence blames nobody, but when that happens again and again with the same message in front,
//! the message may be what the peer is busy with. From the second time on it is suspect as well, and at the fifth time that
//! it was alone it is not sent again: it may have arrived each time.

use crate::MessageId;

/// How often a message must be blamed for sure.
const REJECT_AT: u8 = 3;

/// How often in a row a connection must have died in silence with the same message in front, for it to go alone.
pub(super) const SUSPECT_AT: u32 = 2;

/// And for it not to be sent again.
pub(super) const GIVE_UP_AT: u32 = 5;

#[derive(Debug, Default)]
pub(crate) struct Poison {
    blamed: Option<(MessageId, u8)>,
}

impl Poison {
    /// This message was alone when the peer blamed one. Whether it is to be rejected.
    pub(crate) fn blame(&mut self, id: MessageId) -> bool {
        let count = match self.blamed {
            Some((same, count)) if same == id => count + 1,
            _ => 1,
        };
        self.blamed = (count < REJECT_AT).then_some((id, count));
        count >= REJECT_AT
    }
}
