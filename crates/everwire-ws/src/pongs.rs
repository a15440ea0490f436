use bytes::Bytes;

/// Unwritten answers to pings, bounded: a peer that pings and never reads must not fill our memory.
#[derive(Debug, Default)]
pub(crate) struct Pongs {
    /// Bytes of pongs queued since the last time that all of them were written.
    waiting: u64,
    /// Where the last queued pong ends in the outgoing stream.
    last_end: u64,
    /// The latest ping that came while too many pongs were waiting.
    pub(crate) held_back: Option<Bytes>,
}

impl Pongs {
    const MAX_WAITING: u64 = 4 << 10;

    /// Whether a further pong has to wait, when the transport has taken `written` bytes of the outgoing stream.
    pub(crate) fn is_full(&mut self, written: u64) -> bool {
        if written >= self.last_end {
            self.waiting = 0;
        }
        self.waiting >= Self::MAX_WAITING
    }

    /// Notes a pong that went into the outgoing stream from `start` to `end`.
    pub(crate) fn queued(&mut self, start: u64, end: u64) {
        self.waiting += end - start;
        self.last_end = end;
    }
}
