use bytes::{Buf, Bytes, BytesMut};
use bytestring::ByteString;

use super::inflated::Inflating;
use super::input::Input;
use super::partial::{LARGE, Partial, Rest};
use super::single_frame::{SHORT, Whole};
use crate::frame::{FIN, Header, Key, MASKED, MAX_CONTROL, Opcode, Rules, apply_mask};
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
    /// A large binary frame has ended where the input does, and nothing has arrived since: the next one is likely to begin.
    after_large: bool,
    /// Bytes that a message in one frame may have.
    longest: usize,
}

/// What is read where a large frame is likely to begin: its header, and little that would have to be copied.
const HEADER_READ: usize = 512;

/// What [`Whole`] needs of a frame's header.
struct DataHeader {
    is_text: bool,
    key: Option<Key>,
    /// Bytes of the header.
    size: usize,
    /// Bytes of payload.
    length: usize,
}

impl Decoder {
    pub(crate) fn new(masked: bool, limits: Limits, extensions: &Extensions) -> Self {
        let rules = Rules { masked, reserved_bits: extensions.reserved_bits() };
        let inflating = Inflating::new(extensions.deflate.as_ref(), limits.max_message);
        let longest = limits.max_frame.min(limits.max_message);
        Self {
            rules,
            limits,
            inflating,
            input: Input::default(),
            rest: None,
            partial: None,
            after_large: false,
            longest,
        }
    }

    /// Where to append what arrives, with room for about `wanted` bytes.
    pub(crate) fn buffer(&mut self, wanted: usize) -> &mut BytesMut {
        if self.input.is_empty()
            && let (Some(partial), Some(rest)) = (&mut self.partial, &self.rest)
            && let Some(direct) = partial.direct_buffer(rest, wanted)
        {
            return direct;
        }
        self.after_large &= self.input.is_untouched();
        if self.after_large && wanted > 0 {
            return self.input.small_buffer(HEADER_READ);
        }
        self.input.buffer(wanted)
    }

    /// The next message if it is wholly there in one frame and [`SHORT`], within the limits.
    #[inline]
    pub(crate) fn next_short(&mut self) -> Option<Whole<'_>> {
        let header = self.short_header()?;
        self.take_whole(header)
    }

    /// The same if it may be longer.
    #[inline]
    pub(crate) fn next_long(&mut self) -> Option<Whole<'_>> {
        let header = self.data_header()?;
        self.take_whole(header)
    }

    /// The next message if it is wholly there in one frame, within the limits.
    #[inline]
    pub(crate) fn next_whole(&mut self) -> Option<Whole<'_>> {
        let header = match self.short_header() {
            Some(header) => header,
            None => self.data_header()?,
        };
        self.take_whole(header)
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
            let header = match Header::parse(self.input.as_slice(), self.rules) {
                Err(ProtocolError::ControlTooLong) => {
                    return too_long(self.input.as_slice(), self.rules).map_or(Ok(None), Err);
                }
                header => header?,
            };
            let Some(header) = header else { return Ok(None) };
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

    /// The header of an uncompressed message in one frame that is [`SHORT`]. Most are.
    #[inline]
    fn short_header(&self) -> Option<DataHeader> {
        let [first, second, ref rest @ ..] = *self.input.as_slice() else { return None };
        let is_text = first == FIN | Opcode::Text as u8;
        if !is_text && first != FIN | Opcode::Binary as u8 {
            return None;
        }
        let (length, key, size) =
            if self.rules.masked { (second ^ MASKED, Some(*rest.first_chunk()?), 6) } else { (second, None, 2) };
        (length < SHORT).then_some(DataHeader { is_text, key, size, length: length.into() })
    }

    /// The header of an uncompressed message in one frame.
    #[inline]
    fn data_header(&self) -> Option<DataHeader> {
        let header = Header::parse(self.input.as_slice(), self.rules).ok()??;
        let is_text = match header.opcode {
            _ if !header.fin || header.compressed => return None,
            Opcode::Text => true,
            Opcode::Binary => false,
            Opcode::Continuation | Opcode::Close | Opcode::Ping | Opcode::Pong => return None,
        };
        let length = usize::try_from(header.length).ok()?;
        Some(DataHeader { is_text, key: header.key, size: header.size, length })
    }

    #[inline]
    fn take_whole(&mut self, header: DataHeader) -> Option<Whole<'_>> {
        let DataHeader { is_text, key, size, length } = header;
        if self.partial.is_some() || length > self.longest || length > self.input.len() - size {
            return None;
        }
        let payload = &mut self.input.take(size + length)[size..];
        Some(Whole { is_text, key, payload })
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
    fn end_of(&self, header: &Header) -> Option<usize> {
        let end = usize::try_from(header.length).ok()?.checked_add(header.size)?;
        (end <= self.input.len()).then_some(end)
    }

    /// Takes a whole frame; its payload, unmasked.
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
        self.rest =
            Some(Rest { length: header.length, large: header.length >= LARGE, key: header.key, fin: header.fin });
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
        let rest = self.rest.take();
        if rest.as_ref().is_some_and(|rest| rest.large) && self.partial.as_ref().is_some_and(Partial::is_read_directly)
        {
            self.input.settle();
            self.after_large = true;
        }
        match rest {
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

/// A control frame that is too long. Of a close frame it is told what it says, as far as control frames may go; `None` until that
/// is there.
fn too_long(input: &[u8], rules: Rules) -> Option<ProtocolError> {
    let [first, second, ref rest @ ..] = *input else { return None };
    if first & 0x0f != Opcode::Close as u8 {
        return Some(ProtocolError::ControlTooLong);
    }
    let rest = rest.get(if second & !MASKED == 127 { 8 } else { 2 }..)?;
    let (key, rest) = match rules.masked {
        true => rest.split_first_chunk().map(|(key, rest)| (Some(*key), rest))?,
        false => (None, rest),
    };
    let mut payload = rest.first_chunk::<MAX_CONTROL>()?.to_vec();
    if let Some(key) = key {
        apply_mask(&mut payload, key);
    }
    let (code, reason) = payload.split_first_chunk()?;
    // The last letter may be cut.
    let reason = String::from_utf8_lossy(reason).trim_end_matches('\u{fffd}').to_owned();
    Some(ProtocolError::CloseTooLong(CloseFrame { code: CloseCode(u16::from_be_bytes(*code)), reason: reason.into() }))
}

/// A close frame's payload (RFC 6455 section 5.5.1).
fn close_frame(mut payload: Bytes) -> Result<Option<CloseFrame>, ProtocolError> {
    match payload.len() {
        0 => Ok(None),
        1 => Err(ProtocolError::CloseTooShort),
        _ => {
            let code = CloseCode(payload.get_u16());
            let (reason, is_utf8) = match ByteString::try_from(payload.clone()) {
                Ok(reason) => (reason, true),
                Err(_) => (String::from_utf8_lossy(&payload).into_owned().into(), false),
            };
            match (CloseFrame { code, reason }, is_utf8) {
                (frame, _) if !code.is_allowed_on_wire() => Err(ProtocolError::CloseCodeInvalid(frame)),
                (frame, false) => Err(ProtocolError::CloseReasonInvalid(frame)),
                (frame, true) => Ok(Some(frame)),
            }
        }
    }
}
