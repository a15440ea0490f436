//! Compressed messages, inflated as they arrive.

use bytes::Bytes;
use bytestring::ByteString;

use super::text::check_growing;
use crate::deflate::Inflater;
use crate::{Agreement, Message, ProtocolError};

/// What a connection needs to inflate. Without compression no frame has the bit that asks for it.
#[derive(Debug)]
pub(crate) struct Inflating {
    inflater: Option<Inflater>,
    max_message: usize,
}

impl Inflating {
    pub(crate) fn new(agreement: Option<&Agreement>, max_message: usize) -> Self {
        Self { inflater: agreement.map(Inflater::new), max_message }
    }

    /// Gives back the peer's context; nothing more will be inflated.
    pub(crate) fn discard(&mut self) {
        self.inflater = None;
    }
}

/// What has come out of a compressed message so far.
#[derive(Debug)]
pub(crate) struct PartialInflated {
    data: Vec<u8>,
    /// Of text: as far as it is known to be valid.
    valid: Option<usize>,
}

impl PartialInflated {
    pub(crate) fn new(is_text: bool) -> Self {
        Self { data: Vec::new(), valid: is_text.then_some(0) }
    }

    /// Inflates what has arrived. Text that can't become valid fails at once.
    pub(crate) fn push(&mut self, piece: &[u8], inflating: &mut Inflating) -> Result<(), ProtocolError> {
        let inflater = inflating.inflater.as_mut().ok_or(ProtocolError::ReservedBits)?;
        let limited = inflater.inflate(piece, &mut self.data, inflating.max_message);
        // Both may be wrong at once: the text comes first on the wire.
        if let Some(valid) = &mut self.valid {
            *valid = check_growing(&self.data, *valid)?;
        }
        limited
    }

    /// The message: its last piece has been pushed.
    pub(crate) fn finish(mut self, inflating: &mut Inflating) -> Result<Message, ProtocolError> {
        let inflater = inflating.inflater.as_mut().ok_or(ProtocolError::ReservedBits)?;
        inflater.finish(&mut self.data, inflating.max_message)?;
        // It may be kept for long: not with much more memory than it needs.
        if self.data.capacity() - self.data.len() > self.data.len() / 4 {
            self.data.shrink_to_fit();
        }
        let Some(valid) = self.valid else { return Ok(Message::Binary(Bytes::from(self.data))) };
        if check_growing(&self.data, valid)? < self.data.len() {
            return Err(ProtocolError::InvalidUtf8);
        }
        ByteString::try_from(self.data).map(Message::Text).map_err(|_| ProtocolError::InvalidUtf8)
    }
}
