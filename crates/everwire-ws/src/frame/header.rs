//! The frame header.

use super::{Key, MAX_CONTROL, Opcode};
use crate::ProtocolError;

/// The bit of a message's last frame, at its place in a frame's first byte.
pub(crate) const FIN: u8 = 0x80;

/// The bit of a masked frame, at its place in a frame's second byte.
pub(crate) const MASKED: u8 = 0x80;

/// The reserved bit of permessage-deflate, at its place in a frame's first byte.
pub(crate) const RSV1: u8 = 0x40;

/// What the receiving side asks of every header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Frames must be masked (a server receives), or must not be (a client receives).
    pub(crate) masked: bool,
    /// Reserved bits that may stand in the first frame of a message, by the negotiated extensions.
    pub(crate) reserved_bits: u8,
}

/// One frame's header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) fin: bool,
    /// RSV1: the message that starts here is compressed (RFC 7692 section 6).
    pub(crate) compressed: bool,
    pub(crate) opcode: Opcode,
    pub(crate) key: Option<Key>,
    /// Bytes of payload; the highest bit is clear.
    pub(crate) length: u64,
    /// Bytes of the header itself.
    pub(crate) size: usize,
}

impl Header {
    /// Reads the header at the start of `input`; `None` while it is not complete. A rule that the first bytes break
    /// fails at once.
    #[inline]
    pub(crate) fn parse(input: &[u8], rules: Rules) -> Result<Option<Self>, ProtocolError> {
        let &[first, second, ..] = input else {
            return match input {
                [first] => Opcode::of(*first, rules).map(|_| None),
                _ => Ok(None),
            };
        };
        let fin = first & 0x80 != 0;
        let compressed = first & RSV1 != 0;
        let opcode = Opcode::of(first, rules)?;
        if (second & 0x80 != 0) != rules.masked {
            return Err(if rules.masked { ProtocolError::MaskMissing } else { ProtocolError::MaskUnexpected });
        }
        let short = second & 0x7f;
        if opcode.is_control() && usize::from(short) > MAX_CONTROL {
            return Err(ProtocolError::ControlTooLong);
        }
        let (length, after) = match short {
            126 => {
                let Some(bytes) = input[2..].first_chunk() else { return Ok(None) };
                (shortest(u16::from_be_bytes(*bytes).into(), 126)?, 4)
            }
            127 => {
                let Some(bytes) = input[2..].first_chunk() else { return Ok(None) };
                let length = u64::from_be_bytes(*bytes);
                if length >> 63 != 0 {
                    return Err(ProtocolError::LengthOverflow);
                }
                (shortest(length, 1 << 16)?, 10)
            }
            _ => (u64::from(short), 2),
        };
        if !rules.masked {
            return Ok(Some(Self { fin, compressed, opcode, key: None, length, size: after }));
        }
        let Some(key) = input[after..].first_chunk() else { return Ok(None) };
        Ok(Some(Self { fin, compressed, opcode, key: Some(*key), length, size: after + 4 }))
    }
}

impl Opcode {
    #[inline]
    pub(crate) fn is_control(self) -> bool {
        self as u8 >= 8
    }

    /// What a frame's first byte says, checked.
    #[inline]
    fn of(first: u8, rules: Rules) -> Result<Self, ProtocolError> {
        let opcode = match first & 0x0f {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            reserved => return Err(ProtocolError::ReservedOpcode(reserved)),
        };
        let reserved_bits = first & 0x70;
        let starts_message = matches!(opcode, Self::Text | Self::Binary);
        if reserved_bits != 0 && (!starts_message || reserved_bits & !rules.reserved_bits != 0) {
            return Err(ProtocolError::ReservedBits);
        }
        if opcode.is_control() && first & 0x80 == 0 {
            return Err(ProtocolError::ControlFragmented);
        }
        Ok(opcode)
    }
}

#[inline]
fn shortest(length: u64, least: u64) -> Result<u64, ProtocolError> {
    if length < least { Err(ProtocolError::LengthNotMinimal) } else { Ok(length) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM_SERVER: Rules = Rules { masked: false, reserved_bits: 0 };
    const FROM_CLIENT: Rules = Rules { masked: true, reserved_bits: 0 };

    fn error(input: &[u8], rules: Rules) -> ProtocolError {
        Header::parse(input, rules).unwrap_err()
    }

    #[test]
    fn a_header_is_complete_only_with_its_last_byte() {
        for header in [&[0x82, 5][..], &[0x82, 126, 1, 0], &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]] {
            for cut in 0..header.len() {
                assert!(Header::parse(&header[..cut], FROM_SERVER).unwrap().is_none());
            }
            let parsed = Header::parse(header, FROM_SERVER).unwrap().unwrap();
            assert_eq!(parsed.size, header.len());
        }
        let masked = [0x81, 0x80 | 126, 1, 0, 9, 8, 7, 6];
        assert!(Header::parse(&masked[..7], FROM_CLIENT).unwrap().is_none());
        let parsed = Header::parse(&masked, FROM_CLIENT).unwrap().unwrap();
        assert_eq!((parsed.length, parsed.key, parsed.size), (256, Some([9, 8, 7, 6]), 8));
    }

    #[test]
    fn reserved_opcodes_fail_at_the_first_byte() {
        for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
            assert_eq!(error(&[0x80 | opcode], FROM_SERVER), ProtocolError::ReservedOpcode(opcode));
        }
    }

    #[test]
    fn reserved_bits_fail_unless_negotiated_and_on_a_messages_first_frame() {
        for bit in [0x10, 0x20, 0x40] {
            assert_eq!(error(&[0x81 | bit], FROM_SERVER), ProtocolError::ReservedBits);
        }
        let deflate = Rules { masked: false, reserved_bits: 0x40 };
        assert!(Header::parse(&[0xc1, 0], deflate).unwrap().is_some());
        assert_eq!(error(&[0xe1], deflate), ProtocolError::ReservedBits);
        assert_eq!(error(&[0xc0], deflate), ProtocolError::ReservedBits);
        assert_eq!(error(&[0xc9], deflate), ProtocolError::ReservedBits);
    }

    #[test]
    fn a_client_must_mask_and_a_server_must_not() {
        assert_eq!(error(&[0x81, 0x05], FROM_CLIENT), ProtocolError::MaskMissing);
        assert_eq!(error(&[0x81, 0x85], FROM_SERVER), ProtocolError::MaskUnexpected);
    }

    #[test]
    fn control_frames_are_whole_and_short() {
        for opcode in [8, 9, 10] {
            assert_eq!(error(&[opcode], FROM_SERVER), ProtocolError::ControlFragmented);
            assert_eq!(error(&[0x80 | opcode, 126], FROM_SERVER), ProtocolError::ControlTooLong);
            assert_eq!(error(&[0x80 | opcode, 127], FROM_SERVER), ProtocolError::ControlTooLong);
            assert!(Header::parse(&[0x80 | opcode, 125], FROM_SERVER).unwrap().is_some());
        }
    }

    #[test]
    fn a_length_must_have_its_shortest_form() {
        assert_eq!(error(&[0x82, 126, 0, 125], FROM_SERVER), ProtocolError::LengthNotMinimal);
        let mut long = [0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
        assert_eq!(error(&long, FROM_SERVER), ProtocolError::LengthNotMinimal);
        long[2] = 0x80;
        assert_eq!(error(&long, FROM_SERVER), ProtocolError::LengthOverflow);
    }
}
