//! Randomness from the kernel. The only place that asks for it.

use crate::ports::Chance;

/// The kernel's randomness.
#[derive(Clone, Copy, Debug)]
pub struct KernelChance(());

impl KernelChance {
    /// Asks the kernel once, so that a machine without randomness is noticed
    /// at the start and not at the first key.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn new() -> std::io::Result<Self> {
        draw(&mut [0; 16])?;
        Ok(Self(()))
    }
}

impl Chance for KernelChance {
    fn fill(&self, bytes: &mut [u8]) {
        draw(bytes).expect("the kernel gave random bytes at the start, and does not stop");
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that may")]
fn draw(bytes: &mut [u8]) -> std::io::Result<()> {
    getrandom::fill(bytes).map_err(std::io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        let chance = KernelChance::new().unwrap();
        let (mut one, mut two) = ([0; 32], [0; 32]);
        chance.fill(&mut one);
        chance.fill(&mut two);
        assert_ne!(one, two);
    }
}
