//! Trying a line by a message, where nothing is left to ask with. Pure.

use crate::core::time::{MINUTE_MS, SECOND_MS};

/// From the last question to the first message that tries.
const FIRST_MS: i64 = 30 * SECOND_MS;
/// From one that found nothing better to the next, at most.
const MOST_MS: i64 = 10 * MINUTE_MS;

/// How often it was tried since a message was taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Blind {
    tries: u32,
    is_on: bool,
}

impl Blind {
    /// Never yet.
    pub(super) const fn new() -> Self {
        Self {
            tries: 0,
            is_on: false,
        }
    }

    /// The next message tries.
    pub(super) const fn begin(&mut self) {
        self.tries = self.tries.saturating_add(1);
        self.is_on = true;
    }

    /// One came to its end.
    pub(super) const fn over(&mut self, accepted: bool) {
        self.is_on = false;
        if accepted {
            self.tries = 0;
        }
    }

    /// Whether one message is to try for all.
    pub(super) const fn is_on(self) -> bool {
        self.is_on
    }

    /// From the last question to the next try, ms.
    pub(super) fn wait_ms(self) -> i64 {
        FIRST_MS.saturating_mul(1 << self.tries.min(8)).min(MOST_MS)
    }
}
