//! Which contacts are planned now, and what becomes of one whose queue cannot
//! be: it is set aside for a while, and nobody else waits for it.

use super::{Rules, lane};
use crate::core::delivery::Link;
use crate::core::id::ContactId;
use crate::core::limits::LOOKS_PER_TURN_MAX;
use crate::core::time::{HOUR_MS, Now, UnixMs};
use crate::store::nested::nested;
use crate::store::{Error, Result, Try, dead_letter};
use rusqlite::{Connection, params};

/// How long a contact is left alone whose queue cannot be planned, ms.
const ASIDE_MS: i64 = HOUR_MS;

/// Contacts to be looked at, those whose change is oldest first.
pub(super) const TO_LOOK_AT: &str = "SELECT contact_id FROM lane INDEXED BY lane_look
     WHERE look_at IS NOT NULL AND look_at <= ?1 ORDER BY look_at LIMIT ?2";

/// Plans the contacts whose turn it is to be looked at, at most
/// `LOOKS_PER_TURN_MAX`; true if there may be more. With care, should one of
/// them fail for good, all are planned again, each for itself.
///
/// # Errors
/// Whatever the database reports.
pub(super) fn look(
    conn: &Connection,
    rules: &Rules,
    link: Link,
    now: Now,
    how: Try,
) -> Result<bool> {
    let limit = i64::try_from(LOOKS_PER_TURN_MAX).unwrap_or(i64::MAX);
    let due: Vec<ContactId> = conn
        .prepare_cached(TO_LOOK_AT)?
        .query_map(params![now.at.0, limit], |row| row.get(0).map(ContactId))?
        .collect::<rusqlite::Result<_>>()?;
    if due.is_empty() {
        return Ok(false);
    }
    let more = due.len() == LOOKS_PER_TURN_MAX;
    let plan = |contact: &ContactId| lane::plan_contact(conn, rules, *contact, link, now);
    let plan_all = || due.iter().try_for_each(plan);
    let planned = match how {
        Try::Bold => return plan_all().map(|()| more),
        Try::Careful => nested(conn, plan_all),
    };
    match planned {
        Err(error) if !error.is_transient() => {
            for contact in &due {
                or_set_aside(conn, *contact, now.at, || plan(contact))?;
            }
        }
        planned => planned?,
    }
    Ok(more)
}

/// Does work on a contact's queue; if it fails for good it is taken back and
/// the contact set aside.
///
/// # Errors
/// Whatever the database reports.
pub(super) fn or_set_aside(
    conn: &Connection,
    contact: ContactId,
    now: UnixMs,
    work: impl FnOnce() -> Result<()>,
) -> Result<()> {
    match nested(conn, work) {
        Err(error) if !error.is_transient() => set_aside(conn, contact, &error, now),
        done => done,
    }
}

fn set_aside(conn: &Connection, contact: ContactId, error: &Error, now: UnixMs) -> Result<()> {
    tracing::error!(contact.id = %contact, %error, "a contact's queue cannot be planned");
    conn.prepare_cached(
        "UPDATE lane SET head_id = NULL, ready_at = NULL, look_at = ?2 WHERE contact_id = ?1",
    )?
    .execute(params![contact.0, now.plus_ms(ASIDE_MS).0])?;
    dead_letter::tell_staff(conn, Some(contact), "queue", now)
}
