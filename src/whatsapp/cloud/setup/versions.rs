//! How long each version of the Graph API lives. A call to an ended version is
//! answered by the oldest living one, so shapes change without a word.

use super::finding::{Finding, bad, ok, warning};
use crate::core::time::{DAY_MS, UnixMs};
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Versions by their first number, with the last day of their life, as Meta
/// published it by November 2026.
const ENDS: [(u32, &str); 6] = [
    (20, "2026-09-24"),
    (21, "2027-01-21"),
    (22, "2027-05-20"),
    (23, "2027-10-08"),
    (24, "2028-02-18"),
    (25, "2028-07-29"),
];

/// How long before the end one is warned: half a year.
const WARNING_DAYS: i64 = 183;

const WHAT: &str = "API version";

/// When a version ends; none for one whose end is not known yet.
fn end(version: &str) -> Option<UnixMs> {
    let major: u32 = version.strip_prefix('v')?.split('.').next()?.parse().ok()?;
    let oldest = ENDS.first()?.0;
    let listed = ENDS.iter().find(|(known, _)| *known == major.max(oldest))?;
    let date: Date = listed.1.parse().ok()?;
    let end = date.to_zoned(TimeZone::UTC).ok()?;
    Some(UnixMs(end.timestamp().as_millisecond()))
}

/// Whether a version lives, and for how long.
pub fn judge(version: &str, now: UnixMs) -> Finding {
    let how = "set whatsapp.api_version to the newest version Meta lists at \
               developers.facebook.com/docs/graph-api/changelog, and restart the service";
    let Some(end) = end(version) else {
        return ok(
            WHAT,
            format!("{version}; Meta has not said yet when it ends"),
        );
    };
    let day = jiff::Timestamp::from_millisecond(end.0)
        .map(|at| at.strftime("%-d %B %Y").to_string())
        .unwrap_or_default();
    let left = end.ms_since(now);
    if left <= 0 {
        bad(WHAT, format!("{version} ended on {day}"), how)
    } else if left < WARNING_DAYS * DAY_MS {
        warning(WHAT, format!("{version} ends on {day}"), how)
    } else {
        ok(WHAT, format!("{version}, which lives until {day}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    #[test]
    fn a_version_is_sound_then_warned_of_then_ended() {
        let day = |text: &str| {
            let date: Date = text.parse().unwrap();
            UnixMs(
                date.to_zoned(TimeZone::UTC)
                    .unwrap()
                    .timestamp()
                    .as_millisecond(),
            )
        };
        let cases = [
            ("v25.0", "2026-11-21", Verdict::Ok),
            ("v25.0", "2028-02-01", Verdict::Warning),
            ("v25.0", "2028-07-29", Verdict::Bad),
            ("v21.0", "2026-11-21", Verdict::Warning),
            ("v20.0", "2026-11-21", Verdict::Bad),
            ("v3.1", "2026-11-21", Verdict::Bad),
            ("v26.0", "2026-11-21", Verdict::Ok),
            ("v99.0", "2026-11-21", Verdict::Ok),
        ];
        for (version, now, verdict) in cases {
            let finding = judge(version, day(now));
            assert_eq!(
                finding.verdict, verdict,
                "{version} on {now}: {}",
                finding.said
            );
        }
        assert!(
            judge("v25.0", day("2026-11-21"))
                .said
                .contains("29 July 2028")
        );
    }
}
