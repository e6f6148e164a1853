//! A piece of work inside a transaction that can be taken back alone.

use crate::store::{Error, Result};
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `work` so that an error or a panic takes back what it wrote and
/// nothing else. A panic comes back as [`Error::Panicked`].
///
/// # Errors
/// What `work` returned, `Panicked`, or whatever the database reports.
pub fn nested<T>(conn: &Connection, work: impl FnOnce() -> Result<T>) -> Result<T> {
    conn.prepare_cached("SAVEPOINT nested")?.execute([])?;
    // What a panic could leave half done is in the database, and is undone.
    let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Error::Panicked));
    if conn.is_autocommit() {
        // A full disk made the database end the whole transaction by itself.
        return result;
    }
    let close = |sql| conn.prepare_cached(sql)?.execute([]);
    let undone = match &result {
        Ok(_) => Ok(0),
        Err(_) => close("ROLLBACK TO nested"),
    };
    match undone.and_then(|_| close("RELEASE nested")) {
        // In a damaged file nothing else works either; that it is, has to be known.
        Err(error) if !matches!(result, Err(Error::Corrupt)) => Err(error.into()),
        Ok(_) | Err(_) => result,
    }
}
