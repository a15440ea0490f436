//! What stands before the payload of a data frame.

use std::fmt;
use std::ops::Deref;

/// The highest sequence number: what every JSON and JavaScript implementation can hold exactly.
pub const MAX_SEQUENCE: u64 = (1 << 53) - 1;

/// The bytes before the payload of a data frame; none on a plain connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Prefix(Kind);

/// The digits are made where they are needed: a number is moved for less than they are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    None,
    Volatile,
    Reliable(u64),
}

/// The bytes of a [`Prefix`], in ASCII.
#[derive(Clone, Copy)]
pub struct PrefixBytes {
    bytes: [u8; 24],
    length: u8,
}

impl Prefix {
    /// The empty prefix of a plain connection.
    pub const NONE: Self = Self(Kind::None);

    /// The prefix of a volatile frame, `v:`.
    pub const VOLATILE: Self = Self(Kind::Volatile);

    /// The prefix of a reliable frame, `m<seq>:`; `seq` is at most [`MAX_SEQUENCE`].
    #[inline]
    #[must_use]
    pub fn reliable(seq: u64) -> Self {
        Self(Kind::Reliable(seq.min(MAX_SEQUENCE)))
    }

    /// The bytes on the wire.
    #[inline]
    #[must_use]
    pub fn to_bytes(self) -> PrefixBytes {
        match self.0 {
            Kind::None => PrefixBytes { bytes: [0; 24], length: 0 },
            Kind::Volatile => PrefixBytes { bytes: padded((u128::from(b':') << 8) | u128::from(b'v')), length: 2 },
            Kind::Reliable(seq) => PrefixBytes::reliable(seq),
        }
    }
}

impl PrefixBytes {
    #[inline]
    fn reliable(seq: u64) -> Self {
        let (high, low) = (seq / 100_000_000, seq % 100_000_000);
        if high > 0 {
            return Self::long(high, low);
        }
        // All in one word, which is stored and read at once: byte by byte it would cost several times as much.
        let (digits, count) = without_zeros(eight_digits(low));
        let word = (u128::from(digits) << 8) | u128::from(b'm') | (u128::from(b':') << (8 * (count + 1)));
        Self { bytes: padded(word), length: count as u8 + 2 }
    }

    #[cold]
    fn long(high: u64, low: u64) -> Self {
        let (digits, count) = without_zeros(eight_digits(high));
        let mut bytes = padded((u128::from(digits) << 8) | u128::from(b'm'));
        let behind = 1 + count as usize;
        bytes[behind..behind + 8].copy_from_slice(&eight_digits(low).to_le_bytes());
        bytes[behind + 8] = b':';
        Self { bytes, length: behind as u8 + 9 }
    }
}

impl Deref for PrefixBytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prefix({})", String::from_utf8_lossy(&self.to_bytes()))
    }
}

impl fmt::Debug for PrefixBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self))
    }
}

/// The lowest byte is the first.
#[inline]
fn padded(word: u128) -> [u8; 24] {
    let mut bytes = [0; 24];
    bytes[..16].copy_from_slice(&word.to_le_bytes());
    bytes
}

/// A number below 10^8 as ASCII, the first digit in the lowest byte: halves, quarters and digits are parted side by side,
/// each division by a multiplication that is exact for numbers so small.
#[inline]
fn eight_digits(number: u64) -> u64 {
    let halves = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = ((halves * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let quarters = hundreds | ((halves - 100 * hundreds) << 16);
    let tens = ((quarters * 103) >> 10) & 0x000f_000f_000f_000f;
    let digits = tens | ((quarters - 10 * tens) << 8);
    digits | 0x3030_3030_3030_3030
}

/// The digits from the first that is not a zero on, one at least, and how many they are.
#[inline]
fn without_zeros(digits: u64) -> (u64, u32) {
    // The last one stays, whatever it is.
    let zeros = (((digits ^ 0x3030_3030_3030_3030) | (1 << 63)).trailing_zeros() / 8).min(7);
    (digits >> (8 * zeros), 8 - zeros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_the_letter_the_number_and_a_colon() {
        let around = |seq: u64| seq.saturating_sub(120).max(1)..=(seq + 120).min(MAX_SEQUENCE);
        let powers = (0..16).map(|power| 10_u64.pow(power));
        let seqs = (1..=20_000).chain(powers.flat_map(around)).chain(around(123_456_789)).chain(around(MAX_SEQUENCE));
        for seq in seqs {
            assert_eq!(&*Prefix::reliable(seq).to_bytes(), format!("m{seq}:").as_bytes());
        }
        for number in (0..100_000_000).step_by(9_973) {
            assert_eq!(eight_digits(number).to_le_bytes(), format!("{number:08}").as_bytes());
        }
        assert_eq!(Prefix::reliable(u64::MAX), Prefix::reliable(MAX_SEQUENCE));
        assert_eq!(&*Prefix::VOLATILE.to_bytes(), b"v:");
        assert_eq!(&*Prefix::NONE.to_bytes(), b"");
    }
}
