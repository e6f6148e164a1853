//! The number's pace: how many messages may leave now. Pure: it reads no clock.
//!
//! Two bounds at once. A log of the last window holds the provider's limit
//! whatever happens; an even spacing (the generic cell rate algorithm of ITU-T
//! I.371) keeps bursts away, which a log alone would repeat each second: of
//! many messages that leave together some are slower on their way, and then
//! the provider counts them into the next second.

use crate::core::time::UnixMs;
use std::collections::VecDeque;
use std::time::Duration;

/// The window over which the provider counts messages, and a little: its
/// windows lie anywhere, and calls are not all equally quick on their way.
const WINDOW_MS: i64 = 1_010;
/// So many messages a second make that little a millisecond more: the more a
/// box sends, the less even are its calls (measured at 80 and at 1,000).
const A_MS_MORE: i64 = 100;
/// The widest window, ms.
const WINDOW_MS_MAX: i64 = 1_050;
/// What may be caught up at once, ms: a turn of the queue takes a while where
/// the disk is slow.
const CREDIT_MS: i64 = 60;
/// Shortest wait for room, ms: a few messages to a turn instead of one each.
const WAIT_MS_MIN: i64 = 20;
/// Longest wait, ms.
const WAIT_MS_MAX: i64 = 1_000;
/// Times are kept finer than the clock tells them.
const FINE: i64 = 1_000;

/// Keeps the number of messages in any one second under the provider's limit.
pub(super) struct Pace {
    limit: usize,
    window_ms: i64,
    interval: i64,
    sent: VecDeque<UnixMs>,
    /// When the next one would leave if all were evenly spaced, ms times `FINE`.
    next: i64,
}

impl Pace {
    /// For so many messages in any one second.
    pub(super) fn new(per_second: u32) -> Self {
        let per_second = i64::from(per_second.max(1));
        let window_ms = (WINDOW_MS + per_second / A_MS_MORE).min(WINDOW_MS_MAX);
        Self {
            limit: usize::try_from(per_second).unwrap_or(usize::MAX),
            window_ms,
            interval: (window_ms * FINE / per_second).max(1),
            sent: VecDeque::new(),
            next: i64::MIN,
        }
    }

    /// How many may leave now.
    pub(super) fn room(&mut self, now: UnixMs) -> usize {
        let window_ms = self.window_ms;
        let left_window = |at: &UnixMs| now.ms_since(*at) >= window_ms || *at > now;
        while self.sent.front().is_some_and(left_window) {
            self.sent.pop_front();
        }
        let ahead = self.fine(now).saturating_sub(self.due(now));
        let evenly = if ahead < 0 {
            0
        } else {
            ahead / self.interval + 1
        };
        let logged = self.limit.saturating_sub(self.sent.len());
        logged.min(usize::try_from(evenly).unwrap_or(0))
    }

    /// So many leave.
    pub(super) fn spend(&mut self, now: UnixMs, count: usize) {
        let count_fine = i64::try_from(count).unwrap_or(i64::MAX);
        self.next = self
            .due(now)
            .saturating_add(count_fine.saturating_mul(self.interval));
        self.sent.extend(std::iter::repeat_n(now, count));
    }

    /// How long until there is room; the longest wait where there is some.
    pub(super) fn wait(&mut self, now: UnixMs) -> Duration {
        let ms = if self.room(now) > 0 {
            WAIT_MS_MAX
        } else {
            let evenly = (self.due(now) - self.fine(now)).div_euclid(FINE) + 1;
            let oldest = self.sent.front().copied().unwrap_or(now);
            let logged = if self.sent.len() < self.limit {
                0
            } else {
                self.window_ms - now.ms_since(oldest)
            };
            evenly.max(logged).clamp(WAIT_MS_MIN, WAIT_MS_MAX)
        };
        Duration::from_millis(u64::try_from(ms).unwrap_or(1))
    }

    /// When the next one is due: no further back than the credit, and no
    /// further ahead than what one window holds, in case the clock was set
    /// back.
    fn due(&self, now: UnixMs) -> i64 {
        let fine = self.fine(now);
        let oldest = fine.saturating_sub(CREDIT_MS * FINE);
        if self.next > fine.saturating_add(self.window_ms * FINE) {
            return oldest;
        }
        self.next.max(oldest)
    }

    const fn fine(&self, now: UnixMs) -> i64 {
        now.0.saturating_mul(FINE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Sends whatever may leave at each of these steps; when each one left.
    fn drain(pace: &mut Pace, steps: impl Iterator<Item = i64>) -> Vec<i64> {
        let mut left = Vec::new();
        let mut at = 0;
        for step in steps {
            at += step;
            let room = pace.room(UnixMs(at));
            pace.spend(UnixMs(at), room);
            left.extend(std::iter::repeat_n(at, room));
        }
        left
    }

    fn most_in(left: &[i64], window: i64) -> usize {
        let until = |from: &i64| left.partition_point(|at| *at < from + window);
        let counts = left.iter().enumerate().map(|(n, from)| until(from) - n);
        counts.max().unwrap_or(0)
    }

    #[test]
    fn a_full_queue_leaves_evenly_and_nearly_at_the_limit() {
        for limit in [1, 20, 80, 1_000] {
            let mut pace = Pace::new(limit);
            let left = drain(&mut pace, std::iter::repeat_n(20, 3_000));
            let limit = usize::try_from(limit).unwrap();
            assert!(
                left.len() >= limit * 60 * 98 / 100,
                "{} of {limit}",
                left.len()
            );
            assert!(most_in(&left, pace.window_ms) <= limit, "{limit}");
            // A hundred milliseconds hold their share, and what was caught up.
            let share = limit * 180 / 1_000 + 2;
            assert!(
                most_in(&left, 100) <= share,
                "{} in 100 ms of {limit}",
                most_in(&left, 100)
            );
        }
    }

    #[test]
    fn the_wait_ends_when_there_is_room() {
        let mut pace = Pace::new(80);
        assert!(pace.room(UnixMs(0)) > 0);
        assert_eq!(pace.wait(UnixMs(0)), Duration::from_secs(1));
        let room = pace.room(UnixMs(0));
        pace.spend(UnixMs(0), room);
        assert_eq!(pace.room(UnixMs(0)), 0);
        let wait = i64::try_from(pace.wait(UnixMs(0)).as_millis()).unwrap();
        assert!(pace.room(UnixMs(wait)) > 0);
    }

    #[test]
    fn a_clock_set_back_does_not_stop_the_queue() {
        let mut pace = Pace::new(2);
        pace.spend(UnixMs(1_000_000), 2);
        assert!(pace.room(UnixMs(5)) > 0);
    }

    proptest! {
        #[test]
        fn no_second_holds_more_than_the_limit(
            limit in 1_u32..200,
            steps in proptest::collection::vec(0_i64..400, 1..400),
        ) {
            let left = drain(&mut Pace::new(limit), steps.into_iter());
            prop_assert!(most_in(&left, 1_000) <= usize::try_from(limit).unwrap());
        }

        #[test]
        fn any_clock_is_borne(limit: u32, times in proptest::collection::vec(any::<i64>(), 1..50)) {
            let mut pace = Pace::new(limit);
            for at in times.into_iter().map(UnixMs) {
                let room = pace.room(at);
                pace.spend(at, room.min(1_000));
                prop_assert!(pace.wait(at) <= Duration::from_secs(1));
            }
        }
    }
}
