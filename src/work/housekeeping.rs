//! What has to be tidied up now and then: expired waits, finished erasures,
//! old raw bodies, messages and records. Nothing is dropped on an untrusted
//! clock.

use crate::core::limits::PARKED_STATUS_MS;
use crate::core::time::{DAY_MS, Now, UnixMs};
use crate::ports::Clock;
use crate::store::nested::nested;
use crate::store::retention::{self, Seek};
use crate::store::{Error, Writer, clock_moves, erasure, media, nobodys, outbox, secrets};
use rusqlite::Connection;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(60);

/// How long things are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// Raw webhook bodies, days.
    pub webhooks_days: u32,
    /// Messages to and from patients, days; 0 keeps them.
    pub messages_days: u32,
    /// Records, days; 0 keeps them.
    pub records_days: u32,
    /// How long a message in doubt waits, ms.
    pub in_doubt_ms: i64,
}

/// One round; `seek` is what the last one gave. A chore that fails for good
/// keeps no other from being done.
///
/// # Errors
/// Whatever the disk or the moment brings; nothing is done then.
pub fn turn(conn: &Connection, keeping: Keeping, seek: Seek, now: Now) -> Result<Seek, Error> {
    let mended = chore(conn, "waits", || {
        clock_moves::mend(conn, keeping.in_doubt_ms, now.at)
    })?;
    if mended > Some(0) {
        tracing::warn!("the clock was set back; waits that had grown too long were shortened");
    }
    let gone = chore(conn, "erasures", || erasure::finish(conn))?.unwrap_or(0);
    if gone > 0 {
        tracing::info!(contacts = gone, "erased contacts are gone for good");
    }
    chore(conn, "templates", || outbox::end_rest(conn, now.at))?;
    // The rest of an erased file; the fetcher does it faster, where it runs.
    chore(conn, "erased files", || media::sweep(conn))?;
    if !now.trusted {
        return Ok(seek);
    }
    chore(conn, "ages", || clock_moves::mend_ages(conn, now.at))?;
    chore(conn, "secrets", || secrets::drop_expired(conn, now.at))?;
    let parked = now.at.plus_ms(-PARKED_STATUS_MS);
    chore(conn, "statuses", || retention::drop_parked(conn, parked))?;
    drop_old(conn, keeping, seek, now)
}

fn drop_old(conn: &Connection, keeping: Keeping, seek: Seek, now: Now) -> Result<Seek, Error> {
    let before = |days: u32| now.at.plus_ms(-i64::from(days) * DAY_MS);
    let bodies = before(keeping.webhooks_days);
    chore(conn, "webhooks", || retention::drop_bodies(conn, bodies))?;
    chore(conn, "nobody's", || nobodys::drop_old(conn, bodies))?;
    let keeps = keeping.messages_days == 0;
    // Looked at even where all are kept: for what a clock that was ahead dated.
    let old = if keeps {
        UnixMs(i64::MIN)
    } else {
        before(keeping.messages_days)
    };
    let dropped = chore(conn, "messages", || {
        retention::drop_messages(conn, old, seek, now.at)
    })?;
    // Where it broke is met again on the way from the oldest.
    let next = dropped.map_or_else(Seek::default, |(_, next)| next);
    if !keeps {
        chore(conn, "old files", || media::erase_before(conn, old))?;
        chore(conn, "room for files", || media::make_room(conn, old))?;
    }
    if keeping.records_days > 0 {
        let old = before(keeping.records_days);
        chore(conn, "records", || retention::drop_records(conn, old))?;
    }
    Ok(next)
}

/// Does one chore. If it fails for good, what it wrote is taken back, and it
/// gives nothing.
fn chore<T>(
    conn: &Connection,
    name: &'static str,
    work: impl FnOnce() -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    match nested(conn, work) {
        Err(error) if !error.is_transient() => {
            tracing::error!(chore = name, %error, "tidying up does not work; the rest is done");
            Ok(None)
        }
        done => done.map(Some),
    }
}

/// Works until `stop`.
pub async fn run(writer: Writer, clock: Arc<dyn Clock>, keeping: Keeping, stop: CancellationToken) {
    let mut seek = Seek::default();
    loop {
        let now = clock.now();
        match writer.run(move |conn| turn(conn, keeping, seek, now)).await {
            Ok(next) => seek = next,
            Err(error) => tracing::warn!(%error, "tidying up did not work; it is tried again"),
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.cancelled() => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::time::HOUR_MS;
    use crate::store::tests::{contact, count, db};

    const NOW: UnixMs = UnixMs(1_795_168_800_000);
    const KEEPING: Keeping = Keeping {
        webhooks_days: 30,
        messages_days: 0,
        records_days: 0,
        in_doubt_ms: 600_000,
    };

    #[test]
    fn a_chore_that_always_fails_keeps_no_other_from_being_done() {
        let conn = db();
        let amina = contact(&conn, "243970000001");
        erasure::erase_contact(&conn, amina, NOW).unwrap();
        conn.execute_batch(
            "INSERT INTO parked_status (wamid_key, receipt, status, parked_at)
                 VALUES (x'01', 'sent', '{}', 0);
             INSERT INTO webhook (received_at, channel, body) VALUES (0, 'cloud', x'7b7d');
             CREATE TRIGGER planted BEFORE DELETE ON parked_status
                 BEGIN SELECT RAISE(ABORT, 'planted'); END;
             CREATE TRIGGER planted_too BEFORE UPDATE OF locked_until ON staff
                 BEGIN SELECT RAISE(ABORT, 'planted'); END;
             INSERT INTO staff (name, roles, password, created_at, locked_until)
                 VALUES ('n', '', '', 0, 9223372036854775807);",
        )
        .unwrap();
        let now = Now {
            at: NOW.plus_ms(HOUR_MS),
            trusted: true,
        };
        turn(&conn, KEEPING, Seek::default(), now).unwrap();
        let left = |sql| count(&conn, sql);
        assert_eq!(left("SELECT count(*) FROM parked_status"), 1, "it failed");
        assert_eq!(left("SELECT count(*) FROM address"), 0, "the erasure");
        assert_eq!(left("SELECT count(body) FROM webhook"), 0, "the old body");
    }

    #[test]
    fn a_full_disk_ends_the_round() {
        let conn = db();
        let full = chore(&conn, "planted", || Err::<(), _>(Error::Full));
        assert!(matches!(full, Err(Error::Full)));
        let broken = chore(&conn, "planted", || -> Result<(), Error> {
            panic!("a planted fault")
        });
        assert!(matches!(broken, Ok(None)));
    }
}
