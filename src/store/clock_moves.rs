//! When the clock was set back, moments that were near lie far ahead. No wait
//! may then be longer than it could lawfully have been.

use crate::core::limits::{
    MEDIA_WAIT_MS_MAX, PATIENCE_QUIETS, PREVIOUS_SECRET_MS, PROVIDER_WAIT_MS_MAX, QUIET_MS_MAX,
    STAFF_LOCK_MS_MAX, UNCONSENTED_MS,
};
use crate::core::time::{DAY_MS, HOUR_MS, MINUTE_MS, UnixMs};
use crate::store::{Result, polling, usage};
use rusqlite::{Connection, params};

/// Longest a contact waits for its step: quiet time and brake, and some room.
const STEP_MS_MAX: i64 = MINUTE_MS;
/// Longest a contact's head waits, ms: where the ceiling of a day is reached, for
/// the clinic's midnight, after a day that may have an hour more.
const HEAD_MS_MAX: i64 = DAY_MS + 2 * HOUR_MS;
/// So much longer than its wait a message may seem to wait: clocks are read one
/// after the other, ms.
const ROOM_MS: i64 = MINUTE_MS;
/// How far ahead the moment of something that happened may lie, ms: clocks are
/// put right by seconds all the time.
pub(super) const AHEAD_MS_MAX: i64 = HOUR_MS;
/// Rows of a kind dated anew in one transaction.
const ROWS: i64 = 500;

