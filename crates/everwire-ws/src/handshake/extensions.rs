use crate::Agreement;
use crate::frame::RSV1;

/// The extensions that both sides have agreed on (RFC 6455 section 9).
///
/// A reserved bit that no agreed extension defines is a protocol error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Extensions {
    /// permessage-deflate (RFC 7692). Default: messages are not compressed.
    pub deflate: Option<Agreement>,
}

impl Extensions {
    /// The reserved bits, at their place in a frame's first byte, that these extensions give a meaning to.
    pub(crate) fn reserved_bits(&self) -> u8 {
        let Self { deflate } = self;
        if deflate.is_some() { RSV1 } else { 0 }
    }
}
