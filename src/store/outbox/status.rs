//! Statuses: news of our messages, in any order, once or more often.

use super::{ask_staff, state_at};
use crate::core::delivery::{DeliveryState, advance};
use crate::core::id::OutboxId;
use crate::core::inbound::{Receipt, Status};
use crate::core::time::UnixMs;
use crate::store::{BoxKey, Result, tasks, usage};
use rusqlite::{Connection, OptionalExtension, params};

/// Applies news of one of our messages; parks it if the message is not known
/// yet. Receipts come in any order and only move a message forward.
///
/// # Errors
/// Whatever the database reports.
pub fn apply_status(
    conn: &Connection,
    box_key: &BoxKey,
    status: &Status,
    now: UnixMs,
) -> Result<()> {
    let wamid_key = box_key.keyed_hash(status.id.expose());
    match find_by_status(conn, &wamid_key, status.callback.as_deref())? {
        Some(id) => apply(conn, id, &wamid_key, status, now),
        None => {
            conn.prepare_cached(
                "INSERT OR IGNORE INTO parked_status (wamid_key, receipt, status, parked_at)
                 VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![
                wamid_key,
                receipt_word(status.receipt),
                serde_json::to_string(status)?,
                now.0,
            ])?;
            Ok(())
        }
    }
}

fn find_by_status(
    conn: &Connection,
    wamid_key: &[u8; 16],
    callback: Option<&str>,
) -> Result<Option<OutboxId>> {
    let by_wamid: Option<i64> = conn
        .prepare_cached("SELECT id FROM outbox WHERE wamid_key = ?1")?
        .query_row([wamid_key], |row| row.get(0))
        .optional()?;
    let found = match (by_wamid, callback) {
        (Some(id), _) => Some(id),
        (None, Some(key)) => conn
            .prepare_cached("SELECT id FROM outbox WHERE key = ?1")?
            .query_row([key], |row| row.get(0))
            .optional()?,
        (None, None) => None,
    };
    Ok(found.map(OutboxId))
}

fn apply(
    conn: &Connection,
    id: OutboxId,
    wamid_key: &[u8; 16],
    status: &Status,
    now: UnixMs,
) -> Result<()> {
    let state = conn
        .prepare_cached("SELECT state FROM outbox WHERE id = ?1")?
        .query_row([id.0], |row| state_at(row, 0))?;
    let next = advance(state, status.receipt);
    let failed = next == DeliveryState::Failed && state != next;
    let sent_stamp = (status.receipt == Receipt::Sent).then_some(status.stamped.0);
    conn.prepare_cached(
        "UPDATE outbox SET state = ?2, wamid_key = coalesce(wamid_key, ?3),
                accepted_at = coalesce(accepted_at, ?4),
                sent_stamp = coalesce(?5, sent_stamp),
                why = CASE WHEN ?6 THEN 'undelivered' WHEN state = ?2 THEN why ELSE NULL END,
                updated_at = ?4
         WHERE id = ?1",
    )?
    .execute(params![
        id.0,
        next.word(),
        wamid_key,
        now.0,
        sent_stamp,
        failed
    ])?;
    if failed {
        ask_staff(conn, id, Some("undelivered"), now)?;
    }
    let arrived = matches!(next, DeliveryState::Delivered | DeliveryState::Read);
    if arrived && !matches!(state, DeliveryState::Delivered | DeliveryState::Read) {
        usage::add_delivered(conn, status.stamped, status.category.as_deref())?;
    }
    if arrived && state != next {
        // It arrived after all: nobody has to call.
        tasks::close_for(conn, id, now)?;
    }
    Ok(())
}

/// Applies what was parked for a message that has become known.
pub(super) fn apply_parked(conn: &Connection, wamid_key: &[u8; 16], now: UnixMs) -> Result<()> {
    let parked: Vec<String> = conn
        .prepare_cached("SELECT status FROM parked_status WHERE wamid_key = ?1 ORDER BY parked_at")?
        .query_map([wamid_key], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    if parked.is_empty() {
        return Ok(());
    }
    for text in parked {
        let status: Status = serde_json::from_str(&text)?;
        if let Some(id) = find_by_status(conn, wamid_key, None)? {
            apply(conn, id, wamid_key, &status, now)?;
        }
    }
    conn.prepare_cached("DELETE FROM parked_status WHERE wamid_key = ?1")?
        .execute([wamid_key])?;
    Ok(())
}

const fn receipt_word(receipt: Receipt) -> &'static str {
    match receipt {
        Receipt::Sent => "sent",
        Receipt::Delivered => "delivered",
        Receipt::Read => "read",
        Receipt::Played => "played",
        Receipt::Failed => "failed",
    }
}
