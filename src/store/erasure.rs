//! Forgetting: words without consent, and a contact who asked for it.
//!
//! `secure_delete` overwrites the freed pages; the write-ahead log is cut at
//! the next idle checkpoint. What stays is what nobody can be found by: keyed
//! hashes against a second delivery, counts, the audit log's own numbers.

use crate::core::id::ContactId;
use crate::core::time::UnixMs;
use crate::store::{Result, media};
use rusqlite::{Connection, params};

/// Erases what a contact wrote and was told; addresses and decisions stay.
///
/// # Errors
/// Whatever the database reports.
pub fn erase_words(conn: &Connection, contact: ContactId) -> Result<()> {
    conn.prepare_cached(
        "UPDATE webhook SET body = NULL WHERE body IS NOT NULL AND id IN
             (SELECT webhook_id FROM inbox WHERE contact_id = ?1)",
    )?
    .execute([contact.0])?;
    conn.prepare_cached(
        "UPDATE inbox SET item = NULL WHERE contact_id = ?1 AND state != 'new' AND item IS NOT NULL",
    )?
    .execute([contact.0])?;
    conn.prepare_cached(
        "UPDATE outbox SET body = NULL WHERE contact_id = ?1 AND body IS NOT NULL
           AND state NOT IN ('queued', 'held', 'sending', 'in_doubt')",
    )?
    .execute([contact.0])?;
    media::erase(conn, contact)?;
    conn.prepare_cached(
        "UPDATE contact SET username = NULL, profile_name = NULL
         WHERE id = ?1 AND (username IS NOT NULL OR profile_name IS NOT NULL)",
    )?
    .execute([contact.0])?;
    Ok(())
}

/// Erases a contact: words, records, queue and names. The addresses stay only
/// until the last message to them (the receipt of the erasure) has left; see
/// [`finish`].
///
/// # Errors
/// Whatever the database reports.
pub fn erase_contact(conn: &Connection, contact: ContactId, now: UnixMs) -> Result<()> {
    conn.prepare_cached(
        "UPDATE outbox SET state = 'cancelled', why = 'erased', updated_at = ?2
         WHERE contact_id = ?1 AND state IN ('queued', 'held', 'in_doubt')",
    )?
    .execute(params![contact.0, now.0])?;
    // What is in the air cannot be called back, but is not tried again.
    conn.prepare_cached(
        "UPDATE outbox SET doom = 'cancelled', body = NULL
         WHERE contact_id = ?1 AND state = 'sending'",
    )?
    .execute([contact.0])?;
    erase_words(conn, contact)?;
    conn.prepare_cached(
        "DELETE FROM record_version WHERE record_id IN
             (SELECT id FROM record WHERE contact_id = ?1)",
    )?
    .execute([contact.0])?;
    conn.prepare_cached(
        "UPDATE record SET status = 'erased', fields = '{}', triage = 'none', language = NULL,
                           version = version + 1, updated_at = ?2 WHERE contact_id = ?1",
    )?
    .execute(params![contact.0, now.0])?;
    conn.prepare_cached(
        "UPDATE task SET state = 'done', detail = NULL, done_at = coalesce(done_at, ?2)
         WHERE contact_id = ?1",
    )?
    .execute(params![contact.0, now.0])?;
    conn.prepare_cached("UPDATE contact SET erased_at = ?2, flag = NULL WHERE id = ?1")?
        .execute(params![contact.0, now.0])?;
    Ok(())
}

/// Removes the addresses and last words of erased contacts to whom nothing is
/// left to be sent; returns how many contacts are gone for good.
///
/// # Errors
/// Whatever the database reports.
pub fn finish(conn: &Connection) -> Result<usize> {
    let gone: Vec<i64> = conn
        .prepare_cached(
            "SELECT id FROM contact c WHERE erased_at IS NOT NULL
               AND EXISTS (SELECT 1 FROM address a WHERE a.contact_id = c.id)
               AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.contact_id = c.id
                               AND o.state IN ('queued', 'held', 'sending', 'in_doubt'))
               AND NOT EXISTS (SELECT 1 FROM media m WHERE m.contact_id = c.id)
               AND due_at IS NULL",
        )?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for contact in &gone {
        erase_words(conn, ContactId(*contact))?;
        conn.prepare_cached("DELETE FROM address WHERE contact_id = ?1")?
            .execute([contact])?;
        for table in ["session", "timer"] {
            conn.execute(
                &format!("DELETE FROM {table} WHERE contact_id = ?1"),
                [contact],
            )?;
        }
    }
    Ok(gone.len())
}
