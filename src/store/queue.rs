//! The outbound queue as staff see it: lists, counts, and what they may do.

use crate::core::delivery::DeliveryState;
use crate::core::id::{ContactId, OutboxId};
use crate::core::outgoing::Body;
use crate::core::private::Private;
use crate::core::time::UnixMs;
use crate::store::{Error, Result, outbox, tasks};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::BTreeMap;

/// A message in the queue, without its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Its number.
    pub id: OutboxId,
    /// To whom.
    pub contact: ContactId,
    /// `prompt`, `notice`, `emergency`, `staff` or `template`.
    pub purpose: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// Why it stands there.
    pub why: Option<String>,
    /// Refusals so far that count against its tries.
    pub attempts: i64,
    /// Whether the far side may have it twice.
    pub maybe_double: bool,
    /// When it was queued.
    pub created_at: UnixMs,
    /// When it last changed.
    pub updated_at: UnixMs,
}

/// Counts by state, and the age of what waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Messages by state.
    pub counts: BTreeMap<String, i64>,
    /// Messages that still wait for the provider to take them.
    pub waiting: i64,
    /// When the oldest of those was queued.
    pub oldest: Option<UnixMs>,
}

/// Two texts instead of a parameter: a condition that is only sometimes there
/// keeps SQLite from the index of what waits. The index is named so that
/// the order does not tempt it to walk the whole table by number.
const WAITING: &str = concat!(
    "INDEXED BY outbox_oldest
                       WHERE ",
    waits!()
);
const COUNTS: &str = "SELECT state, count(*) FROM outbox GROUP BY state";
const AGE: &str = concat!(
    "SELECT count(*), min(created_at) FROM outbox INDEXED BY outbox_oldest
                   WHERE ",
    waits!()
);

const COLUMNS: &str = "id, contact_id, purpose, state, why, attempts, maybe_double, created_at, \
                       updated_at";

/// The latest messages, newest first; only those that wait, if asked so.
///
/// # Errors
/// Whatever the database reports.
pub fn list(conn: &Connection, waiting_only: bool, limit: usize) -> Result<Vec<Queued>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let only = if waiting_only { WAITING } else { "" };
    let mut query = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM outbox {only} ORDER BY id DESC LIMIT ?1"
    ))?;
    let rows = query.query_map([limit], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// One message and its words.
///
/// # Errors
/// Whatever the database reports.
pub fn show(conn: &Connection, id: OutboxId) -> Result<Option<(Queued, Option<Private<String>>)>> {
    let found = conn
        .prepare_cached(&format!("SELECT {COLUMNS}, body FROM outbox WHERE id = ?1"))?
        .query_row([id.0], |row| {
            Ok((read(row)?, row.get::<_, Option<String>>(9)?))
        })
        .optional()?;
    let Some((queued, body)) = found else {
        return Ok(None);
    };
    let words = match body {
        Some(body) => Some(Private::new(
            serde_json::from_str::<Body>(&body)?.plain_text(),
        )),
        None => None,
    };
    Ok(Some((queued, words)))
}

/// Counts.
///
/// # Errors
/// Whatever the database reports.
pub fn summary(conn: &Connection) -> Result<Summary> {
    let mut query = conn.prepare_cached(COUNTS)?;
    let counts: BTreeMap<String, i64> = query
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let (waiting, oldest): (i64, Option<i64>) = conn
        .prepare_cached(AGE)?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Summary {
        counts,
        waiting,
        oldest: oldest.map(UnixMs),
    })
}

