//! Which contacts wait to be stepped, and when.

use crate::core::id::ContactId;
use crate::core::pace;
use crate::core::time::UnixMs;
use crate::store::Result;
use rusqlite::{Connection, OptionalExtension, params};

/// Notes that a contact has something to be stepped.
///
/// # Errors
/// Whatever the database reports.
pub fn touch(
    conn: &Connection,
    contact: ContactId,
    quiet_ms: i64,
    urgent: bool,
    now: UnixMs,
) -> Result<()> {
    let waits: Option<(i64, i64)> = conn
        .prepare_cached("SELECT first_at, due_at FROM pending WHERE contact_id = ?1")?
        .query_row([contact.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    // What is due stays due: more words must not put off the answer to a
    // danger sign, nor hold somebody back who never stops writing.
    if waits.is_some_and(|(_, due)| due <= now.0) {
        return Ok(());
    }
    // A clock that was set back must not push the step into the far future.
    let first = UnixMs(waits.map_or(now.0, |(first, _)| first.min(now.0)));
    let (minute, count) = pace_of(conn, contact)?;
    let braked = pace::is_braked(minute, count, now);
    let due = pace::due_at(first, now, quiet_ms, urgent, braked);
    conn.prepare_cached(
        "INSERT INTO pending (contact_id, first_at, due_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (contact_id) DO UPDATE SET first_at = ?2, due_at = ?3",
    )?
    .execute(params![contact.0, first.0, due.0])?;
    Ok(())
}

/// Contacts whose messages or timers are due, the longest waiting first.
///
/// # Errors
/// Whatever the database reports.
pub fn due(conn: &Connection, now: UnixMs, limit: usize) -> Result<Vec<ContactId>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut query = conn.prepare_cached(
        "SELECT contact_id FROM (
             SELECT contact_id, due_at FROM pending WHERE due_at <= ?1
             UNION ALL
             SELECT contact_id, due_at FROM timer WHERE due_at <= ?1
         ) GROUP BY contact_id ORDER BY min(due_at), contact_id LIMIT ?2",
    )?;
    let rows = query.query_map(params![now.0, limit], |row| row.get(0).map(ContactId))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Whether any contact has messages that nobody has looked at.
///
/// # Errors
/// Whatever the database reports.
pub fn any(conn: &Connection) -> Result<bool> {
    Ok(conn
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM pending)")?
        .query_row([], |row| row.get(0))?)
}

/// When the next contact falls due, if any waits.
///
/// # Errors
/// Whatever the database reports.
pub fn next_due(conn: &Connection) -> Result<Option<UnixMs>> {
    let next: Option<i64> = conn
        .prepare_cached(
            "SELECT min(due) FROM (SELECT min(due_at) AS due FROM pending
                                   UNION ALL SELECT min(due_at) FROM timer)",
        )?
        .query_row([], |row| row.get(0))?;
    Ok(next.map(UnixMs))
}

/// After a step: the contact waits no more, or is stepped again if messages
/// are left over.
///
/// # Errors
/// Whatever the database reports.
pub fn settle(conn: &Connection, contact: ContactId, quiet_ms: i64, now: UnixMs) -> Result<()> {
    let (minute, count) = pace_of(conn, contact)?;
    let (minute, count) = pace::count_step(minute, count, now);
    conn.prepare_cached("UPDATE contact SET pace_minute = ?2, pace_count = ?3 WHERE id = ?1")?
        .execute(params![contact.0, minute, count])?;
    conn.prepare_cached("DELETE FROM pending WHERE contact_id = ?1")?
        .execute([contact.0])?;
    let left: bool = conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM inbox WHERE contact_id = ?1 AND state = 'new')",
        )?
        .query_row([contact.0], |row| row.get(0))?;
    if left {
        touch(conn, contact, quiet_ms, false, now)?;
    }
    Ok(())
}

fn pace_of(conn: &Connection, contact: ContactId) -> Result<(i64, i64)> {
    Ok(conn
        .prepare_cached("SELECT pace_minute, pace_count FROM contact WHERE id = ?1")?
        .query_row([contact.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?
        .unwrap_or((0, 0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::inbound::Identity;
    use crate::store::{contacts, migrations};

    #[test]
    fn more_words_do_not_put_off_what_is_due() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrations::migrate(&mut conn).unwrap();
        let who = Identity {
            phone: Some("243970000001".into()),
            ..Identity::default()
        };
        let contact = contacts::resolve(&conn, &who, UnixMs(0)).unwrap().unwrap();
        let at = |ms: i64| UnixMs(1_000_000 + ms);
        touch(&conn, contact, 1_500, true, at(0)).unwrap();
        touch(&conn, contact, 1_500, false, at(100)).unwrap();
        assert_eq!(due(&conn, at(100), 9).unwrap(), [contact]);
        assert_eq!(next_due(&conn).unwrap(), Some(at(0)));
    }
}
