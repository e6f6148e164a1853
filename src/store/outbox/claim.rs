//! Which messages may leave now, and the attempt that is committed before one
//! does.

use super::{ask_staff, purpose_of};
use crate::core::id::{AttemptId, ContactId, OutboxId, OutboxKey};
use crate::core::outgoing::Outgoing;
use crate::core::time::UnixMs;
use crate::ports::Call;
use crate::store::nested::nested;
use crate::store::{Error, Result, contacts};
use rusqlite::{Connection, params};

/// A message handed to the sender: its attempt is committed before it leaves.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The queue row.
    pub id: OutboxId,
    /// The open attempt.
    pub attempt: AttemptId,
    /// What to hand over, and to whom.
    pub call: Call,
    /// Whether the result of an earlier try was lost: a provider that can be
    /// asked is asked before it is tried again.
    pub doubtful: bool,
}

/// Takes up to `limit` messages that may leave now and opens an attempt for
/// each. For one contact the order is the order of queueing, and only one is
/// in the air; an emergency passes its contact's queue, and words of staff
/// pass a message whose result is in doubt. A message in doubt whose wait is
/// over is taken again and marked: the far side may see it twice.
///
/// # Errors
/// Whatever the database reports.
pub fn claim(conn: &Connection, now: UnixMs, limit: usize) -> Result<Vec<Claim>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut claims = Vec::new();
    for (id, in_doubt) in ready(conn, now, limit)? {
        match nested(conn, || take(conn, id, in_doubt, now)) {
            Ok(claim) => claims.push(claim),
            Err(error) if error.is_transient() => return Err(error),
            // One row that does not read back must not hold up the others.
            Err(_) => {
                conn.prepare_cached(
                    "UPDATE outbox SET state = 'failed', why = 'unreadable', updated_at = ?2
                     WHERE id = ?1",
                )?
                .execute(params![id.0, now.0])?;
                ask_staff(conn, id, Some("unreadable"), now)?;
            }
        }
    }
    Ok(claims)
}

/// Messages in doubt whose wait is over. Here and below the index is named,
/// since it gives the rows in order: a long queue is then read only as far as
/// there is room, not whole for each turn.
const DOUBTED: &str = "SELECT id, contact_id FROM outbox o INDEXED BY outbox_doubt
     WHERE state = 'in_doubt' AND not_before <= ?1
       AND NOT EXISTS (SELECT 1 FROM outbox a
                       WHERE a.contact_id = o.contact_id AND a.state = 'sending')
       AND NOT EXISTS (SELECT 1 FROM outbox e
                       WHERE e.contact_id = o.contact_id AND e.id < o.id
                         AND (e.state = 'in_doubt'
                              OR (o.rank != 0 AND e.state IN ('queued', 'held'))))
       AND NOT EXISTS (SELECT 1 FROM outbox e
                       WHERE o.rank != 0 AND e.contact_id = o.contact_id AND e.rank = 0
                         AND e.state = 'queued' AND e.not_before <= ?1)
     ORDER BY not_before, id LIMIT ?2";

/// Queued messages that may leave.
const QUEUED: &str = "SELECT id, contact_id FROM outbox o INDEXED BY outbox_ready
     WHERE state = 'queued' AND not_before <= ?1
       AND NOT EXISTS (SELECT 1 FROM outbox a
                       WHERE a.contact_id = o.contact_id AND a.state = 'sending')
       AND (rank = 0 OR NOT EXISTS (
            SELECT 1 FROM outbox e
            WHERE e.contact_id = o.contact_id AND e.id < o.id
              AND (e.state IN ('queued', 'held')
                   OR (e.state = 'in_doubt' AND o.purpose != 'staff'))))
     ORDER BY rank, id LIMIT ?2";

fn ready(conn: &Connection, now: UnixMs, limit: i64) -> Result<Vec<(OutboxId, bool)>> {
    let mut ids = Vec::new();
    let mut doubt = conn.prepare_cached(DOUBTED)?;
    let mut contacts_taken = Vec::new();
    let rows = doubt.query_map(params![now.0, limit], |r| {
        Ok((r.get(0)?, r.get::<_, i64>(1)?))
    })?;
    for row in rows {
        let (id, contact) = row?;
        ids.push((OutboxId(id), true));
        contacts_taken.push(contact);
    }
    let mut queued = conn.prepare_cached(QUEUED)?;
    let rows = queued.query_map(params![now.0, limit], |r| {
        Ok((r.get(0)?, r.get::<_, i64>(1)?))
    })?;
    for row in rows {
        let (id, contact) = row?;
        if ids.len() < usize::try_from(limit).unwrap_or(usize::MAX)
            && !contacts_taken.contains(&contact)
        {
            ids.push((OutboxId(id), false));
            contacts_taken.push(contact);
        }
    }
    Ok(ids)
}

fn take(conn: &Connection, id: OutboxId, in_doubt: bool, now: UnixMs) -> Result<Claim> {
    conn.prepare_cached(
        "UPDATE outbox SET state = 'sending', why = NULL, updated_at = ?2,
                           maybe_double = max(maybe_double, ?3) WHERE id = ?1",
    )?
    .execute(params![id.0, now.0, i64::from(in_doubt)])?;
    conn.prepare_cached("INSERT INTO attempt (outbox_id, started_at) VALUES (?1, ?2)")?
        .execute(params![id.0, now.0])?;
    let attempt = AttemptId(conn.last_insert_rowid());
    let (key, contact, purpose, body, doubtful) = conn
        .prepare_cached(
            "SELECT key, contact_id, purpose, body, maybe_double FROM outbox WHERE id = ?1",
        )?
        .query_row([id.0], |row| {
            Ok((
                row.get::<_, String>(0)?,
                ContactId(row.get(1)?),
                row.get::<_, String>(2)?,
                row.get::<_, Option<String>>(3)?,
                row.get::<_, bool>(4)?,
            ))
        })?;
    let body = body.ok_or(Error::Unreadable("a message"))?;
    let message = Outgoing {
        purpose: purpose_of(&purpose)?,
        body: serde_json::from_str(&body)?,
    };
    let to = contacts::address_of(conn, contact)?;
    Ok(Claim {
        id,
        attempt,
        call: Call {
            key: OutboxKey(key),
            to,
            message,
        },
        doubtful,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{db, plan};

    #[test]
    fn a_long_queue_is_read_in_order_and_not_sorted() {
        for sql in [DOUBTED, QUEUED] {
            let told = plan(&db(), sql);
            assert!(!told.contains("TEMP B-TREE"), "{told}");
        }
    }
}
