use std::fmt;

use crate::{CloseCode, CloseFrame};

/// The reason why the peer's bytes were refused: one variant per rule of RFC 6455 or limit.
///
/// When [`Connection`](crate::Connection) returns one, it has queued a close frame with the fitting code.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A reserved bit is set that no negotiated extension gives a meaning to (section 5.2).
    ReservedBits,
    /// An opcode without a meaning: 3-7 or 11-15 (section 5.2).
    ReservedOpcode(u8),
    /// A client's frame is not masked (section 5.1).
    MaskMissing,
    /// A server's frame is masked (section 5.1).
    MaskUnexpected,
    /// The payload length is not in its shortest form (section 5.2).
    LengthNotMinimal,
    /// The 64-bit payload length has its highest bit set (section 5.2).
    LengthOverflow,
    /// A control frame is a fragment (section 5.5).
    ControlFragmented,
    /// A control frame's payload is longer than 125 bytes (section 5.5).
    ControlTooLong,
    /// A continuation frame without a message to continue (section 5.4).
    ContinuationUnexpected,
    /// A new message while a fragmented one is not finished (section 5.4).
    ContinuationMissing,
    /// A frame is longer than [`Limits::max_frame`](crate::Limits::max_frame).
    FrameTooLarge {
        /// Bytes that the header announces.
        length: u64,
        /// Bytes allowed.
        limit: usize,
    },
    /// A message is longer than [`Limits::max_message`](crate::Limits::max_message).
    MessageTooLarge {
        /// Bytes allowed.
        limit: usize,
    },
    /// A message has more frames than [`Limits::max_fragments`](crate::Limits::max_fragments).
    TooManyFragments {
        /// Frames allowed.
        limit: usize,
    },
    /// A compressed message inflates beyond [`Limits::max_message`](crate::Limits::max_message).
    InflatedTooLarge {
        /// Bytes allowed.
        limit: usize,
    },
    /// A compressed message inflates to more than [`Deflate::max_ratio`](crate::Deflate::max_ratio) times its size.
    InflatedTooFar {
        /// The ratio allowed.
        limit: u32,
    },
    /// A compressed message that is not valid deflate data (RFC 7692 section 7.2.2, RFC 1951).
    InvalidDeflate,
    /// Text that is not UTF-8 (section 8.1).
    InvalidUtf8,
    /// A close frame with a payload of one byte (section 5.5.1).
    CloseTooShort,
    /// A close frame whose payload is longer than 125 bytes (section 5.5): its code, and the start of its reason.
    CloseTooLong(CloseFrame),
    /// A close frame with a code that is not allowed on the wire (section 7.4): the code, and as much of the reason as
    /// is UTF-8.
    CloseCodeInvalid(CloseFrame),
    /// A close frame with a reason that is not UTF-8 (section 5.5.1): its code, which is valid, and as much of the
    /// reason as is UTF-8.
    CloseReasonInvalid(CloseFrame),
}

impl ProtocolError {
    /// The close code that tells the peer: 1002, 1007 or 1009.
    #[must_use]
    pub fn close_code(&self) -> CloseCode {
        match self {
            Self::ReservedBits
            | Self::ReservedOpcode(_)
            | Self::MaskMissing
            | Self::MaskUnexpected
            | Self::LengthNotMinimal
            | Self::LengthOverflow
            | Self::ControlFragmented
            | Self::ControlTooLong
            | Self::ContinuationUnexpected
            | Self::ContinuationMissing
            | Self::CloseTooShort
            | Self::CloseTooLong(_)
            | Self::CloseCodeInvalid(_) => CloseCode::PROTOCOL_ERROR,
            Self::InvalidUtf8 | Self::CloseReasonInvalid(_) | Self::InvalidDeflate => CloseCode::INVALID_PAYLOAD,
            Self::FrameTooLarge { .. }
            | Self::MessageTooLarge { .. }
            | Self::TooManyFragments { .. }
            | Self::InflatedTooLarge { .. }
            | Self::InflatedTooFar { .. } => CloseCode::MESSAGE_TOO_BIG,
        }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReservedBits => f.write_str("reserved bit set without an extension"),
            Self::ReservedOpcode(opcode) => write!(f, "reserved opcode {opcode}"),
            Self::MaskMissing => f.write_str("client frame without a mask"),
            Self::MaskUnexpected => f.write_str("server frame with a mask"),
            Self::LengthNotMinimal => f.write_str("payload length not in its shortest form"),
            Self::LengthOverflow => f.write_str("payload length with its highest bit set"),
            Self::ControlFragmented => f.write_str("fragmented control frame"),
            Self::ControlTooLong => f.write_str("control frame longer than 125 bytes"),
            Self::ContinuationUnexpected => f.write_str("continuation without a message"),
            Self::ContinuationMissing => f.write_str("new message inside a fragmented one"),
            Self::FrameTooLarge { length, limit } => {
                write!(f, "frame of {length} bytes is over the limit of {limit}")
            }
            Self::MessageTooLarge { limit } => write!(f, "message over the limit of {limit} bytes"),
            Self::TooManyFragments { limit } => write!(f, "message of more than {limit} frames"),
            Self::InflatedTooLarge { limit } => write!(f, "message inflates over the limit of {limit} bytes"),
            Self::InflatedTooFar { limit } => write!(f, "message inflates to more than {limit} times its size"),
            Self::InvalidDeflate => f.write_str("compressed message is not deflate data"),
            Self::InvalidUtf8 => f.write_str("text is not UTF-8"),
            Self::CloseTooShort => f.write_str("close frame with half a code"),
            Self::CloseTooLong(CloseFrame { code, reason }) => {
                write!(f, "close frame longer than 125 bytes; with code {}: {reason}…", code.0)
            }
            Self::CloseCodeInvalid(CloseFrame { code, reason }) if reason.is_empty() => {
                write!(f, "close code {} is not allowed on the wire", code.0)
            }
            Self::CloseCodeInvalid(CloseFrame { code, reason }) => {
                write!(f, "close code {} is not allowed on the wire; its reason: {reason}", code.0)
            }
            Self::CloseReasonInvalid(CloseFrame { code, reason }) => {
                write!(f, "close reason is not UTF-8; with code {}: {reason}", code.0)
            }
        }
    }
}

impl std::error::Error for ProtocolError {}
