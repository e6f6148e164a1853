//! Dropping what has been kept long enough.

use crate::core::time::UnixMs;
use crate::store::Result;
use rusqlite::Connection;

/// Rows touched in one transaction, so that nobody waits long for the writer.
const BATCH: i64 = 500;

/// Drops statuses parked before `before` whose message never became known.
///
/// # Errors
/// Whatever the database reports.
pub fn drop_parked(conn: &Connection, before: UnixMs) -> Result<usize> {
    Ok(conn.execute("DELETE FROM parked_status WHERE parked_at < ?1", [before.0])?)
}

/// Drops raw webhook bodies received before `before`; their items stay. The
/// newest row stays too, without its body: its number must not come again,
/// since items name their webhook by it.
///
/// # Errors
/// Whatever the database reports.
pub fn drop_bodies(conn: &Connection, before: UnixMs) -> Result<usize> {
    let dropped = conn.execute(
        "DELETE FROM webhook WHERE id < (SELECT max(id) FROM webhook) AND id IN
             (SELECT id FROM webhook WHERE received_at < ?1 LIMIT ?2)",
        (before.0, BATCH),
    )?;
    let emptied = conn.execute(
        "UPDATE webhook SET body = NULL WHERE id = (SELECT max(id) FROM webhook)
           AND received_at < ?1 AND body IS NOT NULL",
        [before.0],
    )?;
    Ok(dropped + emptied)
}
