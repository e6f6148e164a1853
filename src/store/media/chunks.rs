//! A file's bytes, piece by piece, each beginning where the last one ended.

use super::{State, column, find};
use crate::core::id::MediaId;
use crate::core::limits::MEDIA_SWEEP_CHUNKS;
use crate::core::time::UnixMs;
use crate::store::Result;
use rusqlite::{Connection, OptionalExtension, params};

/// Adds a piece that begins where the last one ended; it is progress if it
/// reaches further than any before. A file that was erased meanwhile takes
/// none: `false`.
///
/// # Errors
/// Whatever the database reports.
pub fn add_chunk(
    conn: &Connection,
    id: MediaId,
    from: u64,
    body: &[u8],
    now: UnixMs,
) -> Result<bool> {
    let end = from.saturating_add(body.len() as u64);
    let (from, end) = (column(from), column(end));
    let taken = conn
        .prepare_cached(
            "UPDATE media SET bytes = ?3, tries = CASE WHEN ?3 > reached THEN 0 ELSE tries END,
                              reached = max(reached, ?3), updated_at = ?4
             WHERE id = ?1 AND state = 'fetching' AND bytes = ?2",
        )?
        .execute(params![id.0, from, end, now.0])?;
    if taken == 0 {
        return Ok(false);
    }
    conn.prepare_cached("INSERT INTO media_chunk (media_id, start, body) VALUES (?1, ?2, ?3)")?
        .execute(params![id.0, from, body])?;
    Ok(true)
}

/// Forgets the last pieces of a file that has to be fetched anew, and not how far
/// it ever came; true while there are more. What is left is a beginning, whenever
/// the power goes.
///
/// # Errors
/// Whatever the database reports.
pub fn start_anew(conn: &Connection, id: MediaId) -> Result<bool> {
    let from: Option<i64> = conn
        .prepare_cached(
            "SELECT min(start) FROM (SELECT start FROM media_chunk WHERE media_id = ?1
                                     ORDER BY start DESC LIMIT ?2)",
        )?
        .query_row(params![id.0, column(MEDIA_SWEEP_CHUNKS as u64)], |row| {
            row.get(0)
        })?;
    let from = from.unwrap_or(0);
    conn.prepare_cached("DELETE FROM media_chunk WHERE media_id = ?1 AND start >= ?2")?
        .execute(params![id.0, from])?;
    conn.prepare_cached("UPDATE media SET bytes = ?2 WHERE id = ?1")?
        .execute(params![id.0, from])?;
    Ok(from > 0)
}

/// The piece of a file that begins at this byte, in whatever state it is.
///
/// # Errors
/// Whatever the database reports.
pub fn chunk(conn: &Connection, id: MediaId, from: u64) -> Result<Option<Vec<u8>>> {
    Ok(conn
        .prepare_cached("SELECT body FROM media_chunk WHERE media_id = ?1 AND start = ?2")?
        .query_row(params![id.0, column(from)], |row| row.get(0))
        .optional()?)
}

/// As [`chunk`], of a file that is whole and not erased.
///
/// # Errors
/// Whatever the database reports.
pub fn kept_chunk(conn: &Connection, id: MediaId, from: u64) -> Result<Option<Vec<u8>>> {
    let kept = find(conn, id)?.is_some_and(|file| file.state == State::Kept);
    if kept {
        chunk(conn, id, from)
    } else {
        Ok(None)
    }
}
