//! From messages to bytes, many frames in one buffer.

use bytes::{Bytes, BytesMut};

use crate::decode::release_buffer;
use crate::frame::{MAX_CONTROL, MaskKeys, Opcode, RSV1, apply_mask};

/// The sending half of a connection.
#[derive(Debug)]
pub(crate) struct Encoder {
    /// A client's; a server does not mask.
    keys: Option<Box<MaskKeys>>,
    output: BytesMut,
    queued_total: u64,
}

const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;
/// The longest header, masking key included.
const MAX_HEADER: usize = 14;

impl Encoder {
    pub(crate) fn new(keys: Option<Box<MaskKeys>>) -> Self {
        Self { keys, output: BytesMut::new(), queued_total: 0 }
    }

    pub(crate) fn output(&mut self) -> &mut BytesMut {
        &mut self.output
    }

    /// Bytes that the transport has not taken.
    pub(crate) fn buffered(&self) -> usize {
        self.output.len()
    }

    /// Bytes ever encoded.
    pub(crate) fn queued_total(&self) -> u64 {
        self.queued_total
    }

    pub(crate) fn release_memory(&mut self) {
        release_buffer(&mut self.output);
    }

    /// Encodes one unfragmented frame.
    #[inline]
    pub(crate) fn frame(&mut self, opcode: Opcode, payload: &[u8]) {
        debug_assert!(!opcode.is_control() || payload.len() <= MAX_CONTROL);
        self.payload(FIN | opcode as u8, payload);
    }

    /// Encodes one message in a frame whose payload is compressed.
    pub(crate) fn compressed(&mut self, opcode: Opcode, payload: &[u8]) {
        self.payload(FIN | RSV1 | opcode as u8, payload);
    }

    /// Appends a frame that was encoded elsewhere.
    pub(crate) fn encoded(&mut self, frame: &[u8]) {
        self.output.extend_from_slice(frame);
        self.queued_total += frame.len() as u64;
    }

    /// Encodes one unfragmented frame whose payload stands in two places.
    #[inline]
    pub(crate) fn joined(&mut self, opcode: Opcode, prefix: &[u8], payload: &[u8]) {
        let before = self.output.len();
        let length = prefix.len() + payload.len();
        self.output.reserve(length + MAX_HEADER);
        let mask_bit = if self.keys.is_some() { MASKED } else { 0 };
        put_header(&mut self.output, FIN | opcode as u8, mask_bit, length);
        let key = self.keys.as_mut().map(|keys| keys.next_key());
        if let Some(key) = key {
            self.output.extend_from_slice(&key);
        }
        let start = self.output.len();
        self.output.extend_from_slice(prefix);
        self.output.extend_from_slice(payload);
        if let Some(key) = key {
            apply_mask(&mut self.output[start..], key);
        }
        self.queued_total += (self.output.len() - before) as u64;
    }

    #[inline]
    fn payload(&mut self, first: u8, payload: &[u8]) {
        let before = self.output.len();
        self.output.reserve(payload.len() + MAX_HEADER);
        put_header(&mut self.output, first, if self.keys.is_some() { MASKED } else { 0 }, payload.len());
        if let Some(keys) = &mut self.keys {
            let key = keys.next_key();
            self.output.extend_from_slice(&key);
            let start = self.output.len();
            self.output.extend_from_slice(payload);
            apply_mask(&mut self.output[start..], key);
        } else {
            self.output.extend_from_slice(payload);
        }
        self.queued_total += (self.output.len() - before) as u64;
    }
}

/// A server's frame by itself.
pub(crate) fn server_frame(opcode: Opcode, compressed: bool, payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(payload.len() + MAX_HEADER);
    let rsv1 = if compressed { RSV1 } else { 0 };
    put_header(&mut frame, FIN | rsv1 | opcode as u8, 0, payload.len());
    frame.extend_from_slice(payload);
    frame.freeze()
}

#[inline]
fn put_header(output: &mut BytesMut, first: u8, mask_bit: u8, length: usize) {
    match length {
        length @ 0..126 => output.extend_from_slice(&[first, mask_bit | length as u8]),
        length @ 126..=0xffff => {
            let [a, b] = (length as u16).to_be_bytes();
            output.extend_from_slice(&[first, mask_bit | 126, a, b]);
        }
        length => {
            output.extend_from_slice(&[first, mask_bit | 127]);
            output.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}
