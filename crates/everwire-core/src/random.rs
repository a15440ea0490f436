use rand_xoshiro::{Xoshiro256PlusPlus, rand_core::SeedableRng};

/// What a seed is used for. Each has numbers of its own, so that delays do not depend on how many pings there were.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    Jitter,
    Pings,
}

/// A generator from a seed. The jumps also make up for seeds that differ in a few bits only.
pub(crate) fn generator(seed: [u8; 32], purpose: Purpose) -> Xoshiro256PlusPlus {
    let mut generator = Xoshiro256PlusPlus::from_seed(seed);
    for _ in 0..=purpose as usize {
        generator.jump();
    }
    generator
}
