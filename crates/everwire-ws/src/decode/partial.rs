//! A message that is still arriving.

use bytes::{Bytes, BytesMut};

use super::inflated::{Inflating, PartialInflated};
use super::input::Input;
use super::text::PartialText;
use crate::frame::{Header, Key, MAX_HEADER, Opcode, apply_mask};
use crate::{Message, ProtocolError};

/// A message of which a part has been taken from the input.
#[derive(Debug)]
pub(crate) struct Partial {
    body: Body,
    fragments: usize,
}

#[derive(Debug)]
enum Body {
    Text(PartialText),
    Binary {
        data: BytesMut,
        /// Bytes of `data` that are unmasked and accounted for; more may have been read behind them.
        settled: usize,
    },
    Compressed(PartialInflated),
}

/// The rest of a frame's payload.
#[derive(Debug)]
pub(crate) struct Rest {
    pub(crate) length: u64,
    /// Whether the frame had [`LARGE`] bytes at its start.
    pub(crate) large: bool,
    /// Turned so that it starts at the next byte.
    pub(crate) key: Option<Key>,
    /// Whether the frame is its message's last.
    pub(crate) fin: bool,
}

/// What is allocated on the word of a header alone; beyond it, memory follows what has really arrived.
const ALLOCATED_AHEAD: usize = 64 << 10;

/// From this many missing bytes on, the transport reads straight into the message.
const WORTH_READING_DIRECTLY: u64 = 4 << 10;

/// A binary frame of this length is read into its message to its very end, though that takes a read of its own: a read that
/// also brought the beginning of the next such frame would have that copied, and so all of them after it.
pub(crate) const LARGE: u64 = 32 << 10;

/// Less room than this is not worth a read, if more is missing.
const ENOUGH_ROOM: usize = 4 << 10;

/// What may be read beyond the end of a large frame: the next one's header, so that it needs no read of its own.
const LOOKAHEAD: usize = MAX_HEADER;

impl Partial {
    pub(crate) fn new(first: &Header) -> Self {
        let capacity = usize::try_from(first.length).unwrap_or(usize::MAX).min(ALLOCATED_AHEAD);
        let lookahead = if first.length >= LARGE { LOOKAHEAD } else { 0 };
        let body = if first.compressed {
            Body::Compressed(PartialInflated::new(first.opcode == Opcode::Text))
        } else if first.opcode == Opcode::Text {
            Body::Text(PartialText::with_capacity(capacity))
        } else {
            Body::Binary { data: BytesMut::with_capacity(capacity + lookahead), settled: 0 }
        };
        Self { body, fragments: 0 }
    }

    /// Bytes of the message so far, as they come on the wire. `None` if it is compressed: its size shows as it is
    /// inflated.
    pub(crate) fn plain_len(&self) -> Option<usize> {
        match &self.body {
            Body::Text(text) => Some(text.len()),
            Body::Binary { settled, .. } => Some(*settled),
            Body::Compressed(_) => None,
        }
    }

    /// Counts one more frame and says how many there are.
    pub(crate) fn count_fragment(&mut self) -> usize {
        self.fragments = self.fragments.saturating_add(1);
        self.fragments
    }

    /// Takes what `input` holds of `rest`.
    pub(crate) fn take(
        &mut self,
        rest: &mut Rest,
        input: &mut Input,
        inflating: &mut Inflating,
    ) -> Result<(), ProtocolError> {
        match &mut self.body {
            Body::Compressed(inflated) => {
                let available = rest.available(input.len());
                let piece = input.take(available);
                rest.unmask(piece);
                inflated.push(piece, inflating)?;
            }
            Body::Text(text) => {
                let available = rest.available(input.len());
                let piece = input.take(available);
                rest.unmask(piece);
                text.push(piece)?;
            }
            Body::Binary { data, settled } => {
                let direct = rest.available(data.len() - *settled);
                rest.unmask(&mut data[*settled..*settled + direct]);
                *settled += direct;
                if data.len() > *settled {
                    // Read beyond the frame's end: what follows belongs to the next frame.
                    debug_assert!(input.is_empty());
                    input.buffer(0).extend_from_slice(&data[*settled..]);
                    data.truncate(*settled);
                }
                let available = rest.available(input.len());
                data.extend_from_slice(input.take(available));
                rest.unmask(&mut data[*settled..]);
                *settled += available;
            }
        }
        Ok(())
    }

    /// Whether its frames are read straight into it where that is worth it.
    pub(crate) fn is_read_directly(&self) -> bool {
        matches!(self.body, Body::Binary { .. })
    }

    /// Where the transport may read the rest of a large binary frame to without a copy, with room for `wanted` bytes or
    /// what is missing.
    pub(crate) fn direct_buffer(&mut self, rest: &Rest, wanted: usize) -> Option<&mut BytesMut> {
        let Body::Binary { data, settled } = &mut self.body else { return None };
        let unsettled = (data.len() - *settled) as u64;
        let missing = rest.length.saturating_sub(unsettled);
        // What was read beyond the frame's end stays in one place with what follows it.
        let beyond = unsettled > rest.length;
        if !beyond && missing < if rest.large { 1 } else { WORTH_READING_DIRECTLY } {
            return None;
        }
        let missing = usize::try_from(missing).unwrap_or(usize::MAX);
        let room = data.capacity() - data.len();
        if wanted > 0 && room < missing.clamp(1, ENOUGH_ROOM) {
            let ahead = wanted.max(data.len()).max(ALLOCATED_AHEAD);
            data.reserve(missing.saturating_add(LOOKAHEAD).min(ahead));
        }
        Some(data)
    }

    pub(crate) fn finish(self, inflating: &mut Inflating) -> Result<Message, ProtocolError> {
        match self.body {
            Body::Compressed(inflated) => inflated.finish(inflating),
            Body::Text(text) => text.finish().map(Message::Text),
            Body::Binary { data, .. } => Ok(Message::Binary(without_slack(data))),
        }
    }
}

impl Rest {
    fn available(&self, bytes: usize) -> usize {
        usize::try_from(self.length).map_or(bytes, |length| length.min(bytes))
    }

    /// Unmasks the next `piece` and counts it as taken.
    fn unmask(&mut self, piece: &mut [u8]) {
        self.length -= piece.len() as u64;
        if let Some(key) = &mut self.key {
            apply_mask(piece, *key);
            key.rotate_left(piece.len() % 4);
        }
    }
}

/// The payload, without much more memory than it needs: it may be kept for long.
fn without_slack(data: BytesMut) -> Bytes {
    if data.capacity() - data.len() <= data.len() / 4 {
        return data.freeze();
    }
    let mut data = Vec::from(data);
    data.shrink_to_fit();
    data.into()
}
