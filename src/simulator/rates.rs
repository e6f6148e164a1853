//! Meta's limits: so many messages a second for the clinic's number, so many for
//! one person, and so many people a day who are written to first. They must only
//! count messages that went through.

use crate::core::time::{DAY_MS, UnixMs};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// A sliding window over the last second.
#[derive(Clone, Debug, Default)]
pub struct Throughput(VecDeque<UnixMs>);

impl Throughput {
    /// Whether another message fits into the second that ends now.
    pub fn has_room(&mut self, now: UnixMs, per_second: usize) -> bool {
        while self.0.front().is_some_and(|at| now.ms_since(*at) >= 1_000) {
            self.0.pop_front();
        }
        self.0.len() < per_second
    }

    /// Counts a message.
    pub fn count(&mut self, now: UnixMs, per_second: usize) {
        self.0.push_back(now);
        while self.0.len() > per_second.max(1) {
            self.0.pop_front();
        }
    }
}

/// What one person's messages have used up: the instant at which all of them
/// would have been paid for at the steady rate.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct PairUse(UnixMs);

impl PairUse {
    /// Whether another message may be borrowed now.
    pub fn has_room(&self, now: UnixMs, gap_ms: i64, burst: i64) -> bool {
        let owed_ms = self.0.max(now).ms_since(now);
        owed_ms.saturating_add(gap_ms) <= gap_ms.saturating_mul(burst)
    }

    /// Counts a message.
    pub fn count(&mut self, now: UnixMs, gap_ms: i64) {
        self.0 = self.0.max(now).plus_ms(gap_ms);
    }
}

/// The people who were written to first in the last 24 hours.
#[derive(Clone, Debug, Default)]
pub struct FirstContacts(VecDeque<(UnixMs, String)>);

impl FirstContacts {
    /// Whether this person may be written to first now.
    pub fn has_room(&mut self, whom: &str, now: UnixMs, people: usize) -> bool {
        while self
            .0
            .front()
            .is_some_and(|(at, _)| now.ms_since(*at) >= DAY_MS)
        {
            self.0.pop_front();
        }
        self.is_counted(whom) || self.0.len() < people
    }

    /// Counts a person once.
    pub fn count(&mut self, whom: &str, now: UnixMs) {
        if !self.is_counted(whom) {
            self.0.push_back((now, whom.to_owned()));
        }
    }

    fn is_counted(&self, whom: &str) -> bool {
        self.0.iter().any(|(_, counted)| counted == whom)
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
    fn eighty_a_second_and_no_more() {
        let mut rate = Throughput::default();
        for i in 0..80 {
            assert!(rate.has_room(UnixMs(i * 10), 80));
            rate.count(UnixMs(i * 10), 80);
        }
        assert!(!rate.has_room(UnixMs(999), 80));
        assert!(rate.has_room(UnixMs(1_000), 80), "the first one has left");
        rate.count(UnixMs(1_000), 80);
        assert!(!rate.has_room(UnixMs(1_005), 80));
    }

    #[test]
    fn a_burst_of_45_then_one_every_six_seconds() {
        let mut pair = PairUse::default();
        let start = UnixMs(1_795_168_800_000);
        let burst = (0..100)
            .filter(|_| {
                let room = pair.has_room(start, 6_000, 45);
                if room {
                    pair.count(start, 6_000);
                }
                room
            })
            .count();
        assert_eq!(burst, 45);
        assert!(!pair.has_room(start.plus_ms(5_999), 6_000, 45));
        assert!(pair.has_room(start.plus_ms(6_000), 6_000, 45));
        pair.count(start.plus_ms(6_000), 6_000);
        assert!(!pair.has_room(start.plus_ms(6_001), 6_000, 45));
    }
    #[test]
    fn so_many_people_a_day_are_written_to_first() {
        let mut first = FirstContacts::default();
        let start = UnixMs(1_795_168_800_000);
        for (whom, at) in [("1", 0), ("2", 1), ("1", 2)] {
            assert!(first.has_room(whom, start.plus_ms(at), 2));
            first.count(whom, start.plus_ms(at));
        }
        assert!(!first.has_room("3", start.plus_ms(3), 2));
        assert!(first.has_room("2", start.plus_ms(3), 2), "as one of them");
        assert!(first.has_room("3", start.plus_ms(DAY_MS), 2));
    }
}
