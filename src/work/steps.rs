//! Steps of the clock: a board without a battery wakes up hours behind, and is
//! set right by a time server or by a stamp in a webhook. A wait that is told by
//! the calendar would then be over at once, though no time has passed in which
//! anything could have been heard. Pure: it reads no clock.
//!
//! A step back is none of its business: `store::clock_moves` shortens what has
//! become too long.

use crate::core::time::SECOND_MS;
use crate::work::purse::Moment;

/// Less than this between two looks is how clocks differ, and no step.
const STEP_MS_MIN: i64 = SECOND_MS;

/// Compares the calendar with a clock that only runs.
#[derive(Clone, Copy, Debug)]
pub struct Steps {
    last: Moment,
    owed_ms: i64,
}

impl Steps {
    /// From now on.
    pub const fn since(now: Moment) -> Self {
        Self {
            last: now,
            owed_ms: 0,
        }
    }

    /// Looks at both clocks; how much longer waits have to be for all steps
    /// that are not settled yet, ms.
    pub fn owed_ms(&mut self, now: Moment) -> i64 {
        let told = now.at.ms_since(self.last.at);
        let passed = now.steady_ms.saturating_sub(self.last.steady_ms);
        let ahead = told.saturating_sub(passed);
        if ahead >= STEP_MS_MIN {
            self.owed_ms = self.owed_ms.saturating_add(ahead);
        }
        self.last = now;
        self.owed_ms
    }

    /// Waits are longer by what was owed.
    pub const fn settle(&mut self) {
        self.owed_ms = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::time::{HOUR_MS, UnixMs};

    const fn moment(steady_ms: i64, at: i64) -> Moment {
        Moment {
            steady_ms,
            at: UnixMs(at),
        }
    }

    #[test]
    fn a_step_forward_is_owed_until_it_is_settled() {
        let mut steps = Steps::since(moment(0, 0));
        assert_eq!(steps.owed_ms(moment(60_000, 60_400)), 0, "drift");
        let leapt = moment(61_000, 61_400 + 2 * HOUR_MS);
        assert_eq!(steps.owed_ms(leapt), 2 * HOUR_MS);
        let next = moment(62_000, leapt.at.0 + 1_000);
        assert_eq!(steps.owed_ms(next), 2 * HOUR_MS, "nobody has stored it");
        steps.settle();
        assert_eq!(steps.owed_ms(moment(63_000, next.at.0 + 1_000)), 0);
    }

    #[test]
    fn a_step_back_is_owed_nothing() {
        let mut steps = Steps::since(moment(0, 5 * HOUR_MS));
        assert_eq!(steps.owed_ms(moment(1_000, 0)), 0);
        // And the way forward again is a step like any other.
        assert_eq!(
            steps.owed_ms(moment(2_000, 5 * HOUR_MS)),
            5 * HOUR_MS - 1_000
        );
    }
}
