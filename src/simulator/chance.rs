//! The simulator's seeded randomness (SplitMix64): the same seed gives the
//! same day. It must never be used for anything that has to be secret.

/// A small deterministic generator.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Starts the sequence that belongs to `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..bound`; 0 when `bound` is 0 or less.
    pub fn below(&mut self, bound: i64) -> i64 {
        let Ok(bound) = u64::try_from(bound) else {
            return 0;
        };
        let drawn = self.roll().checked_rem(bound).unwrap_or(0);
        i64::try_from(drawn).unwrap_or(0)
    }

    /// `count` decimal digits of which the first is not 0.
    pub fn digits(&mut self, count: usize) -> String {
        (0..count)
            .map(|i| {
                let digit = if i == 0 {
                    1 + self.roll() % 9
                } else {
                    self.roll() % 10
                };
                char::from_digit((digit % 10) as u32, 10).unwrap_or('1')
            })
            .collect()
    }

    /// `count` upper-case hexadecimal digits.
    pub fn hex(&mut self, count: usize) -> String {
        (0..count)
            .map(|_| char::from_digit((self.roll() % 16) as u32, 16).unwrap_or('0'))
            .collect::<String>()
            .to_uppercase()
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "a test may panic"
    )]

    use super::*;

    #[test]
    fn a_seed_is_a_day_that_can_be_lived_again() {
        let (mut a, mut b, mut c) = (Dice::new(7), Dice::new(7), Dice::new(8));
        let day: Vec<u64> = (0..5).map(|_| a.roll()).collect();
        assert_eq!(day, (0..5).map(|_| b.roll()).collect::<Vec<_>>());
        assert_ne!(day, (0..5).map(|_| c.roll()).collect::<Vec<_>>());
    }

    #[test]
    fn numbers_keep_to_their_bounds() {
        let mut dice = Dice::new(1);
        assert!((0..1_000).all(|_| (0..6).contains(&dice.below(6))));
        assert_eq!(dice.below(0), 0);
        assert_eq!(dice.below(-4), 0);
        assert!((0..100).all(|_| !dice.digits(5).starts_with('0')));
        assert_eq!(dice.hex(20).len(), 20);
    }
}
