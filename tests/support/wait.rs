//! Waiting for something to become true, with a bound. Nothing here ever waits
//! for a time to pass in the hope that something has happened by then.
#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    reason = "the bound of a wait is real time, and its end is a failure"
)]

use std::time::{Duration, Instant};

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(15);

/// Asks `look` again and again until it gives something; fails, with `what`,
/// after so many seconds.
pub fn until<T>(what: &str, seconds: u64, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "not within {seconds} s: {what}");
        std::thread::park_timeout(LOOK);
    }
}

/// Lets the load run for so long: the time itself is what the test is about.
pub fn pass(time: Duration) {
    let end = Instant::now() + time;
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        if left.is_zero() {
            return;
        }
        std::thread::park_timeout(left);
    }
}

/// Milliseconds UTC by this machine's clock.
pub fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
