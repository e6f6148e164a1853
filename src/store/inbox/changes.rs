//! Corrections and deletions, and what they are about. Nothing says that they come
//! after it: what was corrected or deleted before it came is taken in as it was
//! left.

use crate::core::id::{ContactId, InboxId};
use crate::core::inbound::{Content, Item, Media};
use crate::store::Result;
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// What was done to a message before it came.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// It says this now.
    Corrected(Content),
    /// It says nothing any more; how the deletion stands.
    Deleted(Content),
}

impl Change {
    fn of(content: Content) -> Option<Self> {
        match content {
            Content::Edit { content, .. } => Some(Self::Corrected(*content)),
            Content::Revoke { .. } => Some(Self::Deleted(content)),
            Content::Text { .. }
            | Content::Choice { .. }
            | Content::Form { .. }
            | Content::Media(_)
            | Content::Location { .. }
            | Content::Contacts { .. }
            | Content::Reaction { .. }
            | Content::System(_)
            | Content::Unsupported { .. }
            | Content::Welcome
            | Content::Other { .. } => None,
        }
    }

    /// A message as it was left: what it says, and the row it is about.
    pub fn applied(
        self,
        content: Content,
        inbox: InboxId,
        about: Option<InboxId>,
    ) -> (Content, Option<InboxId>) {
        match (self, content) {
            (Self::Deleted(deletion), _) => (deletion, Some(inbox)),
            // Of what came with a file, the words were corrected.
            (Self::Corrected(Content::Text { body }), Content::Media(media)) => {
                let caption = Some(body);
                (Content::Media(Media { caption, ..media }), about)
            }
            (Self::Corrected(corrected), _) => (corrected, about),
        }
    }
}

/// What a contact did to messages that came later and are still to be handled.
///
/// # Errors
/// Whatever the database reports.
pub fn before_arrival(conn: &Connection, contact: ContactId) -> Result<BTreeMap<InboxId, Change>> {
    let mut query = conn.prepare_cached(BEFORE_ARRIVAL)?;
    let mut rows = query.query([contact.0])?;
    let mut changes = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let target = InboxId(row.get(0)?);
        let Some(change) = content(row.get(1)?).and_then(Change::of) else {
            continue;
        };
        // What was deleted cannot be corrected any more.
        if !matches!(changes.get(&target), Some(Change::Deleted(_))) {
            changes.insert(target, change);
        }
    }
    Ok(changes)
}

/// The index is named: of a contact's rows few are about others.
const BEFORE_ARRIVAL: &str = "SELECT seen.inbox_id, i.item
     FROM inbox i INDEXED BY inbox_changes CROSS JOIN seen ON seen.key = i.about
     WHERE i.contact_id = ?1 AND i.about IS NOT NULL AND i.state = 'handled'
       AND seen.inbox_id > i.id
       AND seen.inbox_id >= (SELECT waits_from FROM contact WHERE id = ?1)
     ORDER BY i.stamped_at, i.id";

/// The rows of a message's corrections.
///
/// # Errors
/// Whatever the database reports.
pub fn corrections(conn: &Connection, contact: ContactId, inbox: InboxId) -> Result<Vec<InboxId>> {
    let mut query = conn.prepare_cached(
        "SELECT i.id, i.item
         FROM inbox i INDEXED BY inbox_changes CROSS JOIN seen ON seen.key = i.about
         WHERE i.contact_id = ?1 AND i.about IS NOT NULL AND seen.inbox_id = ?2",
    )?;
    let mut rows = query.query(params![contact.0, inbox.0])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        if let Some(Change::Corrected(_)) = content(row.get(1)?).and_then(Change::of) {
            found.push(InboxId(row.get(0)?));
        }
    }
    Ok(found)
}

/// What a row's message says, if it reads back.
fn content(item: Option<String>) -> Option<Content> {
    match serde_json::from_str(&item?).ok()? {
        Item::Message(message) => Some(message.content),
        Item::Status(_)
        | Item::Call { .. }
        | Item::UserIdUpdate { .. }
        | Item::ChannelError(_)
        | Item::Account { .. }
        | Item::Standing(_)
        | Item::Template(_)
        | Item::Ignored { .. } => None,
    }
}