/// Shortens every wait that a clock set back has made too long; returns how
/// many there were. A message in doubt waits for at most `in_doubt_ms`.
///
/// # Errors
/// Whatever the database reports.
pub fn mend(conn: &Connection, in_doubt_ms: i64, now: UnixMs) -> Result<usize> {
    let mut mended = conn
        .prepare_cached("UPDATE contact SET first_at = ?1, due_at = ?1 WHERE due_at > ?2")?
        .execute(params![now.0, now.plus_ms(STEP_MS_MAX).0])?;
    mended += conn
        .prepare_cached("UPDATE timer SET due_at = ?1 WHERE due_at > ?1")?
        .execute([now.plus_ms(UNCONSENTED_MS).0])?;
    mended += conn
        .prepare_cached("UPDATE timer SET due_at = ?1 WHERE kind = 'ask_rest' AND due_at > ?1")?
        .execute([now.plus_ms(QUIET_MS_MAX * PATIENCE_QUIETS).0])?;
    let latest = now.plus_ms(PROVIDER_WAIT_MS_MAX).0;
    mended += conn
        .prepare_cached(
            "UPDATE outbox SET not_before = ?1 WHERE state = 'queued' AND not_before > ?2",
        )?
        .execute(params![now.0, latest])?;
    let doubt = now.plus_ms(in_doubt_ms);
    mended += conn
        .prepare_cached(
            "UPDATE outbox SET not_before = ?1 WHERE state = 'in_doubt' AND not_before > ?2",
        )?
        .execute(params![doubt.0, doubt.plus_ms(ROOM_MS).0])?;
    // Nothing that may leave waits for longer than its lawful waits, and
    // nothing that waits in the queue is looked at later than that. What is
    // held until somebody writes may lawfully be.
    mended += conn
        .prepare_cached(
            "UPDATE lane SET look_at = ?1, ready_at = NULL
             WHERE rank IN (0, 1) AND ready_at IS NOT NULL AND ready_at > ?2",
        )?
        .execute(params![now.0, now.plus_ms(HEAD_MS_MAX).0])?;
    mended += conn
        .prepare_cached(concat!(
            "UPDATE lane SET look_at = ?1
             WHERE look_at IS NOT NULL AND look_at > ?2 AND ready_at IS NULL AND EXISTS (
                 SELECT 1 FROM outbox o INDEXED BY outbox_waiting
                 WHERE o.contact_id = lane.contact_id AND o.state IN ('queued', 'in_doubt')
                   AND ",
            waits!("o."),
            ")"
        ))?
        .execute(params![now.0, latest.max(doubt.plus_ms(ROOM_MS).0)])?;
    // A file's wait may have grown by a quarter, so that not all ask at once.
    mended += conn
        .prepare_cached(
            "UPDATE media SET not_before = ?1
             WHERE state IN ('waiting', 'fetching') AND not_before > ?2",
        )?
        .execute(params![now.0, now.plus_ms(2 * MEDIA_WAIT_MS_MAX).0])?;
    mended += conn
        .prepare_cached("UPDATE staff SET locked_until = ?1 WHERE locked_until > ?1")?
        .execute([now.plus_ms(STAFF_LOCK_MS_MAX).0])?;
    mended += polling::set_back(conn, now)?;
    Ok(mended)
}

const PARKED: &str = "UPDATE parked_status SET parked_at = ?1 WHERE parked_at > ?2";
const SESSIONS: &str = "UPDATE session SET updated_at = ?1
     WHERE updated_at > ?2 AND contact_id IN
         (SELECT contact_id FROM record WHERE updated_at > ?2 ORDER BY updated_at, id LIMIT ?3)";
const RECORDS: &str = "UPDATE record SET updated_at = ?1 WHERE id IN
     (SELECT id FROM record WHERE updated_at > ?2 ORDER BY updated_at, id LIMIT ?3)";

/// Dates anew what is dropped or ends by its age and would seem too young for
/// as long as the clock was wrong; returns how much there was. Messages are left
/// to [`crate::store::retention::drop_messages`], which looks at each. Only on a clock
/// that is right: a date that lies in the past would end it before its time.
///
/// # Errors
/// Whatever the database reports.
pub fn mend_ages(conn: &Connection, now: UnixMs) -> Result<usize> {
    let ahead = now.plus_ms(AHEAD_MS_MAX).0;
    let mut mended = conn
        .prepare_cached("UPDATE former_secret SET until = ?1 WHERE until > ?1")?
        .execute([now.plus_ms(PREVIOUS_SECRET_MS).0])?;
    mended += conn
        .prepare_cached(PARKED)?
        .execute(params![now.0, ahead])?;
    mended += usage::count_back(conn, UnixMs(ahead), now)?;
    mended += conn
        .prepare_cached(
            "UPDATE webhook SET received_at = ?1 WHERE id IN
                 (SELECT id FROM webhook WHERE received_at > ?2 LIMIT ?3)",
        )?
        .execute(params![now.0, ahead, ROWS])?;
    // A conversation goes with its record.
    for sql in [SESSIONS, RECORDS] {
        mended += conn
            .prepare_cached(sql)?
            .execute(params![now.0, ahead, ROWS])?;
    }
    // Naming `not_before` has the contact looked at again: when a message
    // expires was planned by the date that was wrong.
    mended += conn
        .prepare_cached(concat!(
            "UPDATE outbox SET aged_from = ?1, not_before = not_before, updated_at = ?1
             WHERE ",
            waits!(),
            " AND aged_from > ?2"
        ))?
        .execute(params![now.0, ahead])?;
    Ok(mended)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::id::InboxId;
    use crate::core::media::wait_ms;
    use crate::core::outgoing::Purpose;
    use crate::store::cards::Card;
    use crate::store::tests::{contact, count, db, plan, queue};
    use crate::store::{media, pending, secrets};

    const DOUBT_MS: i64 = 10 * MINUTE_MS;

    #[test]
    fn nobody_waits_for_a_time_that_was_wrong() {
        let conn = db();
        let amina = contact(&conn, "243970000001");
        let ahead = UnixMs(400 * DAY_MS);
        let mut card = Card::read(&conn, amina).unwrap();
        card.wait(InboxId(1), 1_500, false, ahead);
        card.save(&conn).unwrap();
        let message = queue(&conn, amina, Purpose::Notice, "a1");
        conn.execute(
            "UPDATE outbox SET not_before = ?1 WHERE id = ?2",
            (ahead.0, message.0),
        )
        .unwrap();
        conn.execute(
            "INSERT INTO media (contact_id, media_id, kind, state, not_before, stamped_at,
                                created_at, updated_at)
             VALUES (?1, 'm', 'audio', 'waiting', ?2, ?3, ?3, ?3)",
            (amina.0, ahead.plus_ms(HOUR_MS).0, DAY_MS),
        )
        .unwrap();
        let now = UnixMs(DAY_MS);
        assert_eq!(media::claim(&conn, now).unwrap(), None);
        assert_eq!(mend(&conn, DOUBT_MS, now).unwrap(), 3);
        assert_eq!(pending::due(&conn, now, 9).unwrap(), [amina]);
        assert_eq!(count(&conn, "SELECT not_before FROM outbox"), now.0);
        assert_eq!(media::next_at(&conn).unwrap(), Some(now));
        assert!(media::claim(&conn, now).unwrap().is_some());
        assert_eq!(mend(&conn, DOUBT_MS, now).unwrap(), 0, "lawful waits stay");
        // A file put off for as long as it may be stays put off.
        let file = media::claim(&conn, now).unwrap().unwrap().id;
        let latest = now.plus_ms(wait_ms(40, None, u32::MAX));
        media::put_off(&conn, file, "line", 40, latest, now).unwrap();
        assert_eq!(mend(&conn, DOUBT_MS, now).unwrap(), 0);
        assert_eq!(media::next_at(&conn).unwrap(), Some(latest));
    }

    /// As long as a box may be told to wait for a status.
    #[test]
    fn a_doubt_of_a_day_lasts_a_day_and_no_longer() {
        let conn = db();
        let amina = contact(&conn, "243970000001");
        let message = queue(&conn, amina, Purpose::Staff, "a1");
        let (now, day) = (UnixMs(9 * DAY_MS), DAY_MS);
        let waits_until = |conn: &Connection| count(conn, "SELECT not_before FROM outbox");
        for (began, mended) in [(now, 0), (now.plus_ms(2 * day), 1)] {
            let ends = began.plus_ms(day).0;
            conn.execute(
                "UPDATE outbox SET state = 'in_doubt', not_before = ?1 WHERE id = ?2",
                (ends, message.0),
            )
            .unwrap();
            conn.execute("UPDATE lane SET look_at = ?1", [ends])
                .unwrap();
            assert_eq!(mend(&conn, day, now).unwrap(), mended);
            assert_eq!(waits_until(&conn), now.plus_ms(day).0);
            assert_eq!(mend(&conn, day, now).unwrap(), 0);
        }
    }

    #[test]
    fn what_lies_ahead_is_found_by_its_date() {
        let conn = db();
        for (sql, index) in [
            (PARKED, "parked_by_age"),
            (SESSIONS, "record_by_update"),
            (RECORDS, "record_by_update"),
        ] {
            let told = plan(&conn, sql);
            assert!(told.contains(index), "{told}");
            assert!(!told.contains("SCAN"), "{told}");
        }
    }

    #[test]
    fn nothing_stays_young_for_as_long_as_the_clock_was_wrong() {
        let conn = db();
        let amina = contact(&conn, "243970000001");
        let (now, ahead) = (UnixMs(20 * DAY_MS), UnixMs(30 * DAY_MS));
        for (name, at) in [("a1", ahead), ("a2", now)] {
            let message = queue(&conn, amina, Purpose::Notice, name);
            conn.execute(
                "UPDATE outbox SET aged_from = ?1, updated_at = ?1 WHERE id = ?2",
                (at.0, message.0),
            )
            .unwrap();
            conn.execute(
                "INSERT INTO webhook (received_at, channel) VALUES (?1, 'cloud')",
                [at.0],
            )
            .unwrap();
            conn.execute(
                "INSERT INTO parked_status VALUES (?1, 'sent', '{}', ?2)",
                (name.as_bytes(), at.0),
            )
            .unwrap();
        }
        conn.execute(
            "INSERT INTO record VALUES ('HP-1', ?1, 1, 'complete', 'closed', 'whatsapp', 'none',
                                        'fr', '{}', ?2, ?2)",
            (amina.0, ahead.0),
        )
        .unwrap();
        conn.execute(
            "INSERT INTO session VALUES (?1, 'v1', '{}', ?2)",
            (amina.0, ahead.0),
        )
        .unwrap();
        for (value, at) in [("old", now), ("new", ahead)] {
            secrets::set(&conn, secrets::APP_SECRET, value.as_bytes(), at).unwrap();
        }
        conn.execute("UPDATE lane SET look_at = ?1", [ahead.0])
            .unwrap();
        assert_eq!(mend_ages(&conn, now).unwrap(), 6);
        assert_eq!(mend_ages(&conn, now).unwrap(), 0);
        for aged in [
            "SELECT max(aged_from) FROM outbox",
            "SELECT look_at FROM lane",
            "SELECT max(received_at) FROM webhook",
            "SELECT max(parked_at) FROM parked_status",
            "SELECT updated_at FROM record",
            "SELECT updated_at FROM session",
        ] {
            assert_eq!(count(&conn, aged), now.0, "{aged}");
        }
        let accepted = |at| {
            secrets::accepted(&conn, secrets::APP_SECRET, at)
                .unwrap()
                .len()
        };
        assert_eq!(accepted(now), 2);
        assert_eq!(accepted(now.plus_ms(PREVIOUS_SECRET_MS)), 1);
    }
}
