//! How a line that is up is kept an eye on: by echoes where they are answered,
//! else by touches. Pure.
//!
//! An answered echo proves that the way is there, for a third of what a touch
//! costs, so it can be asked more often. An unanswered one proves nothing: many
//! networks drop them. A touch decides then; where touches find the line alive
//! again and again, nobody answers echoes there.

use crate::core::time::{HOUR_MS, MINUTE_MS, SECOND_MS};
use crate::ports::Echo;
use crate::work::watch::Wish;

/// From one question, or answer of the provider's, to the next echo.
pub(super) const ECHO_MS: i64 = 7 * SECOND_MS;
/// The same over IPv6, whose packets are longer.
const ECHO_V6_MS: i64 = 13 * SECOND_MS;
/// The same from one touch to the next, where echoes say nothing.
pub(super) const TOUCH_MS: i64 = 16 * SECOND_MS;
/// The same where they do: the provider may be gone where the way is not.
pub(super) const RARE_TOUCH_MS: i64 = 5 * MINUTE_MS;
/// So many in a row that went unanswered on a line that was alive.
const MISSED_MAX: u32 = 3;
/// What was given up is tried again.
const AGAIN_MS: i64 = HOUR_MS;

/// What was learnt of echoes on this way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Echoes {
    missed: u32,
    given_up_ms: Option<i64>,
}

impl Echoes {
    /// None was asked yet.
    pub(super) const fn new() -> Self {
        Self {
            missed: 0,
            given_up_ms: None,
        }
    }

    /// Takes in what came of one; true if a touch is to decide.
    pub(super) fn see(&mut self, echo: Echo, steady_ms: i64) -> bool {
        match echo {
            Echo::Answered => {
                *self = Self::new();
                false
            }
            Echo::Silent => {
                self.missed = self.missed.saturating_add(1);
                if self.missed >= MISSED_MAX {
                    self.given_up_ms = Some(steady_ms);
                }
                true
            }
            Echo::Unavailable => {
                self.given_up_ms = Some(steady_ms);
                true
            }
        }
    }

    /// The line is dead: whoever was silent was right.
    pub(super) const fn proved_right(&mut self) {
        self.missed = 0;
        self.given_up_ms = None;
    }

    fn serve(self, steady_ms: i64) -> bool {
        self.given_up_ms
            .is_none_or(|at| steady_ms.saturating_sub(at) >= AGAIN_MS)
    }

    /// What is asked next, and when, after the provider's last sign of life at
    /// `proof_ms` and that or the last question at `quiet_ms`.
    pub(super) fn next(
        self,
        proof_ms: i64,
        quiet_ms: i64,
        v6: bool,
        steady_ms: i64,
    ) -> (Wish, i64) {
        if !self.serve(steady_ms) {
            return (Wish::Touch, quiet_ms.saturating_add(TOUCH_MS));
        }
        let gap_ms = if v6 { ECHO_V6_MS } else { ECHO_MS };
        let echo_ms = quiet_ms.saturating_add(gap_ms);
        let touch_ms = proof_ms.saturating_add(RARE_TOUCH_MS);
        if touch_ms <= echo_ms {
            (Wish::Touch, touch_ms)
        } else {
            (Wish::Echo, echo_ms)
        }
    }
}
