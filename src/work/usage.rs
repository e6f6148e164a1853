//! Keeps count of what the line costs: bytes as they passed, and the month's
//! free messages, of which staff are warned in time.

use crate::core::limits::USAGE_AGE_MS_MAX;
use crate::core::tasks::Kind;
use crate::core::time::Now;
use crate::core::usage::{Quota, month, quota};
use crate::ports::{Clock, Meter};
use crate::store::tasks::{self, NewTask};
use crate::store::{Error, Writer, usage};
use jiff::tz::TimeZone;
use rusqlite::Connection;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often it counts.
const EVERY: Duration = Duration::from_secs(60);
/// The task that a nearly used-up month becomes.
const TASK: Kind = Kind::FreeMessagesLow;

/// Everything the count needs.
pub struct Count {
    /// Where it is kept.
    pub writer: Writer,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Counts the bytes that pass.
    pub meter: Arc<Meter>,
    /// The clinic's time zone.
    pub zone: TimeZone,
    /// Service messages a month that cost nothing; 0 is no warning.
    pub free: u32,
}

impl Count {
    /// Works until `stop`, and counts a last time then.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            let stopped = tokio::select! {
                () = tokio::time::sleep(EVERY) => false,
                () = stop.cancelled() => true,
            };
            let bytes = self.meter.take();
            let (zone, free, now) = (self.zone.clone(), self.free, self.clock.now());
            let counted = self
                .writer
                .run_lazy(move |conn| turn(conn, bytes, &zone, free, now))
                .await;
            if let Err(error) = counted {
                tracing::warn!(%error, "bytes on the wire were not counted");
            }
            if stopped {
                return;
            }
        }
    }
}

/// Counts these bytes and looks at the month.
///
/// # Errors
/// Whatever the database reports.
pub fn turn(
    conn: &Connection,
    (sent, received): (u64, u64),
    zone: &TimeZone,
    free: u32,
    now: Now,
) -> Result<(), Error> {
    for (kind, bytes) in [(usage::SENT, sent), (usage::RECEIVED, received)] {
        if bytes > 0 {
            usage::add(conn, now.at, kind, bytes)?;
        }
    }
    if !now.trusted {
        return Ok(());
    }
    usage::drop_before(conn, now.at.plus_ms(-USAGE_AGE_MS_MAX))?;
    let month = month(now.at, zone);
    let delivered = usage::sum(conn, usage::SERVICE, month.from, month.until)?;
    match quota(delivered, free) {
        Quota::Fine => Ok(()),
        Quota::Low | Quota::Used => warn_once(conn, &month.name, delivered, now),
    }
}

/// One task a month, however often it is done.
fn warn_once(conn: &Connection, month: &str, delivered: u64, now: Now) -> Result<(), Error> {
    if tasks::was_ever(conn, TASK, month)? {
        return Ok(());
    }
    tracing::warn!(delivered, "the month's free messages are nearly used up");
    let task = NewTask::of(TASK).about(month);
    tasks::open(conn, &task, now.at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::time::UnixMs;
    use crate::store::migrations;

    const NOW: Now = Now {
        at: UnixMs(1_795_168_800_000),
        trusted: true,
    };

    fn db() -> Connection {
        let mut conn = Connection::open_in_memory().unwrap();
        migrations::migrate(&mut conn).unwrap();
        conn
    }

    fn tasks_open(conn: &Connection) -> usize {
        tasks::list_open(conn, 10).unwrap().len()
    }

    #[test]
    fn staff_are_warned_once_a_month_at_four_in_five() {
        let conn = db();
        let turn = |now| turn(&conn, (0, 0), &TimeZone::UTC, 5, now).unwrap();
        for delivered in 1..=4 {
            usage::add_delivered(&conn, NOW.at, Some("service")).unwrap();
            usage::add_delivered(&conn, NOW.at, Some("utility")).unwrap();
            turn(NOW);
            assert_eq!(
                tasks_open(&conn),
                usize::from(delivered == 4),
                "{delivered}"
            );
        }
        conn.execute("UPDATE task SET state = 'done'", []).unwrap();
        turn(NOW);
        assert_eq!(tasks_open(&conn), 0, "one a month");
        let next = Now {
            at: NOW.at.plus_ms(15 * crate::core::time::DAY_MS),
            ..NOW
        };
        turn(next);
        assert_eq!(tasks_open(&conn), 0, "the next month begins at zero");
    }

    #[test]
    fn bytes_are_added_up_and_an_untrusted_clock_drops_nothing() {
        let conn = db();
        let early = UnixMs(0);
        usage::add(&conn, early, usage::SENT, 7).unwrap();
        let untrusted = Now {
            trusted: false,
            ..NOW
        };
        for now in [untrusted, untrusted] {
            turn(&conn, (5, 0), &TimeZone::UTC, 0, now).unwrap();
        }
        let later = NOW.at.plus_ms(1);
        let day = NOW.at.plus_ms(crate::core::time::DAY_MS);
        let all = usage::sum(&conn, usage::SENT, early, day).unwrap();
        assert_eq!(all, 17);
        turn(&conn, (0, 0), &TimeZone::UTC, 0, NOW).unwrap();
        assert_eq!(
            usage::sum(&conn, usage::SENT, early, later.plus_ms(-1_000_000)).unwrap(),
            0
        );
    }
}
