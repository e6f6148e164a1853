//! Conversations as staff read them: what a contact wrote and what the clinic
//! answered, in one line of time.

use crate::core::delivery::DeliveryState;
use crate::core::id::ContactId;
use crate::core::inbound::{Content, Item, MediaKind};
use crate::core::outgoing::Body;
use crate::core::private::Private;
use crate::core::time::UnixMs;
use crate::store::{Result, contacts, outbox};
use rusqlite::{Connection, params};
use std::collections::BTreeSet;

/// A conversation in the list.
#[derive(Clone, Debug)]
pub struct Conversation {
    /// Whose it is.
    pub contact: ContactId,
    /// How the contact is shown: profile name, user name, number or id.
    pub title: Private<String>,
    /// Why staff should look at it.
    pub flag: Option<String>,
    /// When something last happened in it.
    pub last_at: UnixMs,
    /// Messages that still wait to leave.
    pub waiting: i64,
}

/// Who said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The contact.
    Contact,
    /// The clinic: the bot or staff.
    Clinic,
}

/// One message of a conversation.
#[derive(Clone, Debug)]
pub struct Line {
    /// Who said it.
    pub side: Side,
    /// What was said; `None` where it has been erased.
    pub text: Option<Private<String>>,
    /// When it was written (theirs, by WhatsApp's clock) or queued (ours).
    pub at: UnixMs,
    /// How far one of ours has come.
    pub state: Option<DeliveryState>,
    /// Why it stands there.
    pub why: Option<String>,
    /// Whether the far side may have it twice.
    pub maybe_double: bool,
}

/// Rows of one table that are looked through for who was active: somebody who
/// floods the box with more than this hides the others for a while.
const LOOKED_THROUGH_MAX: usize = 20_000;

/// The latest conversations, newest first.
///
/// # Errors
/// Whatever the database reports.
pub fn latest(conn: &Connection, limit: usize) -> Result<Vec<Conversation>> {
    let mut active = last_in(conn, "inbox", limit)?;
    active.extend(last_in(conn, "outbox", limit)?);
    let mut found = Vec::new();
    for contact in active {
        found.push(conversation(conn, ContactId(contact))?);
    }
    found.sort_by_key(|one| std::cmp::Reverse((one.last_at, one.contact)));
    found.truncate(limit);
    Ok(found)
}

/// The contacts of a table's newest rows, which are numbered as they come.
fn last_in(conn: &Connection, table: &str, limit: usize) -> Result<BTreeSet<i64>> {
    let mut query = conn.prepare_cached(&format!(
        "SELECT contact_id FROM {table} WHERE contact_id IS NOT NULL ORDER BY id DESC"
    ))?;
    let mut active = BTreeSet::new();
    let mut rows = query.query([])?;
    for _ in 0..LOOKED_THROUGH_MAX {
        let Some(row) = rows.next()? else { break };
        active.insert(row.get(0)?);
        if active.len() == limit {
            break;
        }
    }
    Ok(active)
}

fn conversation(conn: &Connection, contact: ContactId) -> Result<Conversation> {
    let mut query = conn.prepare_cached(
        "SELECT c.flag,
                max(coalesce((SELECT received_at FROM inbox i WHERE i.contact_id = c.id
                              ORDER BY id DESC LIMIT 1), 0),
                    coalesce((SELECT created_at FROM outbox o WHERE o.contact_id = c.id
                              ORDER BY id DESC LIMIT 1), 0)),
                (SELECT count(*) FROM outbox o WHERE o.contact_id = c.id
                  AND o.state IN ('queued', 'held', 'sending', 'in_doubt'))
         FROM contact c WHERE c.id = ?1",
    )?;
    let title = title(conn, contact)?;
    let found = query.query_row([contact.0], |row| {
        Ok(Conversation {
            contact,
            title,
            flag: row.get(0)?,
            last_at: UnixMs(row.get(1)?),
            waiting: row.get(2)?,
        })
    })?;
    Ok(found)
}

/// How a contact is shown to staff.
///
/// # Errors
/// Whatever the database reports.
pub fn title(conn: &Connection, contact: ContactId) -> Result<Private<String>> {
    let who = contacts::address_of(conn, contact)?;
    let number = who.phone.map(|p| Private::new(format!("+{}", p.expose())));
    Ok(who
        .profile_name
        .or(number)
        .or(who.username)
        .unwrap_or_else(|| Private::new(format!("contact {contact}"))))
}

