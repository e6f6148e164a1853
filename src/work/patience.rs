//! How long a touch of the line is waited for. Pure.

use crate::core::time::SECOND_MS;

/// Shortest patience, ms: a second SYN leaves after one second.
pub(super) const PATIENCE_MS_MIN: i64 = 1_500;
/// Longest patience, ms.
pub(super) const PATIENCE_MS_MAX: i64 = 8_000;
/// Patience with a line that is down, ms: just under the third SYN.
const DOWN_PATIENCE_MS: i64 = 2_900;
/// Shortest patience with a line that has just come back, ms.
const FRESH_PATIENCE_MS: i64 = 600;
/// A cut that ends within so long was a slow answer and none.
const FALSE_ALARM_MS: i64 = 15 * SECOND_MS;

/// Follows how long the last touches took; a line so slow that it only looked
/// dead must be found alive too.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    least_ms: i64,
    rtt_ms: i64,
    alarm_ms: Option<i64>,
}

impl Patience {
    /// Nothing was touched yet.
    pub(super) const fn new() -> Self {
        Self {
            least_ms: PATIENCE_MS_MIN,
            rtt_ms: 0,
            alarm_ms: None,
        }
    }

    /// A touch was answered after so long.
    pub(super) fn took(&mut self, rtt_ms: i64) {
        self.rtt_ms = (self.rtt_ms * 7 + rtt_ms.clamp(0, PATIENCE_MS_MAX)) / 8;
    }

    /// A line that was up answered nothing, at this moment of a steady clock.
    pub(super) const fn alarm(&mut self, steady_ms: i64) {
        self.alarm_ms = Some(steady_ms);
    }

    /// The line is up. If that was soon after the alarm, more patience is due.
    pub(super) fn up_again(&mut self, steady_ms: i64) {
        let alarm = self.alarm_ms.take();
        if alarm.is_some_and(|at| steady_ms.saturating_sub(at) < FALSE_ALARM_MS) {
            self.least_ms = (self.least_ms * 2).min(PATIENCE_MS_MAX);
        }
    }

    /// Another way leads out: what was learnt of the old one is void.
    pub(super) const fn forget_alarms(&mut self) {
        self.least_ms = PATIENCE_MS_MIN;
    }

    /// With a line that is up, ms.
    pub(super) fn usual_ms(self) -> i64 {
        let usual = self.rtt_ms.saturating_mul(4).max(self.least_ms);
        usual.min(PATIENCE_MS_MAX)
    }

    /// With a line that is down, ms, after `failed` touches in a row.
    pub(super) fn down_ms(self, failed: u32) -> i64 {
        if failed.is_multiple_of(8) {
            PATIENCE_MS_MAX
        } else {
            self.usual_ms().max(DOWN_PATIENCE_MS)
        }
    }

    /// With a line that the kernel has just given back, ms.
    pub(super) fn fresh_ms(self) -> i64 {
        let fresh = self.rtt_ms.saturating_mul(2).max(FRESH_PATIENCE_MS);
        fresh.min(PATIENCE_MS_MAX)
    }
}
