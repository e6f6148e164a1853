//! How often one person may be written to: one message in six seconds, with a
//! burst that is borrowed against later.
//!
//! One number holds it all (the instant up to which the allowance is spent), so
//! that it survives a restart in a column. Pure.

use crate::core::time::{SECOND_MS, UnixMs};

/// What a provider allows for one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PairRule {
    /// What one message costs, ms.
    pub each_ms: i64,
    /// How many may leave at once after a long silence.
    pub burst: u32,
    /// How many of those are kept for emergencies.
    pub kept_back: u32,
}

impl PairRule {
    /// The Cloud API's: one in six seconds, 45 at once.
    pub const CLOUD: Self = Self {
        each_ms: 6 * SECOND_MS,
        burst: 45,
        kept_back: 5,
    };

    /// No limit of the provider's for one person.
    pub const NONE: Self = Self {
        each_ms: 0,
        burst: 1,
        kept_back: 0,
    };

    /// The earliest instant at which one more may leave, when the allowance is
    /// spent up to `spent`.
    pub fn ready_at(self, spent: UnixMs, urgent: bool, now: UnixMs) -> UnixMs {
        let kept = if urgent { 0 } else { self.kept_back };
        let ahead = i64::from(self.burst.saturating_sub(kept).max(1) - 1) * self.each_ms;
        now.max(self.believed(spent, now).plus_ms(-ahead))
    }

    /// What the allowance is spent up to after one more message.
    pub fn spend(self, spent: UnixMs, now: UnixMs) -> UnixMs {
        self.believed(spent, now).max(now).plus_ms(self.each_ms)
    }

    /// More than the whole burst ahead is a clock that was set back.
    fn believed(self, spent: UnixMs, now: UnixMs) -> UnixMs {
        let most = now.plus_ms(i64::from(self.burst) * self.each_ms);
        if spent > most { now } else { spent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: UnixMs = UnixMs(1_795_132_800_000);

    /// The instants at which a long queue leaves.
    fn departures(urgent: bool, count: usize) -> Vec<i64> {
        let (mut spent, mut now) = (UnixMs(0), NOW);
        let mut left = Vec::new();
        for _ in 0..count {
            now = PairRule::CLOUD.ready_at(spent, urgent, now);
            spent = PairRule::CLOUD.spend(spent, now);
            left.push(now.ms_since(NOW));
        }
        left
    }

    #[test]
    fn a_burst_leaves_at_once_and_then_one_in_six_seconds() {
        let left = departures(false, 43);
        assert_eq!(left[39], 0);
        assert_eq!(&left[40..], [6_000, 12_000, 18_000]);
        let left = departures(true, 47);
        assert_eq!(left[44], 0);
        assert_eq!(&left[45..], [6_000, 12_000]);
    }

    #[test]
    fn a_clock_set_back_silences_nobody() {
        let spent = NOW.plus_ms(400 * 86_400_000);
        assert_eq!(PairRule::CLOUD.ready_at(spent, false, NOW), NOW);
        assert_eq!(PairRule::CLOUD.spend(spent, NOW), NOW.plus_ms(6_000));
    }

    #[test]
    fn without_a_limit_nothing_waits() {
        let spent = PairRule::NONE.spend(NOW, NOW);
        assert_eq!(PairRule::NONE.ready_at(spent, false, NOW), NOW);
    }

    proptest! {
        /// In any stretch of time no more than the burst and what it earned.
        #[test]
        fn the_provider_never_sees_more_than_it_allows(waits in prop::collection::vec(0..120_000_i64, 1..200)) {
            let rule = PairRule::CLOUD;
            let (mut spent, mut now) = (UnixMs(0), NOW);
            let mut left = Vec::new();
            for wait in waits {
                now = rule.ready_at(spent, true, now.plus_ms(wait));
                spent = rule.spend(spent, now);
                left.push(now.0);
            }
            for (i, from) in left.iter().enumerate() {
                for (j, to) in left.iter().enumerate().skip(i) {
                    let count = i64::try_from(j - i + 1).unwrap();
                    let most = i64::from(rule.burst) + (to - from) / rule.each_ms;
                    prop_assert!(count <= most, "{} in {} ms", count, to - from);
                }
            }
        }
    }
}
