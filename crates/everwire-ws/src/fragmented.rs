//! Messages in several frames.

use std::fmt;

use bytes::Bytes;

use crate::frame::Opcode;

/// A message that goes out in several frames (RFC 6455 section 5.4), between which control frames may pass: made by
/// [`Connection::start_fragmented`](crate::Connection::start_fragmented), sent piece by piece by
/// [`Connection::send_fragment`](crate::Connection::send_fragment).
pub struct Fragmented {
    /// Of the next frame.
    pub(crate) opcode: Opcode,
    /// The next frame is the first of a compressed message.
    pub(crate) compressed: bool,
    /// What is left of what goes before the payload.
    pub(crate) prefix: Bytes,
    /// What is left of the payload.
    pub(crate) payload: Bytes,
    pub(crate) done: bool,
}

impl Fragmented {
    /// The number of bytes that are left to be queued, without the frames' headers.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.prefix.len() + self.payload.len()
    }

    /// Returns `true` if its last frame is queued.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done
    }
}

impl fmt::Debug for Fragmented {
    /// Without the payload, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fragmented").field("remaining", &self.remaining()).finish_non_exhaustive()
    }
}
