//! Taking in webhooks: the raw body, its items, each exactly once, and who
//! has to be stepped because of them. Everything of one webhook is one
//! transaction: the 200 goes out after it.

use self::names::{kept, unnamed};
use crate::core::id::{ContactId, InboxId, WebhookId};
use crate::core::inbound::{
    Content, Identity, Inbound, Item, Malformed, ReceivedItem, SystemChange, TemplateNews,
};
use crate::core::private::Private;
use crate::core::time::UnixMs;
use crate::store::contacts::{self, AddressKind};
use crate::store::{BoxKey, Result, counters, erasure, outbox, pending, templates};
use rusqlite::{Connection, params};

/// What taking in a webhook needs to know.
#[derive(Clone, Copy)]
pub struct Reception<'a> {
    /// The key under which deduplication keys are hashed.
    pub box_key: &'a BoxKey,
    /// The provider, as the `webhook.channel` column names it.
    pub channel: &'a str,
    /// Our own number at the provider: items for another are kept, never
    /// answered.
    pub phone_number_id: &'a str,
    /// The contact's quiet time, ms.
    pub quiet_ms: i64,
    /// Whether words hold a danger sign: those do not wait for quiet.
    pub is_urgent: fn(&str) -> bool,
}

/// What became of a webhook's items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages taken in for the engine.
    pub messages: u32,
    /// Statuses applied or parked.
    pub statuses: u32,
    /// Items that were here already.
    pub duplicates: u32,
    /// Items that could not be understood.
    pub dead: u32,
    /// Items kept and not acted on.
    pub kept: u32,
}

/// A webhook's items with everything worked out that needs no database: the
/// one writing thread has better things to do.
pub struct Batch {
    items: Vec<Prepared>,
}

struct Prepared {
    received: ReceivedItem,
    /// The hash of its deduplication key.
    seen: [u8; 16],
    /// The hash of a message's own id.
    message: Option<[u8; 16]>,
    /// The item as its row keeps it.
    json: String,
    /// Whether it holds a danger sign.
    urgent: bool,
}

impl Batch {
    /// Works out what needs no database.
    ///
    /// # Errors
    /// When an item cannot be written as JSON.
    pub fn prepare(reception: &Reception<'_>, items: Vec<ReceivedItem>) -> Result<Self> {
        let items = items
            .into_iter()
            .map(|received| Prepared::of(reception, received))
            .collect::<Result<_>>()?;
        Ok(Self { items })
    }
}

impl Prepared {
    fn of(reception: &Reception<'_>, received: ReceivedItem) -> Result<Self> {
        let key = reception.box_key;
        let message = match &received.content {
            Ok(Item::Message(message)) => Some(message),
            Ok(_) | Err(_) => None,
        };
        Ok(Self {
            seen: key.keyed_hash(received.dedup.expose()),
            message: message.map(|it| key.keyed_hash(it.id.expose())),
            json: match &received.content {
                // A status goes into the rows of what it is about.
                Ok(Item::Status(_)) | Err(_) => String::new(),
                Ok(item) => serde_json::to_string(&kept(item))?,
            },
            urgent: message
                .and_then(|it| words(&it.content))
                .is_some_and(reception.is_urgent),
            received,
        })
    }
}

/// As [`Batch::prepare`] and [`receive_batch`] in one.
///
/// # Errors
/// Whatever the database reports; nothing is stored then.
pub fn receive(
    conn: &Connection,
    reception: &Reception<'_>,
    body: &[u8],
    items: &[ReceivedItem],
    now: UnixMs,
) -> Result<Tally> {
    let batch = Batch::prepare(reception, items.to_vec())?;
    receive_batch(conn, reception, body, &batch, now)
}

