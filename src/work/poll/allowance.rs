//! What looking into the chats may cost. Fills evenly and is never fuller than
//! what may be spent at once, so that within any day the bound holds, while an
//! answer to somebody who writes after a quiet hour need not wait. Pure.

use crate::core::limits::{POLL_BURST_BYTES, POLL_BYTES_PER_DAY};
use crate::core::time::DAY_MS;

/// Heads of one question and its answer, bytes.
pub const QUESTION_BYTES: i64 = 600;

/// Deepest it goes below nothing, bytes, unless one list costs more: catching
/// up after an outage may cost any amount, and whoever writes next must not
/// wait for hours because of it.
const DEBT_BYTES_MAX: i64 = POLL_BYTES_PER_DAY / 144;

/// The bytes that may still be spent.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// So many bytes, times the milliseconds of a day: no rounding is lost.
    filled: i64,
    at_ms: i64,
}

impl Allowance {
    const A_DAY: i64 = POLL_BYTES_PER_DAY - POLL_BURST_BYTES;
    const BYTE: i64 = DAY_MS;

    /// A full one, at the start.
    pub const fn full(steady_ms: i64) -> Self {
        Self {
            filled: POLL_BURST_BYTES * Self::BYTE,
            at_ms: steady_ms,
        }
    }

    fn now(self, steady_ms: i64) -> i64 {
        let passed = steady_ms.saturating_sub(self.at_ms).clamp(0, DAY_MS);
        (self.filled + passed * Self::A_DAY).min(POLL_BURST_BYTES * Self::BYTE)
    }

    /// Spends what a look has cost, of which so much was the list of chats: no
    /// look can be had for less.
    pub fn spend(&mut self, bytes: i64, list: i64, steady_ms: i64) {
        let floor = -(DEBT_BYTES_MAX.max(list) * Self::BYTE);
        let left = self
            .now(steady_ms)
            .saturating_sub(bytes.saturating_mul(Self::BYTE));
        self.filled = left.max(floor);
        self.at_ms = steady_ms;
    }

    /// Whether half of what may be spent at once is left after so many bytes more.
    pub fn is_ample(self, bytes: i64, steady_ms: i64) -> bool {
        let left = self.now(steady_ms) - bytes.saturating_mul(Self::BYTE);
        left >= POLL_BURST_BYTES / 2 * Self::BYTE
    }

    /// How long nothing may be spent, ms.
    pub fn wait_ms(self, steady_ms: i64) -> i64 {
        let lacking = -self.now(steady_ms);
        if lacking <= 0 {
            return 0;
        }
        (lacking + Self::A_DAY - 1) / Self::A_DAY
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::time::{HOUR_MS, MINUTE_MS, SECOND_MS};
    use crate::work::poll::rhythm::{BUSY_MS, Rhythm, wait_ms};
    use proptest::prelude::*;

    #[test]
    fn a_quiet_hour_pays_for_a_talk_and_a_talk_without_end_is_slowed() {
        let mut allowance = Allowance::full(0);
        // Lists of three kilobytes, each three seconds.
        let mut now = 0;
        while allowance.wait_ms(now) == 0 {
            allowance.spend(3_000, 3_000, now);
            now += 3 * SECOND_MS;
        }
        assert!(now > HOUR_MS, "{now}");
        assert!(allowance.wait_ms(now) < 6 * SECOND_MS);
        assert_eq!(allowance.wait_ms(now + HOUR_MS), 0);
    }

    #[test]
    fn it_is_ample_while_half_of_it_is_left() {
        let mut allowance = Allowance::full(0);
        let half = POLL_BURST_BYTES / 2;
        assert!(allowance.is_ample(half, 0) && !allowance.is_ample(half + 1, 0));
        allowance.spend(POLL_BURST_BYTES, 0, 0);
        assert!(!allowance.is_ample(0, 0) && allowance.is_ample(0, HOUR_MS));
    }

    #[test]
    fn catching_up_makes_nobody_wait_for_hours() {
        let mut allowance = Allowance::full(0);
        allowance.spend(50_000_000, 20_000, 0);
        assert!(allowance.wait_ms(0) <= 11 * MINUTE_MS);
        let mut dear = Allowance::full(0);
        dear.spend(8_000_000, 8_000_000, 0);
        assert!(
            dear.wait_ms(0) > 2 * HOUR_MS,
            "such a list is asked for rarely"
        );
    }

    proptest! {
        /// Whatever the single looks cost, and whoever writes meanwhile.
        #[test]
        fn a_day_costs_no_more_than_it_may(
            looks in prop::collection::vec((0_i64..3_000_000, 0_i64..DEBT_BYTES_MAX, any::<bool>(), any::<bool>()), 1..20),
        ) {
            let mut allowance = Allowance::full(0);
            let (mut now, mut spent, mut dearest) = (0, 0, 0);
            let mut turns = looks.iter().cycle();
            while now < DAY_MS {
                let (list, rest, quiet, heard) = *turns.next().unwrap();
                spent += list + rest;
                dearest = dearest.max(list + rest);
                allowance.spend(list + rest, list + rest, now);
                let wait = wait_ms(Rhythm {
                    owed_ms: allowance.wait_ms(now),
                    quiet_ms: if quiet { i64::MAX } else { 0 },
                    unheard_ms: if heard { 0 } else { i64::MAX },
                    ..Rhythm::default()
                });
                prop_assert!(wait >= BUSY_MS);
                now += wait;
            }
            prop_assert!(spent <= POLL_BYTES_PER_DAY + dearest, "{spent}");
        }
    }
}
