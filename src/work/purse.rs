//! What asking after the line costs on the wire, and the purse it is paid from.
//!
//! Many clinics pay by the megabyte: the bound of a day holds whatever happens,
//! a line that comes and goes all day included.

use crate::core::time::{DAY_MS, UnixMs};

/// Most bytes on the wire that may be spent on asking, in any 24 hours, both
/// ways, with IP and TCP headers.
pub const ASKING_BYTES_A_DAY: i64 = 1_000_000;
/// What may be spent at once, after a quiet time.
pub const BURST_BYTES: i64 = 35_000;
/// A touch over IPv4: SYN 60, its answer 60, reset 52 (measured).
pub const TOUCH_BYTES: i64 = 172;
/// A touch over IPv6: 80, 80 and 72.
const TOUCH_V6_BYTES: i64 = 232;
/// An echo request and its answer over IPv4, without data.
pub const ECHO_BYTES: i64 = 56;
/// The same over IPv6.
const ECHO_V6_BYTES: i64 = 96;
/// One unanswered SYN, over either.
const SYN_BYTES: i64 = 80;
/// A probe with a full handshake and a chain of three certificates.
pub const PROBE_BYTES: i64 = 7_000;

/// A look-up of the provider's name for both kinds of addresses, asked twice.
pub const LOOK_UP_BYTES: i64 = 600;

/// Now, by a clock that only goes forward and by the calendar.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Milliseconds since some start.
    pub steady_ms: i64,
    /// The time of day, for what the provider asked for.
    pub at: UnixMs,
}

/// What to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// An echo request.
    Echo {
        /// How long to wait for its answer, ms.
        patience_ms: i64,
    },
    /// An empty connection.
    Touch {
        /// How long to wait for it, ms.
        patience_ms: i64,
        /// Whether the provider's name is looked up for it, though an address of
        /// it is known.
        looks_up: bool,
    },
    /// A real question.
    Probe,
    /// Nothing: the next message tells.
    Message,
}

/// What asking costs at most, bytes.
pub fn cost(ask: Ask, v6: bool) -> i64 {
    match ask {
        Ask::Message => 0,
        Ask::Probe => PROBE_BYTES,
        Ask::Echo { .. } if v6 => ECHO_V6_BYTES,
        Ask::Echo { .. } => ECHO_BYTES,
        Ask::Touch {
            patience_ms,
            looks_up,
        } => {
            let reached = if v6 { TOUCH_V6_BYTES } else { TOUCH_BYTES };
            // SYNs leave at 0, 1, 3 and 7 seconds.
            let syns = match patience_ms {
                ..1_000 => 1,
                1_000..3_000 => 2,
                3_000..7_000 => 3,
                7_000.. => 4,
            };
            let look_up = if looks_up { LOOK_UP_BYTES } else { 0 };
            reached.max(syns * SYN_BYTES) + look_up
        }
    }
}

/// Fills evenly and is never fuller than the burst, so that what is taken out
/// within any day is at most the day's bound.
#[derive(Clone, Copy, Debug)]
pub struct Purse {
    /// So many bytes, times the milliseconds of a day: no rounding is lost.
    filled: i64,
    at_ms: i64,
}

impl Purse {
    /// Fills by so many bytes a day.
    const A_DAY: i64 = ASKING_BYTES_A_DAY - BURST_BYTES;
    /// One byte.
    const BYTE: i64 = DAY_MS;

    /// A full one, at the start.
    pub const fn full() -> Self {
        Self {
            filled: BURST_BYTES * Self::BYTE,
            at_ms: 0,
        }
    }

    fn now(self, now: Moment) -> i64 {
        let passed = now.steady_ms.saturating_sub(self.at_ms).clamp(0, DAY_MS);
        (self.filled + passed * Self::A_DAY).min(BURST_BYTES * Self::BYTE)
    }

    /// Whether so many bytes can be spent.
    pub fn holds(self, bytes: i64, now: Moment) -> bool {
        self.now(now) >= bytes * Self::BYTE
    }

    /// Milliseconds until so many bytes can be spent.
    pub fn wait_ms(self, bytes: i64, now: Moment) -> i64 {
        let lacking = bytes * Self::BYTE - self.now(now);
        if lacking <= 0 {
            return 0;
        }
        (lacking + Self::A_DAY - 1) / Self::A_DAY
    }

    /// Spends them.
    pub fn spend(&mut self, bytes: i64, now: Moment) {
        self.filled = self.now(now) - bytes * Self::BYTE;
        self.at_ms = now.steady_ms;
    }
}
