//! The clock: this machine's, and what a running service makes of it.

use super::finding::{Findings, Verdict};
use crate::core::table;
use crate::core::time::{MINUTE_MS, Now};
use crate::ops::ClockFacts;
use jiff::tz::TimeZone;

/// How far a service that was asked a moment ago may be from us.
const APART_MS_MAX: i64 = 5 * MINUTE_MS;

/// Looks at the service's clock where one runs, and holds it against ours.
pub(super) fn look_at_clock(
    ours: Now,
    service: Option<ClockFacts>,
    zone: &TimeZone,
    findings: &mut Findings,
) {
    let (verdict, said, how) = judge(ours, service, zone);
    findings.add("clock", verdict, &said, how);
}

fn judge(
    ours: Now,
    service: Option<ClockFacts>,
    zone: &TimeZone,
) -> (Verdict, String, &'static str) {
    let word = |at| table::time(at, zone);
    let goes_by = service.map_or(ours, |clock| Now {
        at: clock.at,
        trusted: clock.trusted,
    });
    let apart = goes_by.at.ms_since(ours.at).saturating_abs() > APART_MS_MAX;
    if apart && ours.trusted {
        let (its, machines) = (word(goes_by.at), word(ours.at));
        let said = format!("the service goes by {its}, the machine's clock by {machines}");
        let how = "let the machine reach a time server, then systemctl restart healthpost";
        return (Verdict::Bad, said, how);
    }
    let said = word(goes_by.at);
    if goes_by.trusted {
        let said = format!("{said}, and set by something we trust");
        return (Verdict::Ok, said, "");
    }
    let how = "let it reach a time server, or add a clock with a battery";
    let said = format!("{said}, and nobody vouches for it");
    (Verdict::Warning, said, how)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::time::{DAY_MS, UnixMs};

    const TODAY: UnixMs = UnixMs(1_795_168_800_000);

    fn of(ours_trusted: bool, service: Option<(i64, bool)>) -> (Verdict, String) {
        let ours = Now {
            at: TODAY,
            trusted: ours_trusted,
        };
        let service = service.map(|(ahead_ms, trusted)| ClockFacts {
            at: TODAY.plus_ms(ahead_ms),
            trusted,
        });
        let (verdict, said, how) = judge(ours, service, &TimeZone::UTC);
        assert_eq!(how.is_empty(), verdict == Verdict::Ok);
        (verdict, said)
    }

    #[test]
    fn a_service_that_runs_ahead_of_its_machine_is_told_of() {
        let (verdict, said) = of(true, Some((400 * DAY_MS, false)));
        assert_eq!(verdict, Verdict::Bad);
        assert!(
            said.contains("2026-11") && said.contains("2027-12"),
            "{said}"
        );
        assert_eq!(of(true, Some((900, true))).0, Verdict::Ok);
        assert_eq!(of(true, Some((900, false))).0, Verdict::Warning);
    }

    #[test]
    fn a_board_that_woke_up_in_the_past_has_the_better_clock_in_its_service() {
        let (verdict, said) = of(false, Some((400 * DAY_MS, false)));
        assert_eq!(verdict, Verdict::Warning);
        assert!(said.contains("2027-12"), "{said}");
    }

    #[test]
    fn without_a_service_it_is_the_machines() {
        assert_eq!(of(true, None).0, Verdict::Ok);
        assert_eq!(of(false, None).0, Verdict::Warning);
    }
}
