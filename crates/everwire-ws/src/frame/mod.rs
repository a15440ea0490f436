//! The wire format of one frame (RFC 6455 section 5.2): header and mask.

mod header;
mod mask;

pub(crate) use header::{FIN, Header, MASKED, RSV1, Rules};
pub(crate) use mask::{Key, MaskKeys, apply_mask, copy_masked, rotated};

/// Longest payload of a control frame (section 5.5).
pub(crate) const MAX_CONTROL: usize = 125;

/// The longest header, masking key included.
pub(crate) const MAX_HEADER: usize = 14;

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}
