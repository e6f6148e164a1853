//! A chat that comes back as no list, while others can be read: when it is tried
//! again, and when staff are told. Pure.

use crate::core::time::{HOUR_MS, MINUTE_MS, UnixMs};

/// First wait before a chat is tried again; it doubles, since what comes back
/// has its cost.
const ODD_AGAIN_MS: i64 = 5 * MINUTE_MS;
/// Longest such wait.
const ODD_LATER_MS: i64 = 2 * HOUR_MS;
/// After so many tries in vain staff read it elsewhere.
const ODD_TRIES: u32 = 3;
/// Of a chat that tells no stamp they are told again after so many more: a day.
const ODD_UNSTAMPED: u32 = 12;

/// A chat that came back as no list.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Aside {
    tries: u32,
    until: UnixMs,
    /// How long it waits, ms.
    pub(super) wait_ms: i64,
    /// Its latest stamp when staff were told.
    told: Option<UnixMs>,
}

impl Aside {
    /// A try in vain; whether staff are to be told.
    pub(super) fn set(&mut self, last: Option<UnixMs>, now: UnixMs) -> bool {
        let growing = ODD_AGAIN_MS.saturating_mul(1 << self.tries.min(16));
        self.wait_ms = growing.min(ODD_LATER_MS);
        self.until = now.plus_ms(self.wait_ms);
        self.tries = self.tries.saturating_add(1);
        let over = self.tries.saturating_sub(ODD_TRIES);
        let news = match last {
            Some(_) => self.told != last,
            None => over.is_multiple_of(ODD_UNSTAMPED),
        };
        let tells = self.tries >= ODD_TRIES && news;
        if tells {
            self.told = last;
        }
        tells
    }

    /// A clock that was set back makes nobody wait for longer.
    pub(super) fn waits(&self, now: UnixMs) -> bool {
        (1..=self.wait_ms).contains(&self.until.ms_since(now))
    }
}