/// Stores a webhook and its items.
///
/// # Errors
/// Whatever the database reports; nothing is stored then.
pub fn receive_batch(
    conn: &Connection,
    reception: &Reception<'_>,
    body: &[u8],
    batch: &Batch,
    now: UnixMs,
) -> Result<Tally> {
    let mut tally = Tally::default();
    let mut webhook = None;
    for item in &batch.items {
        if !is_new(conn, &item.seen)? {
            tally.duplicates += 1;
            continue;
        }
        let id = match webhook {
            Some(id) => id,
            None => *webhook.insert(store_body(conn, reception.channel, body, now)?),
        };
        store_item(conn, reception, id, item, now, &mut tally)?;
    }
    if tally.duplicates > 0 {
        counters::add(conn, "webhook.duplicates", i64::from(tally.duplicates))?;
    }
    Ok(tally)
}

fn is_new(conn: &Connection, key: &[u8; 16]) -> Result<bool> {
    let added = conn
        .prepare_cached("INSERT OR IGNORE INTO seen (key) VALUES (?1)")?
        .execute([key])?;
    Ok(added == 1)
}

fn store_body(conn: &Connection, channel: &str, body: &[u8], now: UnixMs) -> Result<WebhookId> {
    conn.prepare_cached("INSERT INTO webhook (received_at, channel, body) VALUES (?1, ?2, ?3)")?
        .execute(params![now.0, channel, body])?;
    Ok(WebhookId(conn.last_insert_rowid()))
}

fn store_item(
    conn: &Connection,
    reception: &Reception<'_>,
    webhook: WebhookId,
    prepared: &Prepared,
    now: UnixMs,
    tally: &mut Tally,
) -> Result<()> {
    let received = &prepared.received;
    let item = match &received.content {
        Ok(item) => item,
        Err(malformed) => {
            tally.dead += 1;
            return store_dead(conn, webhook, malformed, now);
        }
    };
    let row = Row {
        conn,
        webhook,
        prepared,
        now,
    };
    let ours = received
        .phone_number_id
        .as_deref()
        .is_none_or(|id| id == reception.phone_number_id);
    match item {
        Item::Status(status) => {
            tally.statuses += 1;
            return outbox::apply_status(conn, reception.box_key, status, now);
        }
        Item::Message(message) if ours => {
            tally.messages += 1;
            return store_message(&row, reception, message);
        }
        Item::Message(message) => {
            row.keep("message", None, message.stamped, Some("for another number"))?;
        }
        Item::Call { from, stamped, .. } => {
            let contact = if ours {
                contacts::resolve(conn, &unnamed(from), now)?
            } else {
                None
            };
            if let Some(contact) = contact {
                contacts::saw_message(conn, contact, *stamped)?;
            }
            row.keep("call", contact, *stamped, None)?;
        }
        Item::UserIdUpdate {
            previous,
            current,
            phone,
        } => {
            let contact = if ours {
                follow_id(conn, previous, current, phone.as_ref(), now)?
            } else {
                None
            };
            row.keep("user_id_update", contact, now, None)?;
        }
        Item::ChannelError(_) => row.keep_counted("channel_error", "webhook.channel_errors")?,
        Item::Account { .. } => row.keep_counted("account", "webhook.account_events")?,
        Item::Template(news) => row.hear_of_template(news)?,
        Item::Ignored { .. } => row.keep_counted("ignored", "webhook.ignored")?,
    }
    tally.kept += 1;
    Ok(())
}

fn store_message(row: &Row<'_>, reception: &Reception<'_>, message: &Inbound) -> Result<()> {
    let (conn, now) = (row.conn, row.now);
    let contact = contacts::resolve(conn, &message.from, now)?;
    let Some(contact) = contact else {
        row.keep("message", None, message.stamped, Some("addresses nobody"))?;
        return Ok(());
    };
    let key = row.prepared.message;
    if let Content::System(change) = &message.content {
        follow_change(conn, contact, change, now)?;
        row.insert("system", "kept", Some(contact), key, message.stamped, None)?;
        return Ok(());
    }
    erasure::welcome_back(conn, contact)?;
    contacts::saw_message(conn, contact, message.stamped)?;
    row.insert("message", "new", Some(contact), key, message.stamped, None)?;
    let urgent = row.prepared.urgent;
    pending::touch(conn, contact, reception.quiet_ms, urgent, now)
}

