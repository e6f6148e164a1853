//! Steps of the clock: a board without a battery wakes up hours behind, and is
//! set right by a time server or by a stamp in a webhook; another one wakes up
//! ahead and is set back. A wait that is told by the calendar would then be over
//! at once, though no time has passed in which anything could have been heard, or
//! would last for as long as the clock was wrong. Pure: it reads no clock.
//!
//! A clock set back between two runs is seen by nobody here:
//! `store::clock_moves` shortens what has become too long.

use crate::core::time::SECOND_MS;
use crate::work::purse::Moment;

/// Less than this between two looks is how clocks differ, and no step.
const STEP_MS_MIN: i64 = SECOND_MS;

/// Steps that are not settled yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owed {
    /// By how much the clock stepped forward, ms.
    pub ahead_ms: i64,
    /// By how much it stepped back, ms.
    pub back_ms: i64,
}

/// Compares the calendar with a clock that only runs.
#[derive(Clone, Copy, Debug)]
pub struct Steps {
    last: Moment,
    owed: Owed,
}

impl Steps {
    /// From now on.
    pub const fn since(now: Moment) -> Self {
        Self {
            last: now,
            owed: Owed {
                ahead_ms: 0,
                back_ms: 0,
            },
        }
    }

    /// Looks at both clocks; what waits are owed for all steps that are not
    /// settled yet.
    pub fn owed(&mut self, now: Moment) -> Owed {
        let told = now.at.ms_since(self.last.at);
        let passed = now.steady_ms.saturating_sub(self.last.steady_ms);
        let ahead = told.saturating_sub(passed);
        if ahead >= STEP_MS_MIN {
            self.owed.ahead_ms = self.owed.ahead_ms.saturating_add(ahead);
        } else if ahead <= -STEP_MS_MIN {
            self.owed.back_ms = self.owed.back_ms.saturating_sub(ahead);
        }
        self.last = now;
        self.owed
    }

    /// The waits are right again.
    pub fn settle(&mut self) {
        self.owed = Owed::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::time::{HOUR_MS, UnixMs};

    const NOTHING: Owed = Owed {
        ahead_ms: 0,
        back_ms: 0,
    };

    const fn ahead(ahead_ms: i64) -> Owed {
        Owed {
            ahead_ms,
            back_ms: 0,
        }
    }

    const fn moment(steady_ms: i64, at: i64) -> Moment {
        Moment {
            steady_ms,
            at: UnixMs(at),
        }
    }

    #[test]
    fn a_step_forward_is_owed_until_it_is_settled() {
        let mut steps = Steps::since(moment(0, 0));
        assert_eq!(steps.owed(moment(60_000, 60_400)), NOTHING, "drift");
        let leapt = moment(61_000, 61_400 + 2 * HOUR_MS);
        assert_eq!(steps.owed(leapt), ahead(2 * HOUR_MS));
        let next = moment(62_000, leapt.at.0 + 1_000);
        assert_eq!(steps.owed(next), ahead(2 * HOUR_MS), "nobody has stored it");
        steps.settle();
        assert_eq!(steps.owed(moment(63_000, next.at.0 + 1_000)), NOTHING);
    }

    #[test]
    fn a_step_back_and_the_way_forward_again_are_owed_apart() {
        let mut steps = Steps::since(moment(0, 5 * HOUR_MS));
        assert_eq!(steps.owed(moment(1_000, 5 * HOUR_MS + 500)), NOTHING);
        let back = Owed {
            ahead_ms: 0,
            back_ms: 2 * HOUR_MS,
        };
        let behind = 3 * HOUR_MS + 1_500;
        assert_eq!(steps.owed(moment(2_000, behind)), back);
        let both = Owed {
            ahead_ms: HOUR_MS,
            ..back
        };
        assert_eq!(steps.owed(moment(3_000, behind + 1_000 + HOUR_MS)), both);
        steps.settle();
        let later = behind + 2_000 + HOUR_MS;
        assert_eq!(steps.owed(moment(4_000, later)), NOTHING);
    }
}
