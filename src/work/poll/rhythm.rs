//! How often the chats are looked into. Pure: what it depends on is handed in.

use crate::core::limits::POLL_BYTES_PER_DAY;
use crate::core::time::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS};

/// Wait between looks while somebody is writing.
pub const BUSY_MS: i64 = 3 * SECOND_MS;
/// Wait before what one look has left: the second that stamps tell is over.
const MORE_MS: i64 = SECOND_MS;
/// Wait between looks while nobody is.
const IDLE_MS: i64 = 20 * SECOND_MS;
/// Wait between looks while webhooks arrive: they are only a net below them.
const HEARD_MS: i64 = 5 * MINUTE_MS;
/// For how long after a message somebody counts as writing.
const LIVELY_MS: i64 = 5 * MINUTE_MS;
/// For how long after a webhook they are believed to arrive.
const HEARD_FOR_MS: i64 = HOUR_MS;
/// First wait after a look that failed; it doubles.
const FAILED_MS: i64 = 2 * SECOND_MS;
/// Longest wait after looks that failed.
const FAILED_MS_MAX: i64 = 5 * MINUTE_MS;

/// What the next look depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rhythm {
    /// Looks in a row that failed.
    pub failed: u32,
    /// Whether the last one left something for the next.
    pub more: bool,
    /// What the list of chats cost, bytes: each look pays it anew.
    pub bytes: usize,
    /// Since the last message of either side, ms.
    pub quiet_ms: i64,
    /// Since the last webhook, ms.
    pub unheard_ms: i64,
    /// Whether the provider's own queue is full, or may be.
    pub crowded: bool,
}

/// How long to wait for the next look, ms. A clinic whose webhooks arrive
/// needs few; one without a public way in pays for each, so large lists are
/// asked for ever more rarely.
pub fn wait_ms(rhythm: Rhythm) -> i64 {
    if rhythm.failed > 0 {
        return FAILED_MS
            .saturating_mul(1 << (rhythm.failed - 1).min(16))
            .min(FAILED_MS_MAX);
    }
    if rhythm.more {
        return MORE_MS;
    }
    let base = if rhythm.crowded || rhythm.quiet_ms < LIVELY_MS {
        BUSY_MS
    } else {
        IDLE_MS
    };
    if rhythm.unheard_ms < HEARD_FOR_MS && !rhythm.crowded {
        return base.max(HEARD_MS);
    }
    let bytes = i64::try_from(rhythm.bytes).unwrap_or(i64::MAX);
    let affordable = bytes
        .saturating_mul(DAY_MS)
        .saturating_add(POLL_BYTES_PER_DAY - 1)
        / POLL_BYTES_PER_DAY;
    base.max(affordable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const QUIET: Rhythm = Rhythm {
        failed: 0,
        more: false,
        bytes: 2_000,
        quiet_ms: HOUR_MS,
        unheard_ms: i64::MAX,
        crowded: false,
    };

    #[test]
    fn the_wait_follows_what_there_is_to_gain() {
        let cases = [
            (QUIET, IDLE_MS),
            (
                Rhythm {
                    quiet_ms: 0,
                    ..QUIET
                },
                3_296,
            ),
            (
                Rhythm {
                    bytes: 0,
                    quiet_ms: 0,
                    ..QUIET
                },
                BUSY_MS,
            ),
            (
                Rhythm {
                    unheard_ms: 0,
                    quiet_ms: 0,
                    ..QUIET
                },
                HEARD_MS,
            ),
            (
                Rhythm {
                    more: true,
                    ..QUIET
                },
                MORE_MS,
            ),
            (
                Rhythm {
                    failed: 1,
                    more: true,
                    ..QUIET
                },
                FAILED_MS,
            ),
            (
                Rhythm {
                    failed: 99,
                    ..QUIET
                },
                FAILED_MS_MAX,
            ),
            // A list of a thousand chats is read every six minutes.
            (
                Rhythm {
                    bytes: 200_000,
                    quiet_ms: 0,
                    ..QUIET
                },
                329_590,
            ),
        ];
        for (rhythm, wait) in cases {
            assert_eq!(wait_ms(rhythm), wait, "{rhythm:?}");
        }
    }

    proptest! {
        #[test]
        fn lists_never_cost_more_than_the_day_allows(bytes in 0_usize..3_000_000, quiet_ms: i64, unheard_ms: i64, crowded: bool) {
            let wait = wait_ms(Rhythm { bytes, quiet_ms, unheard_ms, crowded, ..QUIET });
            prop_assert!(wait >= BUSY_MS);
            let bytes = i64::try_from(bytes).unwrap();
            let per_day = bytes * (DAY_MS / wait);
            prop_assert!(unheard_ms < HEARD_FOR_MS || per_day <= POLL_BYTES_PER_DAY, "{per_day}");
        }
    }
}
