//! Masking (RFC 6455 section 5.3).

use std::fmt;

use chacha20::ChaCha12Rng;
use chacha20::rand_core::{Rng, SeedableRng};

/// A masking key, in the order of the wire.
pub(crate) type Key = [u8; 4];

/// XORs `data` with `key`, in words that the compiler turns into vector instructions.
#[inline]
pub(crate) fn apply_mask(data: &mut [u8], key: Key) {
    let half = u64::from(u32::from_ne_bytes(key));
    let word = (half << 32) | half;
    let (blocks, rest) = data.as_chunks_mut::<32>();
    for block in blocks {
        for lane in block.as_chunks_mut::<8>().0 {
            *lane = (u64::from_ne_bytes(*lane) ^ word).to_ne_bytes();
        }
    }
    let (lanes, rest) = rest.as_chunks_mut::<8>();
    for lane in lanes {
        *lane = (u64::from_ne_bytes(*lane) ^ word).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(word.to_ne_bytes()) {
        *byte ^= key;
    }
}

/// Writes `from`, XORed with `key`, into `into`, which is as long. What was just stored in small pieces is not read again in
/// large ones, which processors are slow at.
#[inline]
pub(crate) fn copy_masked(into: &mut [u8], from: &[u8], key: Key) {
    let half = u64::from(u32::from_ne_bytes(key));
    let word = (half << 32) | half;
    let (blocks, rest) = into.as_chunks_mut::<32>();
    let (from_blocks, from_rest) = from.as_chunks::<32>();
    for (block, from) in blocks.iter_mut().zip(from_blocks) {
        copy_lanes(block.as_chunks_mut::<8>().0, from.as_chunks::<8>().0, word);
    }
    let (lanes, rest) = rest.as_chunks_mut::<8>();
    let (from_lanes, from_rest) = from_rest.as_chunks::<8>();
    copy_lanes(lanes, from_lanes, word);
    for ((byte, from), key) in rest.iter_mut().zip(from_rest).zip(word.to_ne_bytes()) {
        *byte = from ^ key;
    }
}

#[inline]
fn copy_lanes(into: &mut [[u8; 8]], from: &[[u8; 8]], word: u64) {
    for (lane, from) in into.iter_mut().zip(from) {
        *lane = (u64::from_ne_bytes(*from) ^ word).to_ne_bytes();
    }
}

/// The key for the payload behind the first `bytes` bytes.
#[inline]
pub(crate) fn rotated(key: Key, bytes: usize) -> Key {
    u32::from_le_bytes(key).rotate_right(8 * (bytes % 4) as u32).to_le_bytes()
}

/// The source of unpredictable masking keys (section 10.3): a cryptographic generator, run a block at a time.
pub(crate) struct MaskKeys(ChaCha12Rng);

impl MaskKeys {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self(ChaCha12Rng::from_seed(seed))
    }

    #[inline]
    pub(crate) fn next_key(&mut self) -> Key {
        self.0.next_u32().to_ne_bytes()
    }
}

impl fmt::Debug for MaskKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaskKeys")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masking_equals_the_byte_by_byte_definition_at_every_length() {
        let key = [0x12, 0x9b, 0x00, 0xff];
        for len in 0..200 {
            let mut data: Vec<u8> = (0..len as u8).collect();
            let expected: Vec<u8> = data.iter().enumerate().map(|(i, b)| b ^ key[i % 4]).collect();
            for split in 0..=len.min(20) {
                let mut copied = vec![7; len];
                let (front, rest) = copied.split_at_mut(split);
                copy_masked(front, &data[..split], key);
                copy_masked(rest, &data[split..], rotated(key, split));
                assert_eq!(copied, expected, "{split} of {len}");
            }
            apply_mask(&mut data, key);
            assert_eq!(data, expected);
        }
    }

    #[test]
    fn keys_are_drawn_from_the_seed_and_do_not_repeat() {
        let draw = |seed: u8| -> Vec<Key> {
            let mut keys = MaskKeys::new([seed; 32]);
            (0..1000).map(|_| keys.next_key()).collect()
        };
        let keys = draw(1);
        assert_eq!(keys, draw(1));
        assert_ne!(keys, draw(2));
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        assert!(distinct.len() > 995);
    }
}
