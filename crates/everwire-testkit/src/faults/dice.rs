//! Chance, by seed.

use std::ops::RangeInclusive;
use std::time::Duration;

use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// A generator that is small, because each connection has some.
#[derive(Clone, Debug)]
pub(super) struct Dice(SplitMix64);

impl Dice {
    /// Dice of their own for every distinct list of `keys`.
    pub(super) fn new(seed: u64, keys: &[u64]) -> Self {
        // Each key goes through the mixer, so that neighbours share nothing.
        let mixed =
            keys.iter().fold(seed, |state, key| SplitMix64::seed_from_u64(state ^ key.rotate_left(32)).next_u64());
        Self(SplitMix64::seed_from_u64(mixed))
    }

    pub(super) fn chance(&mut self, probability: f64) -> bool {
        // 53 bits fill a float's mantissa, so that 1.0 is always and 0.0 never.
        #[allow(clippy::cast_precision_loss, reason = "53 bits fit")]
        let unit = (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        unit < probability
    }

    /// Uniform; the low end of an empty range.
    pub(super) fn number(&mut self, range: &RangeInclusive<u64>) -> u64 {
        let (low, high) = (*range.start(), *range.end());
        let Some(width) = high.checked_sub(low) else { return low };
        // The product's upper half: what it misses of uniform is below 2^-64 of the width.
        let scaled = (u128::from(self.0.next_u64()) * (u128::from(width) + 1)) >> 64;
        low + scaled as u64
    }

    pub(super) fn duration(&mut self, range: &RangeInclusive<Duration>) -> Duration {
        let nanos = |duration: &Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.number(&(nanos(range.start())..=nanos(range.end()))))
    }

    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let last = from.len().checked_sub(1)? as u64;
        from.get(self.number(&(0..=last)) as usize)
    }
}

/// A number for a name, the same on every machine (FNV-1a).
pub(super) fn key(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::{Dice, key};

    #[test]
    fn the_same_seed_and_keys_throw_the_same_and_neighbours_do_not() {
        let throw = |seed, keys: &[u64]| Dice::new(seed, keys).number(&(0..=u64::MAX));
        assert_eq!(throw(1, &[2, 3]), throw(1, &[2, 3]));
        let all = [throw(1, &[2, 3]), throw(1, &[3, 2]), throw(2, &[2, 3]), throw(1, &[2]), throw(1, &[2, 4])];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].contains(one), "{all:?}");
        }
        assert_ne!(key("a"), key("b"));
    }

    #[test]
    fn a_range_is_reached_at_both_ends_and_never_left() {
        let mut dice = Dice::new(7, &[]);
        let thrown: Vec<u64> = (0..1000).map(|_| dice.number(&(3..=6))).collect();
        assert_eq!((thrown.iter().min(), thrown.iter().max()), (Some(&3), Some(&6)));
        assert_eq!(dice.number(&(9..=9)), 9);
        let (high, low) = (5, 4);
        assert_eq!(dice.number(&(high..=low)), 5);
    }

    #[test]
    fn never_is_never_always_is_always_and_half_is_about_half() {
        let mut dice = Dice::new(7, &[]);
        assert!((0..1000).all(|_| !dice.chance(0.0) && dice.chance(1.0)));
        let heads = (0..10_000).filter(|_| dice.chance(0.5)).count();
        assert!((4_700..5_300).contains(&heads), "{heads}");
    }
}