/// Puts a message that will not arrive, or waits for its time, back into the
/// queue, and gives the number under which it stands there; none if it is not in
/// a state from which that makes sense. One that may have arrived after all is
/// marked. That staff want it outweighs whatever was to end it.
///
/// One that the provider took goes on as a copy: news of the former try must not
/// be taken for news of the new one, nor the other way round. A request to write
/// again is none of staff's: the box asks anew where somebody waits for it.
///
/// # Errors
/// Whatever the database reports.
pub fn retry(conn: &Connection, id: OutboxId, now: UnixMs) -> Result<Option<OutboxId>> {
    if let Some(copy) = outbox::send_again(conn, id, now)? {
        return Ok(Some(copy));
    }
    let changed = conn.execute(
        "UPDATE outbox SET state = 'queued', why = NULL, not_before = 0, attempts = 0,
                delays = 0, repeats = 0, aged_from = NULL, updated_at = ?2, doom = NULL,
                maybe_double = max(maybe_double, state = 'in_doubt' OR why IS 'sent_in_doubt')
         WHERE id = ?1 AND body IS NOT NULL AND purpose != 'template'
           AND state IN ('queued', 'held', 'in_doubt', 'failed', 'expired', 'cancelled')",
        params![id.0, now.0],
    )?;
    if changed == 0 {
        return Ok(None);
    }
    tasks::leave_done(conn, id)?;
    Ok(Some(id))
}

/// Withdraws a message that has not left; `false` if it has, or never will.
///
/// # Errors
/// Whatever the database reports.
pub fn cancel(conn: &Connection, id: OutboxId, now: UnixMs) -> Result<bool> {
    let changed = conn.execute(
        "UPDATE outbox SET state = 'cancelled', why = 'by_staff', updated_at = ?2,
                maybe_double = max(maybe_double, state = 'in_doubt')
         WHERE id = ?1 AND state IN ('queued', 'held', 'in_doubt')",
        params![id.0, now.0],
    )?;
    if changed == 1 {
        outbox::withdrawn(conn, id, now)?;
    }
    Ok(changed == 1)
}

/// Whether a message exists.
///
/// # Errors
/// [`Error::Sql`] and the like.
pub fn exists(conn: &Connection, id: OutboxId) -> Result<bool, Error> {
    Ok(conn.query_row(
        "SELECT EXISTS (SELECT 1 FROM outbox WHERE id = ?1)",
        [id.0],
        |row| row.get(0),
    )?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Queued> {
    Ok(Queued {
        id: OutboxId(row.get(0)?),
        contact: ContactId(row.get(1)?),
        purpose: row.get(2)?,
        state: outbox::state_at(row, 3)?,
        why: row.get(4)?,
        attempts: row.get(5)?,
        maybe_double: row.get(6)?,
        created_at: UnixMs(row.get(7)?),
        updated_at: UnixMs(row.get(8)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::outgoing::Purpose;
    use crate::store::tests::{contact, db, plan, queue};

    #[test]
    fn counts_and_lists_read_no_whole_row_they_do_not_show() {
        let conn = db();
        let counts = plan(&conn, COUNTS);
        assert!(
            counts.contains("COVERING INDEX outbox_by_state"),
            "{counts}"
        );
        let age = plan(&conn, AGE);
        assert!(age.contains("INDEX outbox_oldest"), "{age}");
        let listed = plan(&conn, &format!("SELECT {COLUMNS} FROM outbox {WAITING}"));
        assert!(listed.contains("INDEX outbox_oldest"), "{listed}");
    }

    #[test]
    fn what_waits_is_counted_and_listed_apart() {
        let conn = db();
        let amina = contact(&conn, "243970000001");
        let [first, second] = ["a1", "a2"].map(|name| queue(&conn, amina, Purpose::Notice, name));
        cancel(&conn, first, UnixMs(2_000)).unwrap();
        let ids = |waiting| -> Vec<OutboxId> {
            let found = list(&conn, waiting, 10).unwrap();
            found.into_iter().map(|queued| queued.id).collect()
        };
        assert_eq!(ids(true), [second]);
        assert_eq!(ids(false), [second, first]);
        let summary = summary(&conn).unwrap();
        assert_eq!(summary.waiting, 1);
        assert_eq!(summary.oldest, Some(UnixMs(1_000)));
        assert_eq!(summary.counts.get("cancelled"), Some(&1));
    }
}
