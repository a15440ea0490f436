use bytes::{Buf, Bytes, BytesMut};
use bytestring::ByteString;

use super::inflated::Inflating;
use super::input::Input;
use super::partial::{Partial, Rest};
use crate::frame::{Header, Opcode, Rules, apply_mask};
use crate::{CloseCode, CloseFrame, Extensions, Incoming, Limits, Message, ProtocolError};

/// The receiving half of a connection.
#[derive(Debug)]
pub(crate) struct Decoder {
    rules: Rules,
    limits: Limits,
    inflating: Inflating,
    input: Input,
    /// The frame that `input` continues; `None` at a header.
    rest: Option<Rest>,
    /// The message whose frames or bytes are not all there.
    partial: Option<Partial>,
}

/// An unmasked message that lies in the input. Whether its text is valid is still to be seen.
#[derive(Debug)]
pub(crate) enum Whole<'a> {
    Text(&'a [u8]),
    Binary(&'a [u8]),
}

impl Decoder {
    pub(crate) fn new(masked: bool, limits: Limits, extensions: &Extensions) -> Self {
        let rules = Rules { masked, reserved_bits: extensions.reserved_bits() };
        let inflating = Inflating::new(extensions.deflate.as_ref(), limits.max_message);
        Self { rules, limits, inflating, input: Input::default(), rest: None, partial: None }
    }

    /// Where to append what arrives, with room for about `wanted` bytes.
    pub(crate) fn buffer(&mut self, wanted: usize) -> &mut BytesMut {
        if self.input.is_empty()
            && let (Some(partial), Some(rest)) = (&mut self.partial, &self.rest)
            && let Some(direct) = partial.direct_buffer(rest, wanted)
        {
            return direct;
        }
        self.input.buffer(wanted)
    }

    /// The next message if it is wholly there in one frame within the limits: the short way of [`next`](Self::next).
    #[inline]
    pub(crate) fn next_whole(&mut self) -> Option<Whole<'_>> {
        if self.partial.is_some() {
            return None;
        }
        let Ok(Some(header)) = Header::parse(self.input.as_slice(), self.rules) else { return None };
        let longest = self.limits.max_frame.min(self.limits.max_message);
        if !header.fin || header.compressed || header.length > longest as u64 {
            return None;
        }
        let end = self.end_of(&header)?;
        match header.opcode {
            Opcode::Text => Some(Whole::Text(self.take_payload(&header, end))),
            Opcode::Binary => Some(Whole::Binary(self.take_payload(&header, end))),
            Opcode::Continuation | Opcode::Close | Opcode::Ping | Opcode::Pong => None,
        }
    }

    /// The next thing that is wholly there.
    pub(crate) fn next(&mut self) -> Result<Option<Incoming>, ProtocolError> {
        loop {
            if self.rest.is_some() {
                if !self.continue_frame()? {
                    return Ok(None);
                }
                if let Some(message) = self.finish_message()? {
                    return Ok(Some(Incoming::Message(message)));
                }
            }
            let Some(header) = Header::parse(self.input.as_slice(), self.rules)? else { return Ok(None) };
            if header.opcode.is_control() {
                return self.control(&header);
            }
            self.check(&header)?;
            self.open_frame(&header)?;
        }
    }

    /// Gives back the memory that holds nothing.
    pub(crate) fn release_memory(&mut self) {
        self.input.release_memory();
    }

    /// Forgets everything; nothing more will be decoded.
    pub(crate) fn discard(&mut self) {
        self.input = Input::default();
        self.inflating.discard();
        self.rest = None;
        self.partial = None;
    }

    /// Order of frames, and the limits, from a data frame's header.
    fn check(&self, header: &Header) -> Result<(), ProtocolError> {
        let before = match (&self.partial, header.opcode) {
            (None, Opcode::Continuation) => return Err(ProtocolError::ContinuationUnexpected),
            (None, _) => (!header.compressed).then_some(0),
            (Some(partial), Opcode::Continuation) => partial.plain_len(),
            (Some(_), _) => return Err(ProtocolError::ContinuationMissing),
        };
        let Limits { max_frame, max_message, max_fragments: _ } = self.limits;
        if header.length > max_frame as u64 {
            return Err(ProtocolError::FrameTooLarge { length: header.length, limit: max_frame });
        }
        if before.is_some_and(|before| header.length.saturating_add(before as u64) > max_message as u64) {
            return Err(ProtocolError::MessageTooLarge { limit: max_message });
        }
        Ok(())
    }

    /// Where the frame ends in `input`, if it is wholly there.
    #[inline]
    fn end_of(&self, header: &Header) -> Option<usize> {
        let end = usize::try_from(header.length).ok()?.checked_add(header.size)?;
        (end <= self.input.len()).then_some(end)
    }

    /// Takes a whole frame; its payload, unmasked.
    #[inline(always)] // called from two arms of the hot path
    fn take_payload(&mut self, header: &Header, end: usize) -> &[u8] {
        let payload = &mut self.input.take(end)[header.size..];
        if let Some(key) = header.key {
            apply_mask(payload, key);
        }
        payload
    }

    /// Starts taking a frame in pieces.
    fn open_frame(&mut self, header: &Header) -> Result<(), ProtocolError> {
        let partial = self.partial.get_or_insert_with(|| Partial::new(header));
        let limit = self.limits.max_fragments;
        if partial.count_fragment() > limit {
            return Err(ProtocolError::TooManyFragments { limit });
        }
        self.rest = Some(Rest { length: header.length, key: header.key, fin: header.fin });
        self.input.take(header.size);
        Ok(())
    }

    /// Takes what has arrived of the open frame; whether it is complete.
    fn continue_frame(&mut self) -> Result<bool, ProtocolError> {
        if let (Some(partial), Some(rest)) = (&mut self.partial, &mut self.rest) {
            partial.take(rest, &mut self.input, &mut self.inflating)?;
            return Ok(rest.length == 0);
        }
        Ok(true)
    }

    /// Closes the open frame, and its message if that was the last one.
    fn finish_message(&mut self) -> Result<Option<Message>, ProtocolError> {
        match self.rest.take() {
            Some(rest) if rest.fin => {
                self.partial.take().map(|partial| partial.finish(&mut self.inflating)).transpose()
            }
            _ => Ok(None),
        }
    }

    /// Control frames are short: they are taken whole.
    fn control(&mut self, header: &Header) -> Result<Option<Incoming>, ProtocolError> {
        let Some(end) = self.end_of(header) else { return Ok(None) };
        let payload = Bytes::copy_from_slice(self.take_payload(header, end));
        Ok(Some(match header.opcode {
            Opcode::Ping => Incoming::Ping(payload),
            Opcode::Pong => Incoming::Pong(payload),
            Opcode::Close | Opcode::Continuation | Opcode::Text | Opcode::Binary => {
                Incoming::Close(close_frame(payload)?)
            }
        }))
    }
}

/// A close frame's payload (RFC 6455 section 5.5.1).
fn close_frame(mut payload: Bytes) -> Result<Option<CloseFrame>, ProtocolError> {
    match payload.len() {
        0 => Ok(None),
        1 => Err(ProtocolError::CloseTooShort),
        _ => {
            let code = CloseCode(payload.get_u16());
            if !code.is_allowed_on_wire() {
                return Err(ProtocolError::CloseCodeInvalid(code.0));
            }
            let reason = ByteString::try_from(payload).map_err(|_| ProtocolError::CloseReasonInvalid)?;
            Ok(Some(CloseFrame { code, reason }))
        }
    }
}
