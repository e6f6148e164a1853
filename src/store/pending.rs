//! Which contacts wait to be stepped, and when.

use crate::core::id::{ContactId, InboxId};
use crate::core::time::UnixMs;
use crate::store::Result;
use crate::store::cards::Card;
use rusqlite::{Connection, OptionalExtension, params};

/// Each arm reads no further than it must: after a rush thousands are due.
const DUE: &str = "SELECT contact_id FROM (
         SELECT * FROM (SELECT id AS contact_id, due_at FROM contact
                        WHERE due_at <= ?1 ORDER BY due_at, id LIMIT ?2)
         UNION ALL
         SELECT * FROM (SELECT contact_id, due_at FROM timer
                        WHERE due_at <= ?1 ORDER BY due_at LIMIT ?2)
     ) GROUP BY contact_id ORDER BY min(due_at), contact_id LIMIT ?2";

/// Contacts whose messages or timers are due, the longest waiting first. With
/// several timers of one contact there may be fewer than `limit` though more
/// are due.
///
/// # Errors
/// Whatever the database reports.
pub fn due(conn: &Connection, now: UnixMs, limit: usize) -> Result<Vec<ContactId>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut query = conn.prepare_cached(DUE)?;
    let rows = query.query_map(params![now.0, limit], |row| row.get(0).map(ContactId))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Whether any contact has messages that nobody has looked at.
///
/// # Errors
/// Whatever the database reports.
pub fn any(conn: &Connection) -> Result<bool> {
    Ok(conn
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM contact WHERE due_at IS NOT NULL)")?
        .query_row([], |row| row.get(0))?)
}

/// When the next contact falls due, if any waits.
///
/// # Errors
/// Whatever the database reports.
pub fn next_due(conn: &Connection) -> Result<Option<UnixMs>> {
    let next: Option<i64> = conn
        .prepare_cached(
            "SELECT min(due) FROM (
                 SELECT min(due_at) AS due FROM contact WHERE due_at IS NOT NULL
                 UNION ALL SELECT min(due_at) FROM timer)",
        )?
        .query_row([], |row| row.get(0))?;
    Ok(next.map(UnixMs))
}

/// After a step: the contact waits no more, or is stepped again if messages
/// are left over. `left` says whether there may be any.
///
/// # Errors
/// Whatever the database reports.
pub fn settle(
    conn: &Connection,
    contact: ContactId,
    left: bool,
    quiet_ms: i64,
    now: UnixMs,
) -> Result<()> {
    let mut card = Card::read(conn, contact)?;
    let waited = card.waits();
    let left = match waited.filter(|_| left) {
        Some(waits) => first_new(conn, contact, waits.from)?,
        None => None,
    };
    card.count_step(now);
    if let Some(left) = left {
        // Had the step everything erased, these come after it.
        card.welcome_back();
        card.wait(left, quiet_ms, false, now);
        // A danger sign behind more than one step takes does not wait for them.
        if let Some(urgent) = waited.and_then(|waits| waits.urgent)
            && first_new(conn, contact, urgent)? == Some(urgent)
        {
            card.wait(urgent, quiet_ms, true, now);
        }
    }
    card.save(conn)
}

fn first_new(conn: &Connection, contact: ContactId, from: InboxId) -> Result<Option<InboxId>> {
    Ok(conn
        .prepare_cached(
            "SELECT id FROM inbox WHERE contact_id = ?1 AND id >= ?2 AND state = 'new'
             ORDER BY id LIMIT 1",
        )?
        .query_row([contact.0, from.0], |row| row.get(0).map(InboxId))
        .optional()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{contact, db, plan};

    #[test]
    fn more_words_do_not_put_off_what_is_due() {
        let conn = db();
        let contact = contact(&conn, "243970000001");
        let at = |ms: i64| UnixMs(1_000_000 + ms);
        for (inbox, urgent, ms) in [(1, true, 0), (2, false, 100)] {
            let mut card = Card::read(&conn, contact).unwrap();
            card.wait(InboxId(inbox), 1_500, urgent, at(ms));
            card.save(&conn).unwrap();
        }
        assert_eq!(due(&conn, at(100), 9).unwrap(), [contact]);
        assert_eq!(next_due(&conn).unwrap(), Some(at(0)));
        let waits = Card::read(&conn, contact).unwrap().waits().unwrap();
        assert_eq!(waits.from, InboxId(1));
    }

    #[test]
    fn a_danger_sign_behind_what_a_step_takes_is_not_put_off() {
        for stepped in [[1, 3], [1, 2]] {
            let conn = db();
            let contact = contact(&conn, "243970000001");
            let now = UnixMs(1_000_000);
            let mut card = Card::read(&conn, contact).unwrap();
            for inbox in [1, 2, 3] {
                conn.execute(
                    "INSERT INTO inbox (id, contact_id, kind, stamped_at, received_at, state)
                     VALUES (?1, ?2, 'message', 0, 0, 'new')",
                    [inbox, contact.0],
                )
                .unwrap();
                card.wait(InboxId(inbox), 1_500, inbox == 2, now);
            }
            card.save(&conn).unwrap();
            conn.execute(
                "UPDATE inbox SET state = 'handled' WHERE id IN (?1, ?2)",
                stepped,
            )
            .unwrap();
            settle(&conn, contact, true, 1_500, now).unwrap();
            let danger_waits = stepped == [1, 3];
            let at = if danger_waits {
                now
            } else {
                now.plus_ms(1_500)
            };
            assert_eq!(next_due(&conn).unwrap(), Some(at), "{stepped:?}");
            let waits = Card::read(&conn, contact).unwrap().waits().unwrap();
            assert_eq!(waits.urgent, danger_waits.then_some(InboxId(2)));
        }
    }

    #[test]
    fn what_is_due_is_read_in_order_from_the_indexes() {
        let told = plan(&db(), DUE);
        assert!(told.contains("contact_due (due_at<?)"), "{told}");
        assert!(told.contains("timer_by_due (due_at<?)"), "{told}");
    }
}
