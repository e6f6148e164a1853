//! How long to wait before the next try.
//!
//! Pure and bounded: a longer history never means a shorter wait, and no hint
//! of a provider can silence the channel for good.

use super::Class;
use crate::core::limits::{NUMBER_LIMITED_MS, PROVIDER_WAIT_MS_MAX, RETRY_WAIT_MS_MAX};
use crate::core::time::{MINUTE_MS, SECOND_MS};

/// How long nothing is heard before a message in doubt is decided upon, ms.
const DOUBT_MS: i64 = 15 * MINUTE_MS;

/// The wait after try number `attempt` (the first is 0), in milliseconds.
///
/// `hint` is what the provider asked for; the longer of both counts, up to
/// `PROVIDER_WAIT_MS_MAX`. `jitter` is a random number: it adds up to a quarter,
/// so that a queue does not wake up all at once. For a class that no wait can
/// help, it is the wait until somebody may have repaired it by hand.
pub fn wait_ms(class: Class, attempt: u32, hint: Option<i64>, jitter: u32) -> i64 {
    let base = match class {
        Class::ThrottleContact => grown(SECOND_MS, 4, attempt),
        Class::ThrottleNumber => grown(SECOND_MS, 2, attempt),
        Class::NumberLimited => NUMBER_LIMITED_MS,
        Class::Retry => grown(5 * SECOND_MS, 2, attempt),
        Class::Configuration => grown(MINUTE_MS, 2, attempt),
        Class::Unknown | Class::PossiblySent => DOUBT_MS,
        Class::Permanent | Class::NeedsTemplate => RETRY_WAIT_MS_MAX,
    };
    let extra = (base / 4).saturating_mul(i64::from(jitter)) / i64::from(u32::MAX);
    let asked = hint.unwrap_or(0).clamp(0, PROVIDER_WAIT_MS_MAX);
    (base + extra).max(asked)
}

fn grown(first_ms: i64, factor: i64, attempt: u32) -> i64 {
    factor
        .saturating_pow(attempt)
        .saturating_mul(first_ms)
        .min(RETRY_WAIT_MS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Class; 9] = [
        Class::Configuration,
        Class::ThrottleNumber,
        Class::NumberLimited,
        Class::ThrottleContact,
        Class::Retry,
        Class::Permanent,
        Class::NeedsTemplate,
        Class::Unknown,
        Class::PossiblySent,
    ];

    #[test]
    fn the_first_waits_of_each_class() {
        let waits = |class| [0, 1, 2, 3, 20].map(|n| wait_ms(class, n, None, 0) / SECOND_MS);
        assert_eq!(waits(Class::ThrottleContact), [1, 4, 16, 64, 900]);
        assert_eq!(waits(Class::ThrottleNumber), [1, 2, 4, 8, 900]);
        assert_eq!(waits(Class::Retry), [5, 10, 20, 40, 900]);
        assert_eq!(waits(Class::Configuration), [60, 120, 240, 480, 900]);
        assert_eq!(waits(Class::Unknown), [900; 5]);
        assert_eq!(waits(Class::NumberLimited), [4 * 3_600; 5]);
    }

    #[test]
    fn a_hint_lengthens_and_never_shortens() {
        assert_eq!(wait_ms(Class::Retry, 0, Some(60_000), 0), 60_000);
        assert_eq!(wait_ms(Class::Retry, 0, Some(1), 0), 5_000);
        assert_eq!(
            wait_ms(Class::Retry, 0, Some(i64::MAX), 0),
            PROVIDER_WAIT_MS_MAX
        );
        assert_eq!(wait_ms(Class::Retry, 0, Some(i64::MIN), 0), 5_000);
    }

    proptest! {
        #[test]
        fn bounded_and_monotone(class in prop::sample::select(ALL.to_vec()), attempt: u32, hint: Option<i64>, jitter: u32) {
            let now = wait_ms(class, attempt, hint, jitter);
            let next = wait_ms(class, attempt.saturating_add(1), hint, jitter);
            prop_assert!(next >= now, "{} then {}", now, next);
            prop_assert!((SECOND_MS..=PROVIDER_WAIT_MS_MAX).contains(&now));
            let most = if class == Class::NumberLimited { NUMBER_LIMITED_MS } else { RETRY_WAIT_MS_MAX };
            let longest = most + most / 4;
            prop_assert!(wait_ms(class, attempt, None, jitter) <= longest);
        }
    }
}
