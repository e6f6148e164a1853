//! When the clock was set back, moments that were near lie far ahead. No wait
//! may then be longer than it could lawfully have been.

use crate::core::limits::{PROVIDER_WAIT_MS_MAX, STAFF_LOCK_MS_MAX, UNCONSENTED_MS};
use crate::core::time::{MINUTE_MS, UnixMs};
use crate::store::{Result, polling};
use rusqlite::{Connection, params};

/// Longest a contact waits for its step: quiet time and brake, and some room.
const STEP_MS_MAX: i64 = MINUTE_MS;
/// What a message in doubt waits anew, ms.
const DOUBT_MS: i64 = 10 * MINUTE_MS;

/// Shortens every wait that a clock set back has made too long; returns how
/// many there were.
///
/// # Errors
/// Whatever the database reports.
pub fn mend(conn: &Connection, now: UnixMs) -> Result<usize> {
    let mut mended = conn
        .prepare_cached("UPDATE contact SET first_at = ?1, due_at = ?1 WHERE due_at > ?2")?
        .execute(params![now.0, now.plus_ms(STEP_MS_MAX).0])?;
    mended += conn
        .prepare_cached("UPDATE timer SET due_at = ?1 WHERE due_at > ?1")?
        .execute([now.plus_ms(UNCONSENTED_MS).0])?;
    let latest = now.plus_ms(PROVIDER_WAIT_MS_MAX).0;
    mended += conn
        .prepare_cached(
            "UPDATE outbox SET not_before = ?1 WHERE state = 'queued' AND not_before > ?2",
        )?
        .execute(params![now.0, latest])?;
    mended += conn
        .prepare_cached(
            "UPDATE outbox SET not_before = ?1 WHERE state = 'in_doubt' AND not_before > ?2",
        )?
        .execute(params![now.plus_ms(DOUBT_MS).0, latest])?;
    // Nothing that may leave waits for longer than its lawful waits, and
    // nothing that waits in the queue is looked at later than that. What is
    // held until somebody writes may lawfully be.
    mended += conn
        .prepare_cached(
            "UPDATE lane SET look_at = ?1, ready_at = NULL
             WHERE rank IN (0, 1) AND ready_at IS NOT NULL AND ready_at > ?2",
        )?
        .execute(params![now.0, latest])?;
    mended += conn
        .prepare_cached(
            "UPDATE lane SET look_at = ?1
             WHERE look_at IS NOT NULL AND look_at > ?2 AND ready_at IS NULL AND EXISTS (
                 SELECT 1 FROM outbox o INDEXED BY outbox_waiting
                 WHERE o.contact_id = lane.contact_id AND o.state IN ('queued', 'in_doubt')
                   AND o.state IN ('queued', 'held', 'sending', 'in_doubt'))",
        )?
        .execute(params![now.0, latest])?;
    mended += conn
        .prepare_cached("UPDATE staff SET locked_until = ?1 WHERE locked_until > ?1")?
        .execute([now.plus_ms(STAFF_LOCK_MS_MAX).0])?;
    mended += polling::set_back(conn, now)?;
    Ok(mended)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::id::InboxId;
    use crate::core::outgoing::Purpose;
    use crate::core::time::DAY_MS;
    use crate::store::cards::Card;
    use crate::store::pending;
    use crate::store::tests::{contact, count, db, queue};

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
        let now = UnixMs(DAY_MS);
        assert_eq!(mend(&conn, now).unwrap(), 2);
        assert_eq!(pending::due(&conn, now, 9).unwrap(), [amina]);
        assert_eq!(count(&conn, "SELECT not_before FROM outbox"), now.0);
        assert_eq!(mend(&conn, now).unwrap(), 0, "lawful waits stay");
    }
}
