//! The last question put to a contact: decides which messages can be answers.

use crate::core::id::ContactId;
use crate::core::private::Private;
use crate::core::time::UnixMs;
use crate::store::{BoxKey, Result};
use rusqlite::{Connection, OptionalExtension};

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
