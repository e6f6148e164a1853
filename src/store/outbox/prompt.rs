//! The last question put to a contact: decides which messages can be answers.

use crate::core::id::ContactId;
use crate::core::private::Private;
use crate::core::time::UnixMs;
use crate::store::{BoxKey, Result};
use rusqlite::{Connection, OptionalExtension, params};

/// The last question put to a contact: when it was accepted and left the
/// provider, and under which id. `None` while it has not left.
///
/// # Errors
/// Whatever the database reports.
pub fn last_prompt(conn: &Connection, contact: ContactId) -> Result<Option<LastPrompt>> {
    let found = conn
        .prepare_cached(
            "SELECT accepted_at, sent_stamp, wamid_key FROM outbox
             WHERE contact_id = ?1 AND purpose = 'prompt' ORDER BY id DESC LIMIT 1",
        )?
        .query_row([contact.0], |row| {
            let accepted: Option<i64> = row.get(0)?;
            let stamp = row.get::<_, Option<i64>>(1)?.map(UnixMs);
            let wamid_key = row.get(2)?;
            Ok(accepted.map(|at| LastPrompt {
                accepted: UnixMs(at),
                stamp,
                wamid_key,
            }))
        })
        .optional()?;
    Ok(found.flatten())
}

/// How many questions were put to a contact after the one that left under this
/// id; none if no question of theirs did. A copy is the question it copies.
///
/// # Errors
/// Whatever the database reports.
pub fn prompts_since(
    conn: &Connection,
    contact: ContactId,
    wamid_key: &[u8; 16],
) -> Result<Option<u32>> {
    let quoted: Option<i64> = conn
        .prepare_cached(
            "SELECT id FROM outbox
             WHERE wamid_key = ?1 AND contact_id = ?2 AND purpose = 'prompt'
             ORDER BY id DESC LIMIT 1",
        )?
        .query_row(params![wamid_key, contact.0], |row| row.get(0))
        .optional()?;
    let Some(quoted) = quoted else {
        return Ok(None);
    };
    Ok(conn
        .prepare_cached(
            "SELECT count(*) FROM outbox INDEXED BY outbox_by_contact
             WHERE contact_id = ?1 AND id > ?2 AND purpose = 'prompt' AND instr(key, '.') = 0",
        )?
        .query_row(params![contact.0, quoted], |row| row.get(0))
        .map(Some)?)
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
