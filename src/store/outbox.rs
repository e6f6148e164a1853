//! The outbound queue: written with the change that causes a message, sent in
//! order, one in flight for each contact, settled by results and statuses.

use crate::core::delivery::{DeliveryState, Policy, Verdict, advance, judge};
use crate::core::id::{AttemptId, ContactId, OutboxId, OutboxKey};
use crate::core::inbound::{Receipt, Status};
use crate::core::outgoing::{Outgoing, Purpose};
use crate::core::private::Private;
use crate::core::time::UnixMs;
use crate::ports::{Call, SendOutcome};
use crate::store::tasks::{self, NewTask};
use crate::store::{BoxKey, Error, Result, contacts};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// A message handed to the sender: its attempt is committed before it leaves.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The queue row.
    pub id: OutboxId,
    /// The open attempt.
    pub attempt: AttemptId,
    /// What to hand over, and to whom.
    pub call: Call,
}

/// Puts a message at the end of a contact's queue. An emergency goes before
/// everything else.
///
/// # Errors
/// Whatever the database reports.
pub fn push(
    conn: &Connection,
    contact: ContactId,
    key: &OutboxKey,
    message: &Outgoing,
    now: UnixMs,
) -> Result<OutboxId> {
    let rank = i64::from(message.purpose != Purpose::Emergency);
    conn.prepare_cached(
        "INSERT INTO outbox (key, contact_id, purpose, body, rank, state, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, 'queued', ?6, ?6)",
    )?
    .execute(params![
        key.0,
        contact.0,
        purpose_word(message.purpose),
        serde_json::to_string(&message.body)?,
        rank,
        now.0,
    ])?;
    Ok(OutboxId(conn.last_insert_rowid()))
}

/// Withdraws a contact's unsent questions: something newer takes their place.
///
/// # Errors
/// Whatever the database reports.
pub fn supersede_prompts(conn: &Connection, contact: ContactId, now: UnixMs) -> Result<usize> {
    Ok(conn
        .prepare_cached(
            "UPDATE outbox SET state = 'superseded', updated_at = ?2
             WHERE contact_id = ?1 AND purpose = 'prompt' AND state IN ('queued', 'held')",
        )?
        .execute(params![contact.0, now.0])?)
}

/// Takes up to `limit` messages that may leave now and opens an attempt for
/// each. For one contact the order is the order of queueing, and only one is
/// in the air; an emergency passes its contact's queue, and words of staff
/// pass a message whose result is in doubt. A message in doubt whose wait is
/// over is taken again and marked: the far side may see it twice.
///
/// # Errors
/// Whatever the database reports.
pub fn claim(conn: &Connection, now: UnixMs, limit: usize) -> Result<Vec<Claim>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut claims = Vec::new();
    for (id, in_doubt) in ready(conn, now, limit)? {
        claims.push(take(conn, id, in_doubt, now)?);
    }
    Ok(claims)
}

fn ready(conn: &Connection, now: UnixMs, limit: i64) -> Result<Vec<(OutboxId, bool)>> {
    let mut ids = Vec::new();
    let mut doubt = conn.prepare_cached(
        "SELECT id, contact_id FROM outbox o WHERE state = 'in_doubt' AND not_before <= ?1
           AND NOT EXISTS (SELECT 1 FROM outbox a
                           WHERE a.contact_id = o.contact_id AND a.state = 'sending')
           AND NOT EXISTS (SELECT 1 FROM outbox e
                           WHERE e.contact_id = o.contact_id AND e.id < o.id
                             AND e.state = 'in_doubt')
         ORDER BY not_before, id LIMIT ?2",
    )?;
    let mut contacts_taken = Vec::new();
    let rows = doubt.query_map(params![now.0, limit], |r| {
        Ok((r.get(0)?, r.get::<_, i64>(1)?))
    })?;
    for row in rows {
        let (id, contact) = row?;
        ids.push((OutboxId(id), true));
        contacts_taken.push(contact);
    }
    let mut queued = conn.prepare_cached(
        "SELECT id, contact_id FROM outbox o
         WHERE state = 'queued' AND not_before <= ?1
           AND NOT EXISTS (SELECT 1 FROM outbox a
                           WHERE a.contact_id = o.contact_id AND a.state = 'sending')
           AND (rank = 0 OR NOT EXISTS (
                SELECT 1 FROM outbox e
                WHERE e.contact_id = o.contact_id AND e.id < o.id
                  AND (e.state IN ('queued', 'held')
                       OR (e.state = 'in_doubt' AND o.purpose != 'staff'))))
         ORDER BY rank, id LIMIT ?2",
    )?;
    let rows = queued.query_map(params![now.0, limit], |r| {
        Ok((r.get(0)?, r.get::<_, i64>(1)?))
    })?;
    for row in rows {
        let (id, contact) = row?;
        if ids.len() < usize::try_from(limit).unwrap_or(usize::MAX)
            && !contacts_taken.contains(&contact)
        {
            ids.push((OutboxId(id), false));
            contacts_taken.push(contact);
        }
    }
    Ok(ids)
}

