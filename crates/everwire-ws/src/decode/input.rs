//! Bytes that have arrived and are not yet taken.

use bytes::{Buf, BytesMut};

/// A buffer with a cursor: taking is only counting, the buffer is told before the next read.
#[derive(Debug, Default)]
pub(crate) struct Input {
    buffer: BytesMut,
    taken: usize,
}

impl Input {
    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.buffer[self.taken..]
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.buffer.len() - self.taken
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the next `count` bytes, which must be there.
    #[inline]
    pub(crate) fn take(&mut self, count: usize) -> &mut [u8] {
        let start = self.taken;
        self.taken += count;
        &mut self.buffer[start..self.taken]
    }

    /// The buffer to append to, with room for `wanted` bytes.
    pub(crate) fn buffer(&mut self, wanted: usize) -> &mut BytesMut {
        if self.is_empty() {
            self.buffer.clear();
        } else {
            self.buffer.advance(self.taken);
        }
        self.taken = 0;
        self.buffer.reserve(wanted);
        &mut self.buffer
    }

    /// The buffer to append to, which is empty, with room for `room` bytes and no more.
    pub(crate) fn small_buffer(&mut self, room: usize) -> &mut BytesMut {
        if self.buffer.try_reclaim(room + 1) {
            self.buffer = BytesMut::with_capacity(room);
        }
        self.buffer(room)
    }

    /// Whether nothing has arrived since it was [settled](Self::settle).
    pub(crate) fn is_untouched(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Forgets what is taken, if that is all.
    pub(crate) fn settle(&mut self) {
        if self.is_empty() {
            self.buffer.clear();
            self.taken = 0;
        }
    }

    pub(crate) fn release_memory(&mut self) {
        release_buffer(self.buffer(0));
    }
}

/// A small buffer is worth more than its memory: a connection with a message now and then allocates none.
const KEPT_WHEN_IDLE: usize = 512;

/// Frees a buffer that is empty and more than small.
///
/// Its capacity alone does not tell how large it is: that does not count the room in front of what was taken from it.
pub(crate) fn release_buffer(buffer: &mut BytesMut) {
    if buffer.is_empty() && buffer.try_reclaim(KEPT_WHEN_IDLE + 1) {
        *buffer = BytesMut::new();
    }
}
