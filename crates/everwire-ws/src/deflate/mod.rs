//! permessage-deflate (RFC 7692): its negotiation as values, and the two directions of a connection that uses it.

mod deflater;
mod inflater;
mod negotiation;
mod prepared;
mod settings;

pub(crate) use deflater::Deflater;
pub(crate) use inflater::Inflater;
pub(crate) use negotiation::{answer_to, check_answer, offer};
pub use prepared::Prepared;
pub use settings::{Agreement, Compress, Deflate, WindowBits};

/// What ends every message's compressed data on the inside, and is left out on the wire (RFC 7692 section 7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

#[cfg(test)]
mod tests;
