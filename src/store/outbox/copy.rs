//! Copies of messages that the provider took and gave back, or of which it told
//! nothing. A copy stands under
//! a name of its own: no late status of the first one can be taken for one of
//! the copy. Whoever may have the first one is never sent the copy unmarked.

use super::lane::set;
use super::status::say_why;
use super::{ask_staff, is_template, state_at, template};
use crate::core::delivery::{DeliveryState, Why};
use crate::core::id::OutboxId;
use crate::core::time::UnixMs;
use crate::store::{Result, tasks};
use rusqlite::{Connection, OptionalExtension, params};

/// The name of the copy of a message: that of the very first, and the number of
/// the one that was copied. However often a message comes back, its name stays
/// short.
const NAME: &str = "substr(key, 1, instr(key || '.', '.') - 1) || '.' || id";

/// Queues a copy that waits until then, and why; a task goes with it. A question
/// that has a newer one needs none, nor does a template, and what was erased has no
/// words left to copy.
pub(super) fn queue(
    conn: &Connection,
    id: OutboxId,
    (not_before, why): (UnixMs, Why),
    now: UnixMs,
) -> Result<()> {
    let needless: bool = conn
        .prepare_cached(
            "SELECT o.purpose IN ('prompt', 'template') AND EXISTS (
                 SELECT 1 FROM outbox n INDEXED BY outbox_by_contact
                 WHERE n.contact_id = o.contact_id AND n.id > o.id AND n.purpose = o.purpose)
             FROM outbox o WHERE o.id = ?1",
        )?
        .query_row([id.0], |row| row.get(0))?;
    if needless {
        tasks::close_for(conn, id, now)?;
        return say_why(conn, id, DeliveryState::Superseded, Why::NewerQuestion);
    }
    // Where one try of several came back, another may have arrived.
    let copied = conn
        .prepare_cached(&format!(
            "INSERT INTO outbox (key, contact_id, purpose, body, rank, state, why, not_before,
                                 attempts, maybe_double, created_at, updated_at, about_stamp, aged_from)
             SELECT {NAME}, contact_id, purpose, body, rank, 'queued', ?4, ?2, attempts + 1,
                    maybe_double, created_at, ?3, about_stamp, aged_from
             FROM outbox WHERE id = ?1 AND body IS NOT NULL"
        ))?
        .execute(params![id.0, not_before.0, now.0, why.word()])?;
    if copied == 0 && is_template(conn, id)? {
        say_why(conn, id, DeliveryState::Failed, Why::TemplateRefused)?;
        return template::failed(conn, id, None, now);
    }
    if copied == 0 {
        say_why(conn, id, DeliveryState::Failed, Why::Undelivered)?;
        return ask_staff(conn, id, Why::Undelivered, now);
    }
    tasks::hand_on(conn, id, OutboxId(conn.last_insert_rowid()))?;
    say_why(conn, id, DeliveryState::Superseded, Why::SentAgain)
}

/// Queues a copy of a message that the provider took and that did not arrive, or
/// may not have, because staff want it sent again; its task goes with it. None if
/// it was never taken, or does not stand where that makes sense.
///
/// # Errors
/// Whatever the database reports.
pub fn send_again(conn: &Connection, id: OutboxId, now: UnixMs) -> Result<Option<OutboxId>> {
    let copied = conn
        .prepare_cached(&format!(
            "INSERT INTO outbox (key, contact_id, purpose, body, rank, state, maybe_double,
                                 created_at, updated_at, about_stamp)
             SELECT {NAME}, contact_id, purpose, body, rank, 'queued',
                    max(maybe_double, why IS 'sent_in_doubt' OR why IS 'unheard'), created_at, ?2, about_stamp
             FROM outbox WHERE id = ?1 AND body IS NOT NULL AND wamid_key IS NOT NULL
               AND purpose != 'template'
               AND state IN ('failed', 'expired', 'cancelled')"
        ))?
        .execute(params![id.0, now.0])?;
    if copied == 0 {
        return Ok(None);
    }
    let copy = OutboxId(conn.last_insert_rowid());
    set(conn, id, DeliveryState::Superseded, Why::SentAgain, now)?;
    tasks::leave_done(conn, id)?;
    tasks::hand_on(conn, id, copy)?;
    Ok(Some(copy))
}

/// A message that was given back arrived after all (on a linked device): its
/// copy ends unless it has left, and then it is marked. Nobody has to call for
/// it any more.
pub(super) fn original_arrived(conn: &Connection, id: OutboxId, now: UnixMs) -> Result<()> {
    let mut copied = find(conn, id)?;
    while let Some((copy, state)) = copied {
        tasks::close_for(conn, copy, now)?;
        let ended = DeliveryState::Superseded;
        copied = match state {
            DeliveryState::Queued | DeliveryState::Held => {
                set(conn, copy, ended, Why::FirstArrived, now)?;
                None
            }
            DeliveryState::InDoubt => {
                mark(conn, copy)?;
                set(conn, copy, ended, Why::FirstArrived, now)?;
                None
            }
            DeliveryState::Sending
            | DeliveryState::Accepted
            | DeliveryState::Sent
            | DeliveryState::Delivered
            | DeliveryState::Read => {
                mark(conn, copy)?;
                None
            }
            // It may have come back itself, and have a copy of its own.
            DeliveryState::Superseded => find(conn, copy)?,
            DeliveryState::Failed | DeliveryState::Expired | DeliveryState::Cancelled => None,
        };
    }
    Ok(())
}

/// The copy of a message, if there is one, and where it stands. It has the
/// higher number, so a row of copies comes to an end.
fn find(conn: &Connection, id: OutboxId) -> Result<Option<(OutboxId, DeliveryState)>> {
    let found = conn
        .prepare_cached(&format!(
            "SELECT id, state FROM outbox
             WHERE key = (SELECT {NAME} FROM outbox WHERE id = ?1) AND id > ?1"
        ))?
        .query_row([id.0], |row| Ok((OutboxId(row.get(0)?), state_at(row, 1)?)))
        .optional()?;
    Ok(found)
}

/// The far side may have its words twice; should it not have arrived, it is not
/// tried again.
fn mark(conn: &Connection, id: OutboxId) -> Result<()> {
    conn.prepare_cached(
        "UPDATE outbox SET maybe_double = 1, doom = coalesce(doom, 'superseded') WHERE id = ?1",
    )?
    .execute([id.0])?;
    Ok(())
}
