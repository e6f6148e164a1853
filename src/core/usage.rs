//! What messages cost: the clinic's months and days, the free messages of a
//! month, and the ceiling of a day.

use crate::core::outgoing::Purpose;
use crate::core::time::UnixMs;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// Share of the free messages from which one is warned, per cent.
pub const WARNING_PERCENT: u64 = 80;

/// A month or a day of the clinic's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// `2026-11` or `2026-11-21`.
    pub name: String,
    /// Its first instant.
    pub from: UnixMs,
    /// The first instant after it.
    pub until: UnixMs,
}

/// The clinic's month that `at` lies in.
pub fn month(at: UnixMs, zone: &TimeZone) -> Stretch {
    let first = date(at, zone).first_of_month();
    stretch(first, Span::new().months(1), "%Y-%m", zone)
}

/// The clinic's day that `at` lies in, or so many days before it.
pub fn day(at: UnixMs, days_before: i64, zone: &TimeZone) -> Stretch {
    let back = Span::new().try_days(days_before).unwrap_or_default();
    let day = date(at, zone);
    let day = day.checked_sub(back).unwrap_or(day);
    stretch(day, Span::new().days(1), "%Y-%m-%d", zone)
}

fn date(at: UnixMs, zone: &TimeZone) -> Date {
    let at = Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::UNIX_EPOCH);
    at.to_zoned(zone.clone()).date()
}

fn stretch(from: Date, length: Span, name: &str, zone: &TimeZone) -> Stretch {
    let until = from.checked_add(length).unwrap_or(from);
    let start = |date: Date| {
        let zoned = date.to_zoned(zone.clone());
        UnixMs(zoned.map_or(0, |zoned| zoned.timestamp().as_millisecond()))
    };
    Stretch {
        name: from.strftime(name).to_string(),
        from: start(from),
        until: start(until),
    }
}

/// How a month's free messages stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quota {
    /// There is room.
    Fine,
    /// Four in five are used.
    Low,
    /// All are used: each further one costs, or is dropped without a word.
    Used,
}

/// How `delivered` messages stand against the `free` ones of a month. A month
/// without free ones is never short of them.
pub fn quota(delivered: u64, free: u32) -> Quota {
    let free = u64::from(free);
    if free == 0 || delivered.saturating_mul(100) < free.saturating_mul(WARNING_PERCENT) {
        Quota::Fine
    } else if delivered < free {
        Quota::Low
    } else {
        Quota::Used
    }
}

/// Whether a message has to wait for tomorrow, when `taken` messages have left
/// today and `ceiling` may (0: any number). An emergency text and the words of
/// staff never wait for money.
pub const fn over_ceiling(taken: u64, ceiling: u32, purpose: Purpose) -> bool {
    match purpose {
        Purpose::Emergency | Purpose::Staff => false,
        Purpose::Prompt | Purpose::Notice | Purpose::Template => {
            ceiling > 0 && taken >= ceiling as u64
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::time::{DAY_MS, HOUR_MS};

    #[test]
    fn months_and_days_are_the_clinics() {
        let zone = TimeZone::get("Africa/Lubumbashi").unwrap();
        // 30 November 2026, 23:30 UTC: in Lubumbashi it is December.
        let at = UnixMs(1_796_081_400_000);
        let month = month(at, &zone);
        assert_eq!(month.name, "2026-12");
        assert_eq!(month.from.0, 1_796_081_400_000 - HOUR_MS - HOUR_MS / 2);
        assert_eq!(month.until.ms_since(month.from), 31 * DAY_MS);
        assert_eq!(day(at, 0, &zone).name, "2026-12-01");
        let yesterday = day(at, 1, &zone);
        assert_eq!(yesterday.name, "2026-11-30");
        assert_eq!(yesterday.until, month.from);
    }

    #[test]
    fn a_quota_is_low_from_four_in_five() {
        let cases = [
            (0, 1_000, Quota::Fine),
            (799, 1_000, Quota::Fine),
            (800, 1_000, Quota::Low),
            (999, 1_000, Quota::Low),
            (1_000, 1_000, Quota::Used),
            (5_000, 0, Quota::Fine),
        ];
        for (delivered, free, expected) in cases {
            assert_eq!(quota(delivered, free), expected, "{delivered} of {free}");
        }
    }

    #[test]
    fn a_ceiling_never_holds_what_is_urgent() {
        assert!(over_ceiling(10, 10, Purpose::Prompt));
        assert!(over_ceiling(11, 10, Purpose::Notice));
        assert!(!over_ceiling(9, 10, Purpose::Prompt));
        assert!(!over_ceiling(u64::MAX, 0, Purpose::Prompt));
        for urgent in [Purpose::Emergency, Purpose::Staff] {
            assert!(!over_ceiling(u64::MAX, 1, urgent));
        }
    }
}