/// The latest messages of a conversation, oldest first.
///
/// # Errors
/// Whatever the database reports.
pub fn messages(conn: &Connection, contact: ContactId, limit: usize) -> Result<Vec<Line>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut query = conn.prepare_cached(
        "SELECT * FROM (
             SELECT * FROM (
                 SELECT 0 AS ours, id, item AS text, received_at AS at, NULL AS state,
                        NULL AS why, 0
                   FROM inbox WHERE contact_id = ?1 AND kind = 'message'
                  ORDER BY id DESC LIMIT ?2)
             UNION ALL
             SELECT * FROM (
                 SELECT 1, id, body, created_at, state, why, maybe_double
                   FROM outbox WHERE contact_id = ?1 ORDER BY id DESC LIMIT ?2)
         ) ORDER BY at DESC, ours DESC, id DESC LIMIT ?2",
    )?;
    let rows = query.query_map(params![contact.0, limit], |row| {
        let ours: bool = row.get(0)?;
        let text: Option<String> = row.get(2)?;
        let state = if ours {
            Some(outbox::state_at(row, 4)?)
        } else {
            None
        };
        Ok(Line {
            side: if ours { Side::Clinic } else { Side::Contact },
            text: text.and_then(|text| {
                if ours {
                    own_words(&text)
                } else {
                    their_words(&text)
                }
            }),
            at: UnixMs(row.get(3)?),
            state,
            why: row.get(5)?,
            maybe_double: row.get(6)?,
        })
    })?;
    let mut lines: Vec<Line> = rows.collect::<rusqlite::Result<_>>()?;
    lines.reverse();
    Ok(lines)
}

fn own_words(row: &str) -> Option<Private<String>> {
    let body: Body = serde_json::from_str(row).ok()?;
    Some(Private::new(body.plain_text()))
}

fn their_words(row: &str) -> Option<Private<String>> {
    match serde_json::from_str(row).ok()? {
        Item::Message(message) => Some(words(&message.content)),
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

/// What a message says, for a reader.
fn words(content: &Content) -> Private<String> {
    match content {
        Content::Text { body } => body.clone(),
        Content::Choice { title, .. } => title.clone(),
        Content::Form { .. } => "[form]".into(),
        Content::Media(media) => {
            let kind = match media.kind {
                MediaKind::Image => "[photo]",
                MediaKind::Audio => "[voice note]",
                MediaKind::Video => "[film]",
                MediaKind::Document => "[document]",
                MediaKind::Sticker => "[sticker]",
            };
            let caption = media.caption.as_ref().map_or("", Private::as_str);
            Private::new(format!("{kind} {caption}").trim().to_owned())
        }
        Content::Location { name, .. } => {
            let name = name.as_ref().map_or("", Private::as_str);
            Private::new(format!("[place] {name}").trim().to_owned())
        }
        Content::Contacts { names, .. } => {
            let names: Vec<&str> = names.iter().map(Private::as_str).collect();
            Private::new(format!("[contact card] {}", names.join(", ")))
        }
        Content::Reaction { emoji, .. } => {
            let emoji = emoji.as_ref().map_or("taken back", Private::as_str);
            Private::new(format!("[reaction] {emoji}"))
        }
        Content::Edit { content, .. } => {
            Private::new(format!("[corrected] {}", words(content).expose()))
        }
        Content::Revoke { .. } => "[deleted a message]".into(),
        Content::System(_) => "[account change]".into(),
        Content::Unsupported { what } | Content::Other { what } => {
            Private::new(format!("[{what}]"))
        }
        Content::Welcome => "[opened the chat]".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::outgoing::Purpose;
    use crate::store::tests::{contact, db, queue};

    #[test]
    fn who_was_active_last_stands_first_however_long_ago_they_first_wrote() {
        let conn = db();
        let people: Vec<ContactId> = (0..8)
            .map(|person| contact(&conn, &format!("24397000000{person}")))
            .collect();
        for (place, person) in people.iter().chain(people.first()).enumerate() {
            queue(&conn, *person, Purpose::Notice, &format!("m{place}"));
            conn.execute(
                "UPDATE outbox SET created_at = ?1 WHERE id = last_insert_rowid()",
                [i64::try_from(place).unwrap()],
            )
            .unwrap();
        }
        let listed: Vec<ContactId> = latest(&conn, 3)
            .unwrap()
            .iter()
            .map(|one| one.contact)
            .collect();
        assert_eq!(listed, [people[0], people[7], people[6]]);
    }
}
