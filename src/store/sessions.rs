//! Conversations between two steps, their timers and the flows they speak.

use crate::core::engine::{Received, Session, TimerKind};
use crate::core::id::{ContactId, InboxId};
use crate::core::inbound::{Content, Inbound, Item};
use crate::core::private::Private;
use crate::core::time::UnixMs;
use crate::store::inbox::{self, OTHER_ACCOUNT};
use crate::store::outbox::{self, LastPrompt};
use crate::store::{BoxKey, Error, Result};
use rusqlite::{Connection, OptionalExtension, params};

/// A contact's conversation; a new one if there is none yet.
///
/// # Errors
/// [`Error::Unreadable`] if the row does not read back, and whatever the
/// database reports.
pub fn load(conn: &Connection, contact: ContactId) -> Result<Session> {
    let state: Option<String> = conn
        .prepare_cached("SELECT state FROM session WHERE contact_id = ?1")?
        .query_row([contact.0], |row| row.get(0))
        .optional()?;
    match state {
        Some(state) => {
            serde_json::from_str(&state).map_err(|_| Error::Unreadable("a conversation"))
        }
        None => Ok(Session::default()),
    }
}

/// Writes a conversation back.
///
/// # Errors
/// Whatever the database reports.
pub fn save(conn: &Connection, contact: ContactId, session: &Session, now: UnixMs) -> Result<()> {
    conn.prepare_cached(
        "INSERT INTO session (contact_id, flow_version, state, updated_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (contact_id) DO UPDATE
         SET flow_version = ?2, state = ?3, updated_at = ?4",
    )?
    .execute(params![
        contact.0,
        session.flow_version,
        serde_json::to_string(session)?,
        now.0
    ])?;
    Ok(())
}

/// Takes a record out of a contact's conversation, with all it holds of it. One
/// that does not read back is left to whoever meets it next.
///
/// # Errors
/// Whatever the database reports.
pub fn forget_record(conn: &Connection, contact: ContactId, record: &str) -> Result<()> {
    let before = match load(conn, contact) {
        Err(Error::Unreadable(_)) => return Ok(()),
        loaded => loaded?,
    };
    let mut session = before.clone();
    session.forget_record(record);
    if session != before {
        conn.prepare_cached("UPDATE session SET state = ?2 WHERE contact_id = ?1")?
            .execute(params![contact.0, serde_json::to_string(&session)?])?;
    }
    Ok(())
}

/// Forgets a conversation that holds nothing any more.
///
/// # Errors
/// Whatever the database reports.
pub fn close(conn: &Connection, contact: ContactId) -> Result<()> {
    conn.prepare_cached("DELETE FROM session WHERE contact_id = ?1")?
        .execute([contact.0])?;
    Ok(())
}

/// No message of a contact that was stepped is this one or comes after it.
///
/// # Errors
/// Whatever the database reports.
pub fn first_to_come(conn: &Connection, contact: ContactId) -> Result<InboxId> {
    Ok(conn
        .prepare_cached(
            "SELECT coalesce(max(id), 0) + 1 FROM inbox
             WHERE contact_id = ?1 AND state != 'new'",
        )?
        .query_row([contact.0], |row| row.get(0).map(InboxId))?)
}

