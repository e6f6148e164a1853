//! Conversations as staff read them: what a contact wrote and what the clinic
//! answered, in one line of time.

use crate::core::delivery::DeliveryState;
use crate::core::id::ContactId;
use crate::core::inbound::{Content, Item, MediaKind};
use crate::core::outgoing::Body;
use crate::core::private::Private;
use crate::core::time::{MINUTE_MS, UnixMs};
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
    /// When one of theirs reached the box, if that was noticeably later.
    pub arrived: Option<UnixMs>,
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
    let mut query = conn.prepare_cached(concat!(
        "SELECT c.flag,
                max(coalesce((SELECT received_at FROM inbox i WHERE i.contact_id = c.id
                              ORDER BY id DESC LIMIT 1), 0),
                    coalesce((SELECT created_at FROM outbox o WHERE o.contact_id = c.id
                              ORDER BY id DESC LIMIT 1), 0)),
                (SELECT count(*) FROM outbox o WHERE o.contact_id = c.id
                  AND ",
        waits!("o."),
        ")
         FROM contact c WHERE c.id = ?1"
    ))?;
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

/// The number a contact can be called on; none where WhatsApp hides it.
///
/// # Errors
/// Whatever the database reports.
pub fn number(conn: &Connection, contact: ContactId) -> Result<Option<Private<String>>> {
    let who = contacts::address_of(conn, contact)?;
    Ok(who.phone.map(|phone| international(&phone)))
}

fn international(phone: &Private<String>) -> Private<String> {
    Private::new(format!("+{}", phone.expose()))
}

/// How a contact is shown to staff.
///
/// # Errors
/// Whatever the database reports.
pub fn title(conn: &Connection, contact: ContactId) -> Result<Private<String>> {
    let who = contacts::address_of(conn, contact)?;
    let number = who.phone.as_ref().map(international);
    Ok(who
        .profile_name
        .or(number)
        .or(who.username)
        .unwrap_or_else(|| Private::new(format!("contact {contact}"))))
}

/// One who arrives later than this after being written has waited somewhere, ms.
const LATE_ARRIVAL_MS: i64 = MINUTE_MS;

/// The latest messages of a conversation, oldest first: theirs in the order they
/// were written, also when they arrived in another; ours between them where we
/// said them.
///
/// # Errors
/// Whatever the database reports.
pub fn messages(conn: &Connection, contact: ContactId, limit: usize) -> Result<Vec<Line>> {
    let mut theirs = theirs(conn, contact, limit)?.into_iter().peekable();
    let mut lines = Vec::new();
    for (ours, said_at) in ours(conn, contact, limit)? {
        while let Some((line, _)) = theirs.next_if(|(_, came)| *came <= said_at) {
            lines.push(line);
        }
        lines.push(ours);
    }
    lines.extend(theirs.map(|(line, _)| line));
    let surplus = lines.len().saturating_sub(limit);
    Ok(lines.split_off(surplus))
}

/// Their latest messages as they were written, each with when it came.
fn theirs(conn: &Connection, contact: ContactId, limit: usize) -> Result<Vec<(Line, UnixMs)>> {
    let mut query = conn.prepare_cached(
        "SELECT item, stamped_at, received_at FROM (
             SELECT id, item, stamped_at, received_at FROM inbox
             WHERE contact_id = ?1 AND kind = 'message' ORDER BY id DESC LIMIT ?2)
         ORDER BY stamped_at, id",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = query.query_map(params![contact.0, limit], |row| {
        let text: Option<String> = row.get(0)?;
        let (at, came) = (UnixMs(row.get(1)?), UnixMs(row.get(2)?));
        let line = Line {
            side: Side::Contact,
            text: text.and_then(|text| their_words(&text)),
            at,
            arrived: (came.ms_since(at) > LATE_ARRIVAL_MS).then_some(came),
            state: None,
            why: None,
            maybe_double: false,
        };
        Ok((line, came))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Our latest messages in the order of queueing, each with when that was.
fn ours(conn: &Connection, contact: ContactId, limit: usize) -> Result<Vec<(Line, UnixMs)>> {
    let mut query = conn.prepare_cached(
        "SELECT body, created_at, state, why, maybe_double FROM (
             SELECT id, body, created_at, state, why, maybe_double FROM outbox
             WHERE contact_id = ?1 ORDER BY id DESC LIMIT ?2)
         ORDER BY id",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = query.query_map(params![contact.0, limit], |row| {
        let text: Option<String> = row.get(0)?;
        let at = UnixMs(row.get(1)?);
        let line = Line {
            side: Side::Clinic,
            text: text.and_then(|text| own_words(&text)),
            at,
            arrived: None,
            state: Some(outbox::state_at(row, 2)?),
            why: row.get(3)?,
            maybe_double: row.get(4)?,
        };
        Ok((line, at))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
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
        Content::Contacts { names, phones, .. } => {
            let cards = names.iter().enumerate().map(|(at, name)| {
                let phone = phones.get(at).map_or("", Private::as_str);
                format!("{} {phone}", name.as_str()).trim().to_owned()
            });
            let cards: Vec<String> = cards.collect();
            Private::new(format!("[contact card] {}", cards.join(", ")))
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
    use crate::core::time::SECOND_MS;
    use crate::store::inbox::{Reception, receive};
    use crate::store::tests::{box_key, contact, db, message, phone, queue};

    #[test]
    fn a_contact_card_is_shown_with_its_numbers() {
        let cards = Content::Contacts {
            names: vec!["Peter Banda".into(), "".into(), "Grace".into()],
            phones: vec!["0812345678".into(), "+254712345678".into()],
            own_number: None,
        };
        let shown = "[contact card] Peter Banda 0812345678, +254712345678, Grace";
        assert_eq!(words(&cards).as_str(), shown);
        // A row of an earlier release knows only names.
        let row = r#"{"kind":"contacts","names":["Peter"],"own_number":null}"#;
        let earlier: Content = serde_json::from_str(row).unwrap();
        assert_eq!(words(&earlier).as_str(), "[contact card] Peter");
    }

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

    fn write(conn: &Connection, id: &str, words: &str, stamped: UnixMs, came: UnixMs) {
        let key = box_key();
        let reception = Reception {
            box_key: &key,
            channel: "cloud",
            phone_number_id: "1",
            quiet_ms: 1_500,
            is_urgent: |_| false,
        };
        let item = message(id, phone("243970000001"), stamped, words);
        receive(conn, &reception, b"{}", &[item], came).unwrap();
    }

    #[test]
    fn after_an_outage_a_story_reads_as_it_was_written() {
        let conn = db();
        let amina = contact(&conn, "243970000001");
        let at = |seconds: i64| UnixMs(1_000_000 + seconds * SECOND_MS);
        write(&conn, "a", "hello", at(0), at(1));
        queue(&conn, amina, Purpose::Notice, "welcome");
        conn.execute("UPDATE outbox SET created_at = ?1", [at(2).0])
            .unwrap();
        // Two that waited for the line came in the other order.
        write(&conn, "c", "then fever", at(160), at(300));
        write(&conn, "b", "first a cough", at(100), at(301));
        let lines = messages(&conn, amina, 10).unwrap();
        let told: Vec<(&str, UnixMs, Option<UnixMs>)> = lines
            .iter()
            .map(|line| (line.text.as_ref().unwrap().as_str(), line.at, line.arrived))
            .collect();
        assert_eq!(
            told,
            [
                ("hello", at(0), None),
                ("welcome", at(2), None),
                ("first a cough", at(100), Some(at(301))),
                ("then fever", at(160), Some(at(300))),
            ]
        );
    }
}