fn take(conn: &Connection, id: OutboxId, in_doubt: bool, now: UnixMs) -> Result<Claim> {
    conn.prepare_cached(
        "UPDATE outbox SET state = 'sending', why = NULL, updated_at = ?2,
                           maybe_double = max(maybe_double, ?3) WHERE id = ?1",
    )?
    .execute(params![id.0, now.0, i64::from(in_doubt)])?;
    conn.prepare_cached("INSERT INTO attempt (outbox_id, started_at) VALUES (?1, ?2)")?
        .execute(params![id.0, now.0])?;
    let attempt = AttemptId(conn.last_insert_rowid());
    let (key, contact, purpose, body) = conn
        .prepare_cached("SELECT key, contact_id, purpose, body FROM outbox WHERE id = ?1")?
        .query_row([id.0], |row| {
            Ok((
                row.get::<_, String>(0)?,
                ContactId(row.get(1)?),
                row.get::<_, String>(2)?,
                row.get::<_, String>(3)?,
            ))
        })?;
    let message = Outgoing {
        purpose: purpose_of(&purpose)?,
        body: serde_json::from_str(&body)?,
    };
    let to = contacts::address_of(conn, contact)?;
    Ok(Claim {
        id,
        attempt,
        call: Call {
            key: OutboxKey(key),
            to,
            message,
        },
    })
}

/// Records what became of a claimed message and returns the verdict, so that
/// the sender knows what the channel has to do. A status that overtook the
/// answer is never undone.
///
/// # Errors
/// Whatever the database reports.
pub fn settle(
    conn: &Connection,
    box_key: &BoxKey,
    claim: (OutboxId, AttemptId),
    outcome: &SendOutcome,
    policy: Policy,
    now: UnixMs,
    jitter: u32,
) -> Result<Verdict> {
    let (id, attempt) = claim;
    let (state, attempts) = conn
        .prepare_cached("SELECT state, attempts FROM outbox WHERE id = ?1")?
        .query_row([id.0], |row| Ok((state_at(row, 0)?, row.get::<_, u32>(1)?)))?;
    let verdict = judge(outcome, attempts, policy, now, jitter);
    conn.prepare_cached("UPDATE attempt SET ended_at = ?2, outcome = ?3 WHERE id = ?1")?
        .execute(params![attempt.0, now.0, verdict.why.unwrap_or("accepted")])?;
    if let SendOutcome::Accepted { wamid } = outcome {
        let wamid_key = box_key.keyed_hash(wamid.expose());
        conn.prepare_cached(
            "UPDATE outbox SET wamid_key = ?2, accepted_at = coalesce(accepted_at, ?3) WHERE id = ?1",
        )?
        .execute(params![id.0, wamid_key, now.0])?;
    }
    // Anything but `sending` means that a status, or staff, was quicker.
    if state == DeliveryState::Sending {
        set(conn, id, &verdict, now)?;
        if verdict.state == DeliveryState::Failed {
            ask_staff(conn, id, verdict.why, now)?;
        }
    }
    if let SendOutcome::Accepted { wamid } = outcome {
        apply_parked(conn, &box_key.keyed_hash(wamid.expose()), now)?;
    }
    Ok(verdict)
}

fn set(conn: &Connection, id: OutboxId, verdict: &Verdict, now: UnixMs) -> Result<()> {
    conn.prepare_cached(
        "UPDATE outbox SET state = ?2, why = ?3, not_before = ?4, updated_at = ?5,
                           attempts = attempts + ?6 WHERE id = ?1",
    )?
    .execute(params![
        id.0,
        verdict.state.word(),
        verdict.why,
        verdict.not_before.0,
        now.0,
        i64::from(verdict.counts),
    ])?;
    Ok(())
}

