//! When a contact's messages are stepped: people write in bursts, and what
//! arrives together is answered together; a flood is slowed, never dropped.

use crate::core::limits::QUIET_MS_MAX;
use crate::core::time::{MINUTE_MS, UnixMs};

/// Steps of one contact in a running minute that pass without a brake. A
/// person in an intake needs a handful.
const STEPS_UNBRAKED: i64 = 20;
/// How long a step waits once the brake is on.
const BRAKE_MS: i64 = 10_000;

/// When to step a contact whose first waiting message came at `first`, given
/// that another has just come at `now`. Danger signs (`urgent`) do not wait.
pub fn due_at(first: UnixMs, now: UnixMs, quiet_ms: i64, urgent: bool, braked: bool) -> UnixMs {
    if urgent {
        return now;
    }
    let quiet = now.plus_ms(quiet_ms.clamp(0, QUIET_MS_MAX));
    let latest = first.plus_ms(QUIET_MS_MAX);
    let due = quiet.min(latest).max(first);
    if braked {
        due.max(now.plus_ms(BRAKE_MS))
    } else {
        due
    }
}

/// The running minute's step counter: `(minute, count)` after one more step.
pub const fn count_step(minute: i64, count: i64, now: UnixMs) -> (i64, i64) {
    let current = now.0.div_euclid(MINUTE_MS);
    if current == minute {
        (minute, count + 1)
    } else {
        (current, 1)
    }
}

/// Whether the contact has used up this minute's unbraked steps.
pub const fn is_braked(minute: i64, count: i64, now: UnixMs) -> bool {
    now.0.div_euclid(MINUTE_MS) == minute && count >= STEPS_UNBRAKED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_answered_once_it_falls_quiet_but_within_five_seconds() {
        let first = UnixMs(1_000);
        let at = |now| due_at(first, UnixMs(now), 1_500, false, false).0;
        assert_eq!(at(1_000), 2_500);
        assert_eq!(at(2_000), 3_500);
        assert_eq!(at(5_900), 6_000);
        assert_eq!(at(60_000), 6_000, "a clock jump does not postpone for ever");
    }

    #[test]
    fn danger_does_not_wait_even_when_braked() {
        assert_eq!(due_at(UnixMs(0), UnixMs(7), 1_500, true, true), UnixMs(7));
    }

    #[test]
    fn the_brake_slows_and_lets_go_with_the_minute() {
        let now = UnixMs(5 * MINUTE_MS);
        let (mut minute, mut count) = (0, 0);
        for _ in 0..STEPS_UNBRAKED {
            assert!(!is_braked(minute, count, now));
            (minute, count) = count_step(minute, count, now);
        }
        assert!(is_braked(minute, count, now));
        assert_eq!(due_at(now, now, 0, false, true), now.plus_ms(BRAKE_MS));
        assert!(!is_braked(minute, count, now.plus_ms(MINUTE_MS)));
    }
}
