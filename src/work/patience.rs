//! How long a touch of the line is waited for. Pure.

use crate::core::time::SECOND_MS;

/// Shortest patience, ms: a second SYN leaves after one second, and its answer
/// comes as late as the line is slow.
pub(super) const PATIENCE_MS_MIN: i64 = 1_100;
/// Longest patience, ms.
pub(super) const PATIENCE_MS_MAX: i64 = 8_000;
/// Patience with a line that is down, ms: just under the third SYN.
const DOWN_PATIENCE_MS: i64 = 2_900;
/// Shortest patience with a line that has just come back, ms.
const FRESH_PATIENCE_MS: i64 = 600;
/// Shortest patience with an echo, ms.
const ECHO_PATIENCE_MS_MIN: i64 = 800;
/// Longest patience with an echo, ms.
const ECHO_PATIENCE_MS_MAX: i64 = 4_000;
/// A cut that ends within so long may have been a slow answer and none.
const FALSE_ALARM_MS: i64 = 15 * SECOND_MS;

/// Follows how long the last touches took; a line so slow that it only looked
/// dead must be found alive too.
///
/// A touch that a short cut ended in looks like one of a slow line: its answer
/// is one to a later SYN. So a line that is soon back is measured, by one touch
/// that is given all the time there is, before more patience is had with it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    rtt_ms: i64,
    alarm_ms: Option<i64>,
    measures: bool,
}

impl Patience {
    /// Nothing was touched yet.
    pub(super) const fn new() -> Self {
        Self {
            rtt_ms: 0,
            alarm_ms: None,
            measures: false,
        }
    }

    /// A touch of a line that was up was answered after so long.
    pub(super) fn took(&mut self, rtt_ms: i64) {
        let rtt_ms = rtt_ms.clamp(0, PATIENCE_MS_MAX);
        self.rtt_ms = if self.measures {
            rtt_ms.max(self.rtt_ms)
        } else {
            (self.rtt_ms * 7 + rtt_ms) / 8
        };
        self.measures = false;
    }

    /// A line that was up answered nothing, at this moment of a steady clock.
    pub(super) const fn alarm(&mut self, steady_ms: i64) {
        self.alarm_ms = Some(steady_ms);
        self.measures = false;
    }

    /// The line is up; true if that was so soon after the alarm that it is to be
    /// measured.
    pub(super) fn up_again(&mut self, steady_ms: i64) -> bool {
        let alarm = self.alarm_ms.take();
        self.measures = alarm.is_some_and(|at| steady_ms.saturating_sub(at) < FALSE_ALARM_MS);
        self.measures
    }

    /// Another way leads out: what was learnt of the old one is void.
    pub(super) const fn begin_anew(&mut self) {
        *self = Self::new();
    }

    /// With a line that is up, ms.
    pub(super) fn usual_ms(self) -> i64 {
        if self.measures {
            return PATIENCE_MS_MAX;
        }
        let second_syn = self
            .rtt_ms
            .saturating_mul(2)
            .saturating_add(PATIENCE_MS_MIN);
        let usual = self.rtt_ms.saturating_mul(4).max(second_syn);
        usual.min(PATIENCE_MS_MAX)
    }

    /// With an echo, ms: one that comes later is as good as none, because a
    /// touch decides.
    pub(super) fn echo_ms(self) -> i64 {
        let slow = self.rtt_ms.saturating_mul(3);
        slow.clamp(ECHO_PATIENCE_MS_MIN, ECHO_PATIENCE_MS_MAX)
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
