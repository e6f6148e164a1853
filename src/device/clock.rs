//! The clock, and how far to believe it. The only place that reads it.
//!
//! A board without a battery may wake up in 1970. The time told never runs
//! behind the floor: the latest of this program's date, the last commit and the
//! newest stamp in a verified webhook. The system's own clock is never set.
//!
//! The last commit may have been dated by a clock that was ahead, so beside a
//! clock that somebody keeps right it counts for nothing. Else the box would run
//! ahead for good: each start would raise the floor of the next.

use crate::core::time::{DAY_MS, MINUTE_MS, Now, UnixMs};
use crate::ports::Clock;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The program cannot run before it was written: 2026-11-01T00:00:00Z.
pub const WRITTEN_AT: UnixMs = UnixMs(1_793_491_200_000);
/// No box runs that long after the last thing it knew; such a time is nonsense.
const AHEAD_MS_MAX: i64 = 20 * 365 * DAY_MS;
/// Furthest ahead of all it knows that an unsynchronised clock follows what it
/// is told: a board that woke up years late is believable, ten times that is not.
const LEARN_MS_MAX: i64 = 10 * 365 * DAY_MS;
/// Furthest ahead of it that a synchronised clock follows the provider's stamp:
/// a battery may be hours late.
const STAMP_MS_MAX: i64 = DAY_MS;
/// How far our clock may be behind the provider's, or behind the last commit,
/// and still be a good one.
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
    written: Floor,
    stamped: Option<Floor>,
    recalled: Option<Floor>,
    synchronised: bool,
    looked: Option<Instant>,
}

/// A moment that had come; it moves on with the time that has passed since.
#[derive(Clone, Copy, Debug)]
struct Floor {
    known: UnixMs,
    since: Instant,
}

/// Where the clock is told of a moment that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Stamp,
    Database,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl SystemClock {
    /// A clock whose floor is the program's own date.
    pub fn new() -> Self {
        Self(Mutex::new(State::new(false, instant())))
    }

    fn hear(&self, known: UnixMs, source: Source) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = instant();
        state.look(now);
        state.hear(known, source, system(), now);
    }
}

impl Clock for SystemClock {
    fn learn(&self, known: UnixMs) {
        self.hear(known, Source::Stamp);
    }

    fn recall(&self, known: UnixMs) {
        self.hear(known, Source::Database);
    }

    fn now(&self) -> Now {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = instant();
        state.look(now);
        state.tell(system(), now)
    }
}

impl Floor {
    fn at(self, now: Instant) -> UnixMs {
        let passed = now.saturating_duration_since(self.since).as_millis();
        self.known
            .plus_ms(i64::try_from(passed).unwrap_or(i64::MAX))
    }
}

impl State {
    const fn new(synchronised: bool, now: Instant) -> Self {
        Self {
            written: Floor {
                known: WRITTEN_AT,
                since: now,
            },
            stamped: None,
            recalled: None,
            synchronised,
            looked: None,
        }
    }

    fn hear(&mut self, known: UnixMs, source: Source, system: UnixMs, now: Instant) {
        self.forget_wrong(system, now);
        let floor = self.floor_at(now);
        let absurd = known.ms_since(system.max(floor)) > LEARN_MS_MAX;
        if known > floor && !absurd {
            let heard = Some(Floor { known, since: now });
            match source {
                Source::Stamp => self.stamped = heard,
                Source::Database => self.recalled = heard,
            }
        }
    }

    fn tell(&mut self, system: UnixMs, now: Instant) -> Now {
        self.forget_wrong(system, now);
        judge(system, self.floor_at(now), self.synchronised)
    }

    /// Against a clock that is kept right, a moment far ahead is the one that is
    /// wrong. One from before the program was written is not kept right by
    /// anybody yet, whatever the signs say.
    fn forget_wrong(&mut self, system: UnixMs, now: Instant) {
        if !self.synchronised || system < WRITTEN_AT {
            return;
        }
        let beyond = |floor: &Floor, most| floor.at(now).ms_since(system) > most;
        self.stamped = self.stamped.filter(|it| !beyond(it, STAMP_MS_MAX));
        self.recalled = self.recalled.filter(|it| !beyond(it, SKEW_MS_MAX));
    }

