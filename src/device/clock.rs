//! The clock, and how far to believe it. The only place that reads it.
//!
//! A board without a battery may wake up in 1970. The time told never runs
//! behind the floor: the latest of this program's date, the last commit and the
//! newest stamp in a verified webhook. The system's own clock is never set.

use crate::core::time::{DAY_MS, MINUTE_MS, Now, UnixMs};
use crate::ports::Clock;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The program cannot run before it was written: 2026-11-01T00:00:00Z.
pub const WRITTEN_AT: UnixMs = UnixMs(1_793_491_200_000);
/// No box runs that long after the last thing it knew; such a time is nonsense.
const AHEAD_MS_MAX: i64 = 20 * 365 * DAY_MS;
/// How far our clock may be behind the provider's and still be a good one.
const SKEW_MS_MAX: i64 = 5 * MINUTE_MS;
/// How often the signs of synchronisation are looked at while there are none.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// Where systemd-timesyncd works, if it does.
const TIMESYNC: &str = "/run/systemd/timesync";
/// Says whether the kernel set its time from a clock with a battery.
const BATTERY: &str = "/sys/class/rtc/rtc0/hctosys";

/// The machine's clock above a floor.
#[derive(Debug)]
pub struct SystemClock(Mutex<State>);

#[derive(Debug)]
struct State {
    floor: UnixMs,
    floor_since: Instant,
    synchronised: bool,
    looked: Option<Instant>,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl SystemClock {
    /// A clock whose floor is the program's own date.
    pub fn new() -> Self {
        Self(Mutex::new(State {
            floor: WRITTEN_AT,
            floor_since: instant(),
            synchronised: false,
            looked: None,
        }))
    }
}

impl Clock for SystemClock {
    fn learn(&self, known: UnixMs) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = instant();
        // Against a clock that is synchronised, a stamp far ahead is the one
        // that is wrong.
        let absurd = state.synchronised && known.ms_since(system()) > DAY_MS;
        if known > state.floor_at(now) && !absurd {
            state.floor = known;
            state.floor_since = now;
        }
    }

    fn now(&self) -> Now {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = instant();
        state.look(now);
        judge(system(), state.floor_at(now), state.synchronised)
    }
}

impl State {
    /// The floor moves on with the time that has passed since it was set.
    fn floor_at(&self, now: Instant) -> UnixMs {
        let passed = now.saturating_duration_since(self.floor_since).as_millis();
        self.floor
            .plus_ms(i64::try_from(passed).unwrap_or(i64::MAX))
    }

    fn look(&mut self, now: Instant) {
        let due = self
            .looked
            .is_none_or(|at| now.duration_since(at) >= LOOK_AGAIN);
        if !self.synchronised && due {
            self.synchronised = is_synchronised(Path::new(TIMESYNC), Path::new(BATTERY));
            self.looked = Some(now);
        }
    }
}

/// The kernel's own word on it (adjtimex) cannot be had without unsafe code.
/// So: where timesyncd works, its mark or a clock with a battery is asked for;
/// where it does not, somebody else keeps the time and is believed.
fn is_synchronised(timesync: &Path, battery: &Path) -> bool {
    let has_battery = || std::fs::read(battery).is_ok_and(|said| said.starts_with(b"1"));
    !timesync.is_dir() || timesync.join("synchronized").exists() || has_battery()
}

const fn judge(system: UnixMs, floor: UnixMs, synchronised: bool) -> Now {
    let ahead = system.ms_since(floor);
    if ahead < 0 {
        // Two good clocks differ by seconds; one that woke up in the past
        // differs by more.
        return Now {
            at: floor,
            trusted: synchronised && ahead > -SKEW_MS_MAX,
        };
    }
    Now {
        at: system,
        trusted: synchronised && ahead <= AHEAD_MS_MAX,
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that may")]
fn instant() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "the one place that may")]
fn system() -> UnixMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let ms = since.map_or(0, |passed| passed.as_millis());
    UnixMs(i64::try_from(ms).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_behind_its_floor_is_not_trusted() {
        let floor = WRITTEN_AT;
        let behind = judge(UnixMs(0), floor, true);
        assert_eq!((behind.at, behind.trusted), (floor, false));
        let good = judge(floor.plus_ms(5), floor, true);
        assert_eq!((good.at, good.trusted), (floor.plus_ms(5), true));
        assert!(!judge(floor.plus_ms(5), floor, false).trusted);
        assert!(!judge(UnixMs(i64::MAX), floor, true).trusted);
    }

    #[test]
    fn a_raised_floor_holds_and_runs_on() {
        let clock = SystemClock::new();
        let far = system().plus_ms(3 * DAY_MS);
        clock.learn(far);
        clock.learn(UnixMs(1));
        let now = clock.now();
        assert!(now.at >= far && now.at < far.plus_ms(DAY_MS) && !now.trusted);
    }

    #[test]
    fn a_synchronised_clock_does_not_follow_an_absurd_stamp() {
        let clock = SystemClock::new();
        clock.0.lock().unwrap().synchronised = true;
        clock.learn(system().plus_ms(30 * DAY_MS));
        let now = clock.now();
        assert!(now.trusted && now.at < system().plus_ms(DAY_MS));
        // Seconds ahead are the provider's clock against ours, no more.
        clock.learn(system().plus_ms(3_000));
        assert!(clock.now().trusted);
    }

    #[test]
    fn the_signs_of_synchronisation() {
        let folder = tempfile::tempdir().unwrap();
        let (sync, battery) = (folder.path().join("t"), folder.path().join("b"));
        assert!(is_synchronised(&sync, &battery));
        std::fs::create_dir(&sync).unwrap();
        assert!(!is_synchronised(&sync, &battery));
        crate::durable::write(&battery, b"1\n").unwrap();
        assert!(is_synchronised(&sync, &battery));
        crate::durable::write(&battery, b"0\n").unwrap();
        crate::durable::write(&sync.join("synchronized"), b"").unwrap();
        assert!(is_synchronised(&sync, &battery));
    }
}
