//! Counters that survive a restart: unknown shapes, dropped echoes and the
//! like. Names are ours; none may hold anything from outside.

use crate::store::error::Error;
use rusqlite::Connection;
use std::collections::BTreeMap;

/// Adds `by` to a counter, which begins at zero.
///
/// # Errors
/// When the database cannot be written.
pub fn add(conn: &Connection, name: &'static str, by: i64) -> Result<(), Error> {
    conn.prepare_cached(
        "INSERT INTO counter (name, value) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
    )?
    .execute((name, by))?;
    Ok(())
}

/// All counters by name.
///
/// # Errors
/// When the database cannot be read.
pub fn list(conn: &Connection) -> Result<BTreeMap<String, i64>, Error> {
    let mut query = conn.prepare_cached("SELECT name, value FROM counter")?;
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
