//! All chance of a simulated life, out of one seed. It must never draw from
//! anything else, or a failing seed could not be played again.

use healthpost::ports::Chance;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::sync::Mutex;

/// What decides what happens next.
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// The sequence that belongs to a seed.
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A number in `0..bound`, and 0 for an empty range.
    pub fn below(&mut self, bound: usize) -> usize {
        let drawn = self.0.next_u64() % (bound.max(1) as u64);
        usize::try_from(drawn).unwrap()
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + (self.0.next_u64() % ((high - low + 1).max(1) as u64)) as i64
    }

    /// True so many times in a hundred.
    pub fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of them.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// Any order.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for i in (1..list.len()).rev() {
            let j = self.below(i + 1);
            list.swap(i, j);
        }
    }

    /// Bytes that mean nothing.
    pub fn garbage(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.0.fill_bytes(&mut bytes);
        bytes
    }
}

/// The box's own chance: a sequence apart, so that a change in what the box
/// draws does not change what befalls it.
pub struct BoxChance(Mutex<ChaCha8Rng>);

impl BoxChance {
    /// The sequence that belongs to a seed.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(ChaCha8Rng::seed_from_u64(
            seed ^ 0x5bd1_e995_0bad_cafe,
        )))
    }
}

impl Chance for BoxChance {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap().fill_bytes(bytes);
    }
}