/// The words of a message that are searched for danger signs.
fn words(content: &Content) -> Option<&str> {
    match content {
        Content::Text { body } => Some(body.as_str()),
        Content::Media(media) => media.caption.as_ref().map(Private::as_str),
        Content::Edit { content, .. } => words(content),
        Content::Choice { .. }
        | Content::Form { .. }
        | Content::Location { .. }
        | Content::Contacts { .. }
        | Content::Reaction { .. }
        | Content::Revoke { .. }
        | Content::System(_)
        | Content::Unsupported { .. }
        | Content::Welcome
        | Content::Other { .. } => None,
    }
}

fn follow_change(
    conn: &Connection,
    contact: ContactId,
    change: &SystemChange,
    now: UnixMs,
) -> Result<()> {
    match change {
        SystemChange::NumberChanged { phone } => {
            contacts::adopt(conn, contact, AddressKind::Phone, phone, now)?;
        }
        SystemChange::UserIdChanged { bsuid } => {
            contacts::adopt(conn, contact, AddressKind::Bsuid, bsuid, now)?;
        }
        SystemChange::IdentityChanged | SystemChange::Other { .. } => {}
    }
    contacts::flag(conn, contact, contacts::ContactFlag::IdentityChanged)
}

fn follow_id(
    conn: &Connection,
    previous: &Private<String>,
    current: &Private<String>,
    phone: Option<&Private<String>>,
    now: UnixMs,
) -> Result<Option<ContactId>> {
    let who = Identity {
        phone: phone.cloned(),
        bsuid: Some(previous.clone()),
        ..Identity::default()
    };
    let contact = contacts::resolve(conn, &who, now)?;
    if let Some(contact) = contact {
        contacts::adopt(conn, contact, AddressKind::Bsuid, current, now)?;
    }
    Ok(contact)
}

fn store_dead(conn: &Connection, webhook: WebhookId, bad: &Malformed, now: UnixMs) -> Result<()> {
    counters::add(conn, "webhook.dead_letters", 1)?;
    conn.prepare_cached(
        "INSERT INTO inbox (webhook_id, kind, item, stamped_at, received_at, state, why)
         VALUES (?1, 'malformed', ?2, ?3, ?3, 'dead', ?4)",
    )?
    .execute(params![webhook.0, bad.raw.expose(), now.0, bad.why])?;
    Ok(())
}

/// An item on its way into the inbox.
struct Row<'a> {
    conn: &'a Connection,
    webhook: WebhookId,
    prepared: &'a Prepared,
    now: UnixMs,
}

impl Row<'_> {
    fn keep_counted(&self, kind: &str, counter: &'static str) -> Result<()> {
        counters::add(self.conn, counter, 1)?;
        self.keep(kind, None, self.now, None)?;
        Ok(())
    }

    fn hear_of_template(&self, news: &TemplateNews) -> Result<()> {
        if templates::hear(self.conn, news, self.now)? {
            tracing::warn!(status = news.status, "a template can no longer be sent");
        }
        self.keep_counted("template", "webhook.account_events")
    }

    fn keep(
        &self,
        kind: &str,
        contact: Option<ContactId>,
        stamped: UnixMs,
        why: Option<&str>,
    ) -> Result<InboxId> {
        self.insert(kind, "kept", contact, None, stamped, why)
    }

    fn insert(
        &self,
        kind: &str,
        state: &str,
        contact: Option<ContactId>,
        message_key: Option<[u8; 16]>,
        stamped: UnixMs,
        why: Option<&str>,
    ) -> Result<InboxId> {
        self.conn
            .prepare_cached(
                "INSERT INTO inbox (webhook_id, contact_id, kind, message_key, item, stamped_at,
                                    received_at, state, why)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                self.webhook.0,
                contact.map(|c| c.0),
                kind,
                message_key,
                self.prepared.json,
                stamped.0,
                self.now.0,
                state,
                why,
            ])?;
        Ok(InboxId(self.conn.last_insert_rowid()))
    }
}

mod names;
#[cfg(test)]
mod tests;