/// After a start: whatever was in the air when the power went is in doubt.
///
/// # Errors
/// Whatever the database reports.
pub fn recover(conn: &Connection, in_doubt_ms: i64, now: UnixMs) -> Result<usize> {
    conn.execute(
        "UPDATE attempt SET ended_at = ?1, outcome = 'interrupted' WHERE ended_at IS NULL",
        [now.0],
    )?;
    Ok(conn.execute(
        "UPDATE outbox SET state = 'in_doubt', why = 'interrupted', not_before = ?1,
                           updated_at = ?2 WHERE state = 'sending'",
        params![now.plus_ms(in_doubt_ms).0, now.0],
    )?)
}

/// When the line has come back, the wait of what is in doubt begins anew: only
/// time in which a status could have come counts.
///
/// # Errors
/// Whatever the database reports.
pub fn line_up(conn: &Connection, in_doubt_ms: i64, now: UnixMs) -> Result<usize> {
    Ok(conn.execute(
        "UPDATE outbox SET not_before = ?1 WHERE state = 'in_doubt'",
        [now.plus_ms(in_doubt_ms).0],
    )?)
}

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
    Ok(())
}

fn apply_parked(conn: &Connection, wamid_key: &[u8; 16], now: UnixMs) -> Result<()> {
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

fn ask_staff(conn: &Connection, id: OutboxId, why: Option<&str>, now: UnixMs) -> Result<()> {
    let contact: i64 = conn
        .prepare_cached("SELECT contact_id FROM outbox WHERE id = ?1")?
        .query_row([id.0], |row| row.get(0))?;
    tasks::open(
        conn,
        &NewTask {
            kind: "undelivered",
            contact: Some(ContactId(contact)),
            record: None,
            outbox: Some(id),
            detail: why,
        },
        now,
    )
}

/// The column's word for a purpose.
pub(super) const fn purpose_word(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Prompt => "prompt",
        Purpose::Notice => "notice",
        Purpose::Emergency => "emergency",
        Purpose::Staff => "staff",
    }
}

fn purpose_of(word: &str) -> Result<Purpose> {
    [
        Purpose::Prompt,
        Purpose::Notice,
        Purpose::Emergency,
        Purpose::Staff,
    ]
    .into_iter()
    .find(|p| purpose_word(*p) == word)
    .ok_or(Error::Unreadable("a purpose in the outbox"))
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

/// Reads a delivery state out of a row.
pub(super) fn state_at(row: &Row<'_>, column: usize) -> rusqlite::Result<DeliveryState> {
    let word: String = row.get(column)?;
    word.parse().map_err(|e| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(e))
    })
}

/// The last question put to a contact: when it was accepted and left the
/// provider, and under which id. `None` while it has not left.
///
/// # Errors
/// Whatever the database reports.
pub fn last_prompt(conn: &Connection, contact: ContactId) -> Result<Option<LastPrompt>> {
    let found: Option<(Option<i64>, Option<i64>, Option<[u8; 16]>)> = conn
        .prepare_cached(
            "SELECT accepted_at, sent_stamp, wamid_key FROM outbox
             WHERE contact_id = ?1 AND purpose = 'prompt' ORDER BY id DESC LIMIT 1",
        )?
        .query_row([contact.0], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    Ok(found.and_then(|(accepted, stamp, wamid_key)| {
        Some(LastPrompt {
            accepted: UnixMs(accepted?),
            stamp: stamp.map(UnixMs),
            wamid_key,
        })
    }))
}

/// See [`last_prompt`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastPrompt {
    /// When the provider took it, by our clock.
    pub accepted: UnixMs,
    /// WhatsApp's own stamp of it, once known.
    pub stamp: Option<UnixMs>,
    /// Keyed hash of its id.
    pub wamid_key: Option<[u8; 16]>,
}

/// Whether a quoted message is the one of this prompt.
pub fn quotes(prompt: &LastPrompt, box_key: &BoxKey, quoted: Option<&Private<String>>) -> bool {
    match (quoted, prompt.wamid_key) {
        (Some(id), Some(key)) => box_key.keyed_hash(id.expose()) == key,
        (Some(_) | None, Some(_) | None) => false,
    }
}
