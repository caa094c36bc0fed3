//! Random choices that can be repeated: they follow from a printed seed and are the same on every machine.
//!
//! Rejected: proptest, which is for values that are checked one by one; these values go to another program in thousands.

use anyhow::Context;

/// A sequence of random numbers (SplitMix64).
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

/// The seed in the variable `SEED`, or one from the current time.
pub fn seed() -> anyhow::Result<u64> {
    match std::env::var("SEED") {
        Ok(seed) => seed.parse().with_context(|| format!("SEED is no number: {seed}")),
        Err(_) => {
            Ok(u64::from(std::process::id()) ^ chronus_host::clock::Clock::System.now().as_second().unsigned_abs())
        }
    }
}

impl Random {
    /// The sequence of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to but not including `end`, which is not 0.
    pub const fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// One of these.
    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        let index = self.below(all.len() as u64);
        all[usize::try_from(index).unwrap_or(0)]
    }
}