/// A contact's unhandled messages in the order they were written, at most
/// `limit`, with how often their handling was interrupted, and the last question
/// put to the contact.
///
/// # Errors
/// Whatever the database reports.
pub fn unhandled(
    conn: &Connection,
    contact: ContactId,
    box_key: &BoxKey,
    limit: usize,
) -> Result<Waiting> {
    let prompt = outbox::last_prompt(conn, contact)?;
    let mut changes = inbox::before_arrival(conn, contact)?;
    let mut query = conn.prepare_cached(
        "SELECT id, item, received_at, interruptions, about, why IS ?3 FROM inbox
         WHERE contact_id = ?1 AND state = 'new'
           AND id >= (SELECT waits_from FROM contact WHERE id = ?1)
         ORDER BY stamped_at, id LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = query.query(params![contact.0, limit, OTHER_ACCOUNT])?;
    let mut messages = Vec::new();
    while let Some(row) = rows.next()? {
        let inbox = InboxId(row.get(0)?);
        let item: Option<Item> = row
            .get_ref(1)?
            .as_str_or_null()
            .ok()
            .flatten()
            .and_then(|text| serde_json::from_str(text).ok());
        let received = match item {
            Some(Item::Message(message)) => {
                let quoted = quoted(&message);
                let quotes_question = prompt
                    .as_ref()
                    .is_some_and(|p| outbox::quotes(p, box_key, quoted));
                let questions_since = match quoted {
                    Some(id) => {
                        outbox::prompts_since(conn, contact, &box_key.keyed_hash(id.expose()))?
                    }
                    None => None,
                };
                let about = match row.get::<_, Option<[u8; 16]>>(4)? {
                    Some(key) => find_message(conn, contact, &key)?,
                    None => None,
                };
                let (content, about) = match changes.remove(&inbox) {
                    Some(change) => change.applied(message.content, inbox, about),
                    None => (message.content, about),
                };
                Some(Received {
                    inbox,
                    stamped: message.stamped,
                    received: UnixMs(row.get(2)?),
                    quotes_question,
                    questions_since,
                    about,
                    other_account: row.get(5)?,
                    content,
                })
            }
            Some(_) | None => None,
        };
        messages.push(Unhandled {
            inbox,
            interruptions: row.get(3)?,
            received,
        });
    }
    let messages = changes_last(messages);
    Ok(Waiting { prompt, messages })
}

/// The message that one quotes or reacts to.
const fn quoted(message: &Inbound) -> Option<&Private<String>> {
    match &message.content {
        Content::Reaction { target, .. } => Some(target),
        Content::Text { .. }
        | Content::Choice { .. }
        | Content::Form { .. }
        | Content::Media(_)
        | Content::Location { .. }
        | Content::Contacts { .. }
        | Content::Edit { .. }
        | Content::Revoke { .. }
        | Content::System(_)
        | Content::Unsupported { .. }
        | Content::Welcome
        | Content::Other { .. } => message.quoted.as_ref(),
    }
}

/// A correction or a deletion comes behind what it is about: stamps of the same
/// second and arrival say nothing of which was first.
fn changes_last(messages: Vec<Unhandled>) -> Vec<Unhandled> {
    let rows: Vec<InboxId> = messages.iter().map(|it| it.inbox).collect();
    let place_of = |one: &Unhandled| {
        let about = one.received.as_ref().and_then(|received| received.about);
        rows.iter().position(|row| Some(*row) == about)
    };
    let mut placed: Vec<(usize, bool, Unhandled)> = Vec::new();
    for (place, one) in messages.into_iter().enumerate() {
        let after = place_of(&one).unwrap_or(place).max(place);
        placed.push((after, after != place, one));
    }
    placed.sort_by_key(|(place, is_behind, _)| (*place, *is_behind));
    placed.into_iter().map(|(.., one)| one).collect()
}

/// What a step of a contact begins with.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// The last question put to the contact.
    pub prompt: Option<LastPrompt>,
    /// The messages, in the order they were written.
    pub messages: Vec<Unhandled>,
}

/// A message that waits for the engine.
#[derive(Clone, Debug)]
pub struct Unhandled {
    /// Its row.
    pub inbox: InboxId,
    /// How often a step with it was cut short.
    pub interruptions: u8,
    /// The message; `None` if its row does not read back.
    pub received: Option<Received>,
}

fn find_message(conn: &Connection, contact: ContactId, key: &[u8; 16]) -> Result<Option<InboxId>> {
    Ok(conn
        .prepare_cached(
            "SELECT inbox.id FROM seen JOIN inbox ON inbox.id = seen.inbox_id
             WHERE seen.key = ?1 AND inbox.contact_id = ?2",
        )?
        .query_row(params![key, contact.0], |row| row.get(0).map(InboxId))
        .optional()?)
}

/// Marks a message as handled.
///
/// # Errors
/// Whatever the database reports.
pub fn mark_handled(conn: &Connection, inbox: InboxId) -> Result<()> {
    conn.prepare_cached("UPDATE inbox SET state = 'handled' WHERE id = ?1 AND state = 'new'")?
        .execute([inbox.0])?;
    Ok(())
}

/// Puts a message aside as a dead letter; its words stay for staff.
///
/// # Errors
/// Whatever the database reports.
pub fn mark_dead(conn: &Connection, inbox: InboxId, why: &str) -> Result<()> {
    conn.prepare_cached("UPDATE inbox SET state = 'dead', why = ?2 WHERE id = ?1")?
        .execute(params![inbox.0, why])?;
    Ok(())
}