    fn floor_at(&self, now: Instant) -> UnixMs {
        let others = [self.stamped, self.recalled].into_iter().flatten();
        let written = self.written.at(now);
        others.fold(written, |floor, other| floor.max(other.at(now)))
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

    const TODAY: UnixMs = WRITTEN_AT.plus_ms(20 * DAY_MS);

    /// A clock that was told something when the system's said `TODAY`.
    fn told(synchronised: bool, known: UnixMs, source: Source) -> (State, Instant) {
        let now = instant();
        let mut state = State::new(synchronised, now);
        state.hear(known, source, TODAY, now);
        (state, now)
    }

    #[test]
    fn a_floor_holds_and_runs_on_where_nobody_keeps_the_clock_right() {
        let far = TODAY.plus_ms(400 * DAY_MS);
        for source in [Source::Stamp, Source::Database] {
            let (mut state, now) = told(false, far, source);
            state.hear(UnixMs(1), source, TODAY, now);
            let later = now + Duration::from_millis(7);
            let said = state.tell(TODAY, later);
            assert_eq!((said.at, said.trusted), (far.plus_ms(7), false));
            // And however far it is, nonsense is nonsense.
            let (mut state, now) = told(false, TODAY.plus_ms(11 * 365 * DAY_MS), source);
            assert_eq!(state.tell(TODAY, now).at, TODAY);
        }
    }

    #[test]
    fn what_a_clock_that_was_ahead_has_written_does_not_overrule_one_that_is_right() {
        let far = TODAY.plus_ms(400 * DAY_MS);
        let (mut state, now) = told(true, far, Source::Database);
        let said = state.tell(TODAY, now);
        assert_eq!((said.at, said.trusted), (TODAY, true));
        // Seconds ahead are two good clocks, and none of them is wrong.
        let near = TODAY.plus_ms(3_000);
        let (mut state, now) = told(true, near, Source::Database);
        let said = state.tell(TODAY, now);
        assert_eq!((said.at, said.trusted), (near, true));
        // The signs may come after the database was opened.
        let (mut state, now) = told(false, far, Source::Database);
        assert_eq!(state.tell(TODAY, now).at, far);
        state.synchronised = true;
        let said = state.tell(TODAY, now);
        assert_eq!((said.at, said.trusted), (TODAY, true));
        state.hear(TODAY.plus_ms(1), Source::Stamp, TODAY, now);
        assert!(
            state.tell(TODAY.plus_ms(2), now).trusted,
            "and it stays gone"
        );
    }

    #[test]
    fn a_board_that_woke_up_in_the_past_takes_the_floor_whatever_the_signs_say() {
        let woken = WRITTEN_AT.plus_ms(-DAY_MS);
        for source in [Source::Stamp, Source::Database] {
            let (mut state, now) = told(true, TODAY, source);
            let said = state.tell(woken, now);
            assert_eq!((said.at, said.trusted), (TODAY, false));
        }
    }

    #[test]
    fn a_synchronised_clock_does_not_follow_an_absurd_stamp() {
        let (mut state, now) = told(true, TODAY.plus_ms(30 * DAY_MS), Source::Stamp);
        assert_eq!(state.tell(TODAY, now).at, TODAY);
        let hours = TODAY.plus_ms(DAY_MS / 2);
        state.hear(hours, Source::Stamp, TODAY, now);
        let said = state.tell(TODAY, now);
        assert_eq!((said.at, said.trusted), (hours, false));
        // Seconds ahead are the provider's clock against ours, no more.
        let (mut state, now) = told(true, TODAY.plus_ms(3_000), Source::Stamp);
        assert!(state.tell(TODAY, now).trusted);
    }

    #[test]
    fn the_clock_looks_for_the_signs_before_it_believes_anything() {
        let clock = SystemClock::new();
        clock.recall(UnixMs(1));
        assert!(clock.0.lock().unwrap().looked.is_some());
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
