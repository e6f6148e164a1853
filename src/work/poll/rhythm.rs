//! How often the chats are looked into. Pure: what it depends on is handed in.

use crate::core::time::{HOUR_MS, MINUTE_MS, SECOND_MS};

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
    /// Until what the looks have cost is earned again, ms.
    pub owed_ms: i64,
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
            .min(FAILED_MS_MAX)
            .max(rhythm.owed_ms);
    }
    if rhythm.more {
        return MORE_MS;
    }
    let base = if rhythm.crowded || rhythm.quiet_ms < LIVELY_MS {
        BUSY_MS
    } else {
        IDLE_MS
    };
    let heard = rhythm.unheard_ms < HEARD_FOR_MS && !rhythm.crowded;
    let least = if heard { HEARD_MS } else { 0 };
    base.max(least).max(rhythm.owed_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Rhythm = Rhythm {
        failed: 0,
        more: false,
        owed_ms: 0,
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
            // What was spent is earned first, whoever writes or tells.
            (
                Rhythm {
                    owed_ms: HOUR_MS,
                    quiet_ms: 0,
                    ..QUIET
                },
                HOUR_MS,
            ),
            (
                Rhythm {
                    owed_ms: HOUR_MS,
                    unheard_ms: 0,
                    ..QUIET
                },
                HOUR_MS,
            ),
            (
                Rhythm {
                    owed_ms: HOUR_MS,
                    failed: 1,
                    ..QUIET
                },
                HOUR_MS,
            ),
            // What one list has told is finished.
            (
                Rhythm {
                    owed_ms: HOUR_MS,
                    more: true,
                    ..QUIET
                },
                MORE_MS,
            ),
        ];
        for (rhythm, wait) in cases {
            assert_eq!(wait_ms(rhythm), wait, "{rhythm:?}");
        }
    }
}
