//! The outbound queue: written with the change that causes a message, sent in
//! order, one in flight for each contact, settled by results and statuses.

mod claim;
mod prompt;
mod settle;
mod status;
#[cfg(test)]
mod tests;

pub use claim::{Claim, claim};
pub use prompt::{LastPrompt, last_prompt, quotes};
pub use settle::{line_up, not_doubled, recover, settle};
pub use status::apply_status;

use crate::core::delivery::DeliveryState;
use crate::core::id::{ContactId, OutboxId, OutboxKey};
use crate::core::outgoing::{Outgoing, Purpose};
use crate::core::time::UnixMs;
use crate::store::tasks::{self, NewTask};
use crate::store::{Error, Result};
use rusqlite::{Connection, Row, params};

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
    // One in the air is not tried again, should it not have arrived.
    conn.prepare_cached(
        "UPDATE outbox SET doom = coalesce(doom, 'superseded')
         WHERE contact_id = ?1 AND purpose = 'prompt' AND state = 'sending'",
    )?
    .execute([contact.0])?;
    Ok(conn
        .prepare_cached(
            "UPDATE outbox SET state = 'superseded', updated_at = ?2
             WHERE contact_id = ?1 AND purpose = 'prompt' AND state IN ('queued', 'held')",
        )?
        .execute(params![contact.0, now.0])?)
}

/// Opens the one task for a message that will not arrive.
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

/// Reads a delivery state out of a row.
pub(super) fn state_at(row: &Row<'_>, column: usize) -> rusqlite::Result<DeliveryState> {
    let word: String = row.get(column)?;
    word.parse().map_err(|e| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(e))
    })
}
