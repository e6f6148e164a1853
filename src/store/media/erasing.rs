//! Files that are erased or not kept: hidden at once, overwritten piece by piece.

use super::column;
use crate::core::id::{ContactId, InboxId};
use crate::core::limits::{MEDIA_FILE_BYTES_MAX, MEDIA_STORE_BYTES_MAX, MEDIA_SWEEP_CHUNKS};
use crate::core::time::UnixMs;
use crate::store::Result;
use rusqlite::Connection;

/// Erases the files of a contact that came in row `from` or later: from now on
/// nothing shows them.
///
/// # Errors
/// Whatever the database reports.
pub fn erase(conn: &Connection, contact: ContactId, from: InboxId) -> Result<usize> {
    let erased = conn
        .prepare_cached(
            "UPDATE media SET state = 'erased', media_id = '', mime = NULL, sha256 = NULL,
                              why = NULL, record_id = NULL
             WHERE contact_id = ?1 AND (?2 = 0 OR inbox_id >= ?2) AND state != 'erased'",
        )?
        .execute((contact.0, from.0))?;
    if erased > 0 {
        sweep(conn)?;
    }
    Ok(erased)
}

/// Erases the file of a message: from now on nothing shows it.
///
/// # Errors
/// Whatever the database reports.
pub fn erase_of_message(conn: &Connection, inbox: InboxId) -> Result<usize> {
    let erased = conn
        .prepare_cached(
            "UPDATE media SET state = 'erased', media_id = '', mime = NULL, sha256 = NULL,
                              why = NULL, record_id = NULL
             WHERE inbox_id = ?1 AND state != 'erased'",
        )?
        .execute([inbox.0])?;
    if erased > 0 {
        sweep(conn)?;
    }
    Ok(erased)
}

pub(in crate::store) const ERASE_OF_RECORD: &str =
    "UPDATE media SET state = 'erased', media_id = '', mime = NULL, sha256 = NULL,
                      why = NULL, record_id = NULL
     WHERE record_id = ?1 AND state != 'erased'";

/// Erases the files of a record that is about to go: from now on nothing shows
/// them. Their bytes are left to [`sweep`].
///
/// # Errors
/// Whatever the database reports.
pub fn erase_of_record(conn: &Connection, record: &str) -> Result<usize> {
    Ok(conn.prepare_cached(ERASE_OF_RECORD)?.execute([record])?)
}

/// Erases the files that belong to no record, of messages that were sent before an
/// instant; but not those of a contact for whom staff have a task that is not done:
/// it may be to listen. The file of a record lives as long as the record.
///
/// # Errors
/// Whatever the database reports.
pub fn erase_before(conn: &Connection, before: UnixMs) -> Result<usize> {
    let erased = conn.prepare_cached(ERASE_LOOSE)?.execute([before.0])?;
    if erased > 0 {
        sweep(conn)?;
    }
    Ok(erased)
}

pub(in crate::store) const ERASE_LOOSE: &str = "UPDATE media INDEXED BY media_loose
     SET state = 'erased', media_id = '', mime = NULL, sha256 = NULL, why = NULL
     WHERE stamped_at < ?1 AND record_id IS NULL AND state != 'erased'
       AND NOT EXISTS (SELECT 1 FROM task t INDEXED BY task_by_contact
                       WHERE t.contact_id = media.contact_id AND t.state != 'done')";

/// Files that are erased at a time to make room, at most.
const ROOM_FILES: i64 = 16;

/// Where what patients' files may take is all but used up, erases the oldest of
/// those sent before an instant, whatever they belong to, until one more fits: else
/// each new file would be lost. Not those of a contact for whom staff have a task
/// that is not done. What was erased before takes room until it is overwritten, so
/// that comes first.
///
/// # Errors
/// Whatever the database reports.
pub fn make_room(conn: &Connection, before: UnixMs) -> Result<usize> {
    let missing = || -> Result<u64> {
        let wanted = super::bytes_here(conn)?.saturating_add(MEDIA_FILE_BYTES_MAX);
        Ok(wanted.saturating_sub(MEDIA_STORE_BYTES_MAX))
    };
    if missing()? == 0 || sweep(conn)? {
        return Ok(0);
    }
    let (mut missing, mut erased) = (missing()?, 0);
    for (id, bytes) in oldest(conn, before)? {
        if missing == 0 {
            break;
        }
        missing = missing.saturating_sub(bytes);
        erased += conn
            .prepare_cached(
                "UPDATE media SET state = 'erased', media_id = '', mime = NULL, sha256 = NULL,
                                  why = NULL, record_id = NULL
                 WHERE id = ?1",
            )?
            .execute([id])?;
    }
    if erased > 0 {
        sweep(conn)?;
    }
    Ok(erased)
}

/// Some of the oldest files that nobody is busy with, and how much each takes.
fn oldest(conn: &Connection, before: UnixMs) -> Result<Vec<(i64, u64)>> {
    let mut query = conn.prepare_cached(
        "SELECT id, bytes FROM media m INDEXED BY media_by_stamp
         WHERE stamped_at < ?1 AND state = 'kept'
           AND NOT EXISTS (SELECT 1 FROM task t INDEXED BY task_by_contact
                           WHERE t.contact_id = m.contact_id AND t.state != 'done')
         ORDER BY stamped_at LIMIT ?2",
    )?;
    let rows = query.query_map((before.0, ROOM_FILES), |row| {
        let bytes: i64 = row.get(1)?;
        Ok((row.get(0)?, u64::try_from(bytes).unwrap_or(0)))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Files of which pieces are still to be overwritten, in the words of their
/// index.
pub(super) const TO_SWEEP: &str =
    "(state = 'erased' OR (bytes > 0 AND state IN ('gone', 'too_big', 'refused')))";

/// Overwrites some of what files left behind that are erased or were not kept;
/// true while there is more.
///
/// # Errors
/// Whatever the database reports.
pub fn sweep(conn: &Connection) -> Result<bool> {
    let swept = conn
        .prepare_cached(&format!(
            "DELETE FROM media_chunk WHERE rowid IN (
                 SELECT c.rowid FROM (SELECT id FROM media WHERE {TO_SWEEP}) m
                 CROSS JOIN media_chunk c ON c.media_id = m.id LIMIT ?1)"
        ))?
        .execute([column(MEDIA_SWEEP_CHUNKS as u64)])?;
    if swept == MEDIA_SWEEP_CHUNKS {
        return Ok(true);
    }
    conn.prepare_cached(
        "DELETE FROM media WHERE state = 'erased'
           AND NOT EXISTS (SELECT 1 FROM media_chunk c WHERE c.media_id = media.id)",
    )?
    .execute([])?;
    conn.prepare_cached(&format!("UPDATE media SET bytes = 0 WHERE {TO_SWEEP}"))?
        .execute([])?;
    Ok(false)
}
