//! Reading what stands in argv: ids and times. A phone number is refused
//! wherever an id belongs, since every process on the machine can read argv.

use super::failure::Failure;
use crate::core::id::{OutboxId, RecordId, TaskId};
use crate::core::limits::RECORDS_LISTED_MAX;
use crate::core::time::UnixMs;
use crate::ops::Period;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Digits from which a number is taken for a phone number: no clinic queues
/// that many messages.
const PHONE_DIGITS_MIN: usize = 7;

fn looks_like_phone(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let separators = text
        .chars()
        .all(|c| c.is_ascii_digit() || "+-. ()/".contains(c));
    separators && (digits >= PHONE_DIGITS_MIN || text.trim_start().starts_with('+'))
}

fn refuse_phone(text: &str) -> Result<(), Failure> {
    if looks_like_phone(text) {
        return Err(Failure::usage(
            "a phone number does not belong on the command line",
            "use the number the box itself gave: healthpost records list, healthpost outbox list",
        ));
    }
    Ok(())
}

/// A record's number.
///
/// # Errors
/// Exit status 2, without the text.
pub fn record(text: &str) -> Result<RecordId, Failure> {
    refuse_phone(text)?;
    text.parse().map_err(|error: crate::core::id::BadRecordId| {
        Failure::usage(
            error.to_string(),
            "healthpost records list shows the numbers",
        )
    })
}

/// A message's number in the queue.
///
/// # Errors
/// Exit status 2, without the text.
pub fn message(text: &str) -> Result<OutboxId, Failure> {
    refuse_phone(text)?;
    let number = text.parse::<i64>().ok().filter(|number| *number > 0);
    number.map(OutboxId).ok_or_else(|| {
        Failure::usage(
            "a message of the queue is named by its number, such as 12",
            "healthpost outbox list shows the numbers",
        )
    })
}

/// A task's number.
///
/// # Errors
/// Exit status 2, without the text.
pub fn task(text: &str) -> Result<TaskId, Failure> {
    refuse_phone(text)?;
    let number = text.parse::<i64>().ok().filter(|number| *number > 0);
    number.map(TaskId).ok_or_else(|| {
        Failure::usage(
            "a task is named by its number, such as 3",
            "healthpost tasks list shows the numbers",
        )
    })
}

/// How many lines of a list are wanted.
///
/// # Errors
/// In words, for another text or more than the service would give.
pub fn limit(text: &str) -> Result<usize, String> {
    let wanted = text.parse::<usize>().ok();
    let wanted = wanted.filter(|wanted| (1..=RECORDS_LISTED_MAX).contains(wanted));
    wanted.ok_or_else(|| {
        format!("give a number from 1 to {RECORDS_LISTED_MAX}; for more, use healthpost export")
    })
}

/// A stretch of time: from `since` on (inclusive) to `until`, which includes
/// its day when it is a date and is exclusive when it is an instant. Without
/// `until` it has no end: this command's clock need not be the service's.
///
/// # Errors
/// Exit status 2 for a text that is no time.
pub fn period(
    since: Option<&str>,
    until: Option<&str>,
    zone: &TimeZone,
) -> Result<Period, Failure> {
    let since = match since {
        None => UnixMs(0),
        Some(text) => match instant(text) {
            Some(at) => at,
            None => day(text, "--since", zone, 0)?,
        },
    };
    let until = match until {
        None => Period::OPEN_END,
        Some(text) => match instant(text) {
            Some(at) => at,
            None => day(text, "--until", zone, 1)?,
        },
    };
    Ok(Period { since, until })
}

fn instant(text: &str) -> Option<UnixMs> {
    let at: Timestamp = text.parse().ok()?;
    Some(UnixMs(at.as_millisecond()))
}

fn day(text: &str, option: &str, zone: &TimeZone, later: i64) -> Result<UnixMs, Failure> {
    let wrong = || {
        Failure::usage(
            format!("{option} is no time"),
            "write a date (2026-11-21) or a time with its offset (2026-11-21T08:00:00+02:00)",
        )
    };
    if text.len() != 10 {
        return Err(wrong());
    }
    let date: Date = text.parse().map_err(|_| wrong())?;
    let date = date
        .checked_add(jiff::Span::new().days(later))
        .map_err(|_| wrong())?;
    let start = date.to_zoned(zone.clone()).map_err(|_| wrong())?;
    Ok(UnixMs(start.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phone_numbers_are_refused_and_not_repeated() {
        for phone in [
            "+243970000001",
            "243970000001",
            "0970 000 001",
            "+12",
            "(097) 000-0001",
        ] {
            for failure in [record(phone).err(), message(phone).err()] {
                let text = failure.unwrap().to_string();
                assert!(text.contains("phone number"), "{text}");
                assert!(!text.contains("97"), "{text}");
            }
        }
    }

    #[test]
    fn ids_are_read() {
        let id = RecordId::from_random(9);
        assert_eq!(record(&id.as_str().to_lowercase()).unwrap(), id);
        assert_eq!(message("12").unwrap(), OutboxId(12));
        for bad in ["0", "-1", "x", ""] {
            assert!(message(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_list_is_never_cut_in_silence() {
        assert_eq!(limit("1000"), Ok(1_000));
        for bad in ["0", "1001", "-1", "all", ""] {
            assert!(limit(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_date_is_the_clinics_day_and_until_includes_it() {
        let zone = TimeZone::get("Africa/Lubumbashi").unwrap();
        let both = period(Some("2026-11-21"), Some("2026-11-21"), &zone).unwrap();
        assert_eq!(both.since, UnixMs(1_795_212_000_000));
        assert_eq!(both.until.ms_since(both.since), crate::core::time::DAY_MS);
        let exact = period(
            Some("2026-11-21T00:00:00+02:00"),
            Some("2026-11-21T00:00:00Z"),
            &zone,
        )
        .unwrap();
        assert_eq!(exact.since, both.since);
        assert_eq!(exact.until, UnixMs(1_795_219_200_000));
        assert_eq!(period(None, None, &zone).unwrap().until, Period::OPEN_END);
        for bad in ["yesterday", "2026-02-30", "2026-11-21T08:00", ""] {
            assert!(period(Some(bad), None, &zone).is_err(), "{bad}");
        }
    }
}
