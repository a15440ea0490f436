//! Bytes that the transport has not taken.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};

use crate::decode::release_buffer;

/// What was encoded here, and between it large payloads that stay where they are: nobody copies them.
#[derive(Debug, Default)]
pub(crate) struct Output {
    /// In front of `tail`, in the order of the wire. None of them is empty.
    pieces: VecDeque<Bytes>,
    /// Bytes of all `pieces`.
    in_pieces: usize,
    tail: BytesMut,
}

impl Output {
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.in_pieces + self.tail.len()
    }

    /// Where to append.
    #[inline]
    pub(crate) fn tail(&mut self) -> &mut BytesMut {
        &mut self.tail
    }

    /// Appends by reference.
    pub(crate) fn push(&mut self, piece: Bytes) {
        self.seal_tail();
        self.push_piece(piece);
    }

    /// All of it in one buffer. Only pieces that stood elsewhere make this more than a look.
    #[inline]
    pub(crate) fn gathered(&mut self) -> &mut BytesMut {
        if !self.pieces.is_empty() {
            self.gather();
        }
        &mut self.tail
    }

    pub(crate) fn release_memory(&mut self) {
        if self.pieces.is_empty() {
            self.pieces = VecDeque::new();
        }
        release_buffer(&mut self.tail);
    }

    fn gather(&mut self) {
        let mut all = BytesMut::with_capacity(self.len());
        for piece in self.pieces.drain(..) {
            all.extend_from_slice(&piece);
        }
        all.extend_from_slice(&self.tail);
        self.in_pieces = 0;
        self.tail = all;
    }

    fn seal_tail(&mut self) {
        let sealed = self.tail.split().freeze();
        self.push_piece(sealed);
    }

    fn push_piece(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.in_pieces += piece.len();
            self.pieces.push_back(piece);
        }
    }
}

impl Buf for Output {
    fn remaining(&self) -> usize {
        self.len()
    }

    fn chunk(&self) -> &[u8] {
        self.pieces.front().map_or(&self.tail[..], |piece| piece)
    }

    fn chunks_vectored<'a>(&'a self, into: &mut [IoSlice<'a>]) -> usize {
        let tail = Some(&self.tail[..]).filter(|tail| !tail.is_empty());
        let all = self.pieces.iter().map(|piece| &piece[..]).chain(tail);
        into.iter_mut().zip(all).map(|(slot, piece)| *slot = IoSlice::new(piece)).count()
    }

    /// Never beyond the end, whatever the caller says.
    fn advance(&mut self, mut count: usize) {
        while count > 0
            && let Some(piece) = self.pieces.front_mut()
        {
            let taken = count.min(piece.len());
            piece.advance(taken);
            if piece.is_empty() {
                self.pieces.pop_front();
            }
            self.in_pieces -= taken;
            count -= taken;
        }
        self.tail.advance(count.min(self.tail.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output() -> Output {
        let mut output = Output::default();
        output.tail().extend_from_slice(b"ab");
        output.push(Bytes::from_static(b"CDE"));
        output.push(Bytes::from_static(b"F"));
        output.tail().extend_from_slice(b"gh");
        output
    }

    fn slices(output: &Output, most: usize) -> Vec<Vec<u8>> {
        let mut slices = vec![IoSlice::new(&[]); most];
        let count = output.chunks_vectored(&mut slices);
        slices[..count].iter().map(|slice| slice.to_vec()).collect()
    }

    #[test]
    fn pieces_keep_their_place_among_what_is_appended() {
        let mut output = output();
        assert_eq!(slices(&output, 8), [&b"ab"[..], b"CDE", b"F", b"gh"]);
        assert_eq!(slices(&output, 2), [&b"ab"[..], b"CDE"]);
        assert_eq!(output.len(), 8);
        assert_eq!(output.gathered(), &b"abCDEFgh"[..]);
        assert_eq!(output.len(), 8);
    }

    #[test]
    fn whatever_is_taken_the_rest_follows_in_order() {
        for first in 0..=8 {
            for second in 0..=8 - first {
                let mut output = output();
                output.advance(first);
                output.advance(second);
                assert_eq!(output.len(), 8 - first - second);
                assert_eq!(slices(&output, 8).concat(), &b"abCDEFgh"[first + second..]);
                assert_eq!(output.chunk().is_empty(), first + second == 8);
            }
        }
    }

    #[test]
    fn what_is_appended_after_a_write_comes_last() {
        let mut output = output();
        output.advance(3);
        output.push(Bytes::from_static(b"IJ"));
        output.tail().extend_from_slice(b"k");
        assert_eq!(output.gathered(), &b"DEFghIJk"[..]);
    }
}