/// At start: messages that were waiting when the program ended may be what
/// ended it. They are marked once, so that each is then stepped with care.
///
/// # Errors
/// Whatever the database reports.
pub fn suspect_unhandled(conn: &Connection) -> Result<usize> {
    Ok(conn.execute(
        "UPDATE inbox SET interruptions = 1 WHERE state = 'new' AND interruptions = 0 AND id IN (
             SELECT i.id FROM contact c CROSS JOIN inbox i
             ON i.contact_id = c.id AND i.id >= c.waits_from WHERE c.due_at IS NOT NULL)",
        [],
    )?)
}

/// Notes, before a careful step, that it is about to begin.
///
/// # Errors
/// Whatever the database reports.
pub fn begin_careful(conn: &Connection, inbox: InboxId) -> Result<()> {
    conn.prepare_cached("UPDATE inbox SET interruptions = interruptions + 1 WHERE id = ?1")?
        .execute([inbox.0])?;
    Ok(())
}

/// Takes back what [`begin_careful`] noted: the step did not come back for a
/// reason that lies outside the messages.
///
/// # Errors
/// Whatever the database reports.
pub fn take_back_careful(conn: &Connection, begun: &[InboxId]) -> Result<()> {
    for inbox in begun {
        conn.prepare_cached(
            "UPDATE inbox SET interruptions = max(interruptions - 1, 1)
             WHERE id = ?1 AND state = 'new'",
        )?
        .execute([inbox.0])?;
    }
    Ok(())
}

/// Sets a timer; one of a kind for each contact.
///
/// # Errors
/// Whatever the database reports.
pub fn set_timer(conn: &Connection, contact: ContactId, kind: TimerKind, at: UnixMs) -> Result<()> {
    conn.prepare_cached(
        "INSERT INTO timer (contact_id, kind, due_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (contact_id, kind) DO UPDATE SET due_at = ?3",
    )?
    .execute(params![contact.0, kind.word(), at.0])?;
    Ok(())
}

/// Forgets a timer.
///
/// # Errors
/// Whatever the database reports.
pub fn cancel_timer(conn: &Connection, contact: ContactId, kind: TimerKind) -> Result<()> {
    conn.prepare_cached("DELETE FROM timer WHERE contact_id = ?1 AND kind = ?2")?
        .execute(params![contact.0, kind.word()])?;
    Ok(())
}

/// Whether any of the contact's timers is due.
///
/// # Errors
/// Whatever the database reports.
pub fn has_due_timers(conn: &Connection, contact: ContactId, now: UnixMs) -> Result<bool> {
    Ok(conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM timer WHERE contact_id = ?1 AND due_at <= ?2)",
        )?
        .query_row(params![contact.0, now.0], |row| row.get(0))?)
}

/// Takes the contact's timers that are due.
///
/// # Errors
/// Whatever the database reports.
pub fn take_due_timers(
    conn: &Connection,
    contact: ContactId,
    now: UnixMs,
) -> Result<Vec<TimerKind>> {
    let words: Vec<String> = conn
        .prepare_cached("SELECT kind FROM timer WHERE contact_id = ?1 AND due_at <= ?2")?
        .query_map(params![contact.0, now.0], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    if words.is_empty() {
        return Ok(Vec::new());
    }
    conn.prepare_cached("DELETE FROM timer WHERE contact_id = ?1 AND due_at <= ?2")?
        .execute(params![contact.0, now.0])?;
    // A timer of a program that knew more kinds means nothing to this one.
    Ok(words.iter().filter_map(|word| word.parse().ok()).collect())
}

/// Keeps a flow's source, because conversations begun on it go on with it.
///
/// # Errors
/// Whatever the database reports.
pub fn keep_flow(conn: &Connection, version: &str, source: &str, now: UnixMs) -> Result<()> {
    conn.execute(
        "INSERT OR IGNORE INTO flow (version, source, seen_at) VALUES (?1, ?2, ?3)",
        params![version, source, now.0],
    )?;
    Ok(())
}

/// The sources of flows that some conversation still speaks.
///
/// # Errors
/// Whatever the database reports.
pub fn spoken_flows(conn: &Connection) -> Result<Vec<String>> {
    let mut query = conn.prepare(
        "SELECT source FROM flow
         WHERE EXISTS (SELECT 1 FROM session WHERE session.flow_version = flow.version)",
    )?;
    let rows = query.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Whose message a row is.
///
/// # Errors
/// Whatever the database reports.
pub fn contact_of(conn: &Connection, inbox: InboxId) -> Result<Option<ContactId>> {
    Ok(conn
        .prepare_cached("SELECT contact_id FROM inbox WHERE id = ?1")?
        .query_row([inbox.0], |row| row.get::<_, Option<i64>>(0))
        .optional()?
        .flatten()
        .map(ContactId))
}
