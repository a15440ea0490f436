//! From messages to bytes, many frames in one buffer.

use bytes::{Bytes, BytesMut};

use crate::frame::{FIN, Key, MASKED, MAX_CONTROL, MAX_HEADER, MaskKeys, Opcode, RSV1, copy_masked, rotated};
use crate::message::Message;
use crate::output::Output;

/// The sending half of a connection.
#[derive(Debug)]
pub(crate) struct Encoder {
    /// A client's; a server does not mask.
    keys: Option<Box<MaskKeys>>,
    output: Output,
    queued_total: u64,
}

/// The header of a client's frame of less than 126 bytes.
const SMALL_HEADER: usize = 6;

/// From this length on, a payload that needs no masking goes out by reference: a copy costs more than one more slice in
/// a vectored write.
const WORTH_SHARING: usize = 16 << 10;

/// So much of a long payload is masked at once: its place is then still in the fastest cache.
const MASKED_AT_ONCE: usize = 4 << 10;

impl Encoder {
    pub(crate) fn new(keys: Option<Box<MaskKeys>>) -> Self {
        Self { keys, output: Output::default(), queued_total: 0 }
    }

    pub(crate) fn output(&mut self) -> &mut Output {
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
        self.output.release_memory();
    }

    /// Encodes one unfragmented frame.
    #[inline]
    pub(crate) fn frame(&mut self, opcode: Opcode, payload: &[u8]) {
        debug_assert!(!opcode.is_control() || payload.len() <= MAX_CONTROL);
        self.copied(FIN | opcode as u8, &[], payload);
    }

    /// Encodes one message in a frame whose payload is compressed.
    pub(crate) fn compressed(&mut self, opcode: Opcode, payload: &[u8]) {
        self.copied(FIN | RSV1 | opcode as u8, &[], payload);
    }

    /// Encodes one message in one frame, behind a prefix.
    #[inline]
    pub(crate) fn message(&mut self, opcode: Opcode, prefix: &[u8], payload: &Bytes) {
        if payload.len() >= WORTH_SHARING && self.keys.is_none() {
            self.shared(FIN | opcode as u8, prefix, payload);
        } else {
            self.copied(FIN | opcode as u8, prefix, payload);
        }
    }

    /// Encodes one frame of a message that has several.
    pub(crate) fn fragment(&mut self, opcode: Opcode, compressed: bool, fin: bool, prefix: &[u8], payload: &Bytes) {
        let first = if fin { FIN } else { 0 } | if compressed { RSV1 } else { 0 } | opcode as u8;
        if payload.len() >= WORTH_SHARING && self.keys.is_none() {
            self.shared(first, prefix, payload);
        } else {
            self.copied(first, prefix, payload);
        }
    }

    /// Appends a frame that was encoded elsewhere.
    pub(crate) fn encoded(&mut self, frame: &Bytes) {
        if frame.len() >= WORTH_SHARING {
            self.output.push(frame.clone());
        } else {
            self.output.tail().extend_from_slice(frame);
        }
        self.queued_total += frame.len() as u64;
    }

    #[inline]
    fn copied(&mut self, first: u8, prefix: &[u8], payload: &[u8]) {
        let length = prefix.len() + payload.len();
        let output = self.output.tail();
        let before = output.len();
        if let Some(keys) = &mut self.keys {
            let mut key = keys.next_key();
            if length < 126 {
                put_small_masked(output, first, prefix, payload, key);
                self.queued_total += (SMALL_HEADER + length) as u64;
                return;
            }
            output.reserve(length + MAX_HEADER);
            put_masked_header(output, first, length, key);
            if !prefix.is_empty() {
                put_masked(output, prefix, key);
                key = rotated(key, prefix.len());
            }
            put_masked(output, payload, key);
        } else {
            output.reserve(length + MAX_HEADER);
            put_header(output, first, 0, length);
            output.extend_from_slice(prefix);
            output.extend_from_slice(payload);
        }
        self.queued_total += (output.len() - before) as u64;
    }

    #[inline(never)] // out of the way of small messages
    fn shared(&mut self, first: u8, prefix: &[u8], payload: &Bytes) {
        let output = self.output.tail();
        let before = output.len();
        put_header(output, first, 0, prefix.len() + payload.len());
        output.extend_from_slice(prefix);
        self.queued_total += (output.len() - before + payload.len()) as u64;
        self.output.push(payload.clone());
    }
}

/// A client's frame of less than 126 bytes of payload: its place is made once, and then filled.
#[inline]
fn put_small_masked(output: &mut BytesMut, first: u8, prefix: &[u8], payload: &[u8], key: Key) {
    let length = prefix.len() + payload.len();
    let start = output.len();
    output.resize(start + SMALL_HEADER + length, 0);
    let Some((header, body)) = output[start..].split_first_chunk_mut::<SMALL_HEADER>() else { return };
    let [a, b, c, d] = key;
    *header = [first, MASKED | length as u8, a, b, c, d];
    let (into_prefix, into_payload) = body.split_at_mut(prefix.len());
    if prefix.is_empty() {
        copy_masked(into_payload, payload, key);
    } else {
        copy_masked(into_prefix, prefix, key);
        copy_masked(into_payload, payload, rotated(key, prefix.len()));
    }
}

/// A client's header, which ends with the masking key.
#[inline]
fn put_masked_header(output: &mut BytesMut, first: u8, length: usize, key: Key) {
    put_header(output, first, MASKED, length);
    output.extend_from_slice(&key);
}

#[inline]
fn put_masked(output: &mut BytesMut, payload: &[u8], key: Key) {
    for piece in payload.chunks(MASKED_AT_ONCE) {
        let start = output.len();
        output.resize(start + piece.len(), 0);
        copy_masked(&mut output[start..], piece, key);
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

pub(crate) fn data_opcode(message: &Message) -> Opcode {
    match message {
        Message::Text(_) => Opcode::Text,
        Message::Binary(_) => Opcode::Binary,
    }
}
