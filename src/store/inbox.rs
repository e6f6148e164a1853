//! Taking in webhooks: the raw body, its items, each exactly once, and who
//! has to be stepped because of them. Everything of one webhook is one
//! transaction: the 200 goes out after it.
//!
//! A body is kept only where an erasure finds all that it says: each item of it
//! was new and became a message that a conversation handles. Nothing reads a
//! body; what is to be done stands in the rows.

use self::names::unnamed;
pub use self::prepare::Batch;
use self::prepare::Prepared;
use crate::core::delivery::opens_window;
use crate::core::id::{ContactId, InboxId, WebhookId};
use crate::core::inbound::{
    Content, Identity, Inbound, Item, Malformed, ProviderError, ReceivedItem, SystemChange,
    TemplateNews,
};
use crate::core::private::Private;
use crate::core::time::UnixMs;
use crate::store::cards::Card;
use crate::store::contacts::{self, AddressKind};
use crate::store::outbox::{self, OfAccount};
use crate::store::{BoxKey, Result, counters, templates};
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// Why the provider gave a message back that it had taken, where that is
    /// the account's fault: the others would fare no better.
    pub refused: Option<ProviderError>,
    /// When the latest of those was taken that are told to have arrived.
    pub served: Option<UnixMs>,
}

impl Tally {
    fn note(&mut self, news: OfAccount) {
        match news {
            OfAccount::Nothing => {}
            OfAccount::Refused(error) => self.refused = Some(error),
            OfAccount::Serves { taken_at } => self.served = self.served.max(Some(taken_at)),
        }
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

/// Stores a webhook and its items; of its body what [`the module`](self) says.
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
    let webhook = next_webhook(conn)?;
    let mut next = next_row(conn)?;
    let (mut is_news, mut is_found_again) = (false, true);
    for item in &batch.items {
        let becomes_row = !matches!(item.received.content, Ok(Item::Status(_)));
        let inbox = becomes_row.then_some(next);
        if !is_new(conn, &item.seen, inbox)? {
            tally.duplicates += 1;
            continue;
        }
        let row = Row {
            conn,
            webhook,
            inbox: next,
            prepared: item,
            now,
        };
        is_news = true;
        is_found_again &= store_item(&row, reception, &mut tally)?;
        if becomes_row {
            next = InboxId(next.0.saturating_add(1));
        }
    }
    if is_news {
        let kept = (is_found_again && tally.duplicates == 0).then_some(body);
        store_body(conn, webhook, reception.channel, kept, now)?;
    }
    if tally.duplicates > 0 {
        counters::add(conn, "webhook.duplicates", i64::from(tally.duplicates))?;
    }
    Ok(tally)
}

/// The number of the next webhook: its rows name it before it is decided
/// whether its body is kept.
fn next_webhook(conn: &Connection) -> Result<WebhookId> {
    Ok(conn
        .prepare_cached("SELECT coalesce(max(id), 0) + 1 FROM webhook")?
        .query_row([], |row| row.get(0).map(WebhookId))?)
}

/// The number of the next row. Numbers are given here, so that `seen` can name
/// a row before it is written.
fn next_row(conn: &Connection) -> Result<InboxId> {
    Ok(conn
        .prepare_cached("SELECT coalesce(max(id), 0) + 1 FROM inbox")?
        .query_row([], |row| row.get(0).map(InboxId))?)
}

fn is_new(conn: &Connection, key: &[u8; 16], inbox: Option<InboxId>) -> Result<bool> {
    let added = conn
        .prepare_cached("INSERT OR IGNORE INTO seen (key, inbox_id) VALUES (?1, ?2)")?
        .execute(params![key, inbox.map(|it| it.0)])?;
    Ok(added == 1)
}

fn store_body(
    conn: &Connection,
    id: WebhookId,
    channel: &str,
    body: Option<&[u8]>,
    now: UnixMs,
) -> Result<()> {
    conn.prepare_cached(
        "INSERT INTO webhook (id, received_at, channel, body) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![id.0, now.0, channel, body])?;
    Ok(())
}

/// Stores an item; tells whether a conversation handles it.
fn store_item(row: &Row<'_>, reception: &Reception<'_>, tally: &mut Tally) -> Result<bool> {
    let (conn, now) = (row.conn, row.now);
    let received = &row.prepared.received;
    let ours = received
        .phone_number_id
        .as_deref()
        .is_none_or(|id| id == reception.phone_number_id);
    let item = match &received.content {
        Ok(item) => item,
        Err(malformed) => {
            tally.dead += 1;
            row.bury(malformed, ours)?;
            return Ok(false);
        }
    };
    match item {
        Item::Status(status) => {
            tally.statuses += 1;
            tally.note(outbox::apply_status(conn, reception.box_key, status, now)?);
            return Ok(false);
        }
        Item::Message(message) if ours => {
            tally.messages += 1;
            return store_message(row, reception, message);
        }
        Item::Message(message) => {
            row.keep("message", None, message.stamped, Some("for another number"))?;
        }
        Item::Call { from, stamped, .. } => {
            let card = if ours {
                contacts::identify(conn, &unnamed(from), now)?
            } else {
                None
            };
            let contact = card.as_ref().map(Card::contact);
            if let Some(mut card) = card {
                card.saw_message(*stamped);
                card.save(conn)?;
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
    Ok(false)
}

fn store_message(row: &Row<'_>, reception: &Reception<'_>, message: &Inbound) -> Result<bool> {
    let (conn, now) = (row.conn, row.now);
    let Some(mut card) = contacts::identify(conn, &message.from, now)? else {
        row.keep("message", None, message.stamped, Some("addresses nobody"))?;
        return Ok(false);
    };
    let contact = card.contact();
    if let Content::System(change) = &message.content {
        card.save(conn)?;
        follow_change(conn, contact, change, now)?;
        row.keep("system", Some(contact), message.stamped, None)?;
        return Ok(false);
    }
    card.welcome_back();
    if opens_window(&message.content) {
        card.saw_message(message.stamped);
    }
    let urgent = row.prepared.urgent;
    card.wait(row.inbox, reception.quiet_ms, urgent, now);
    row.insert("message", "new", Some(contact), message.stamped, None)?;
    card.save(conn)?;
    Ok(true)
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

/// An item on its way into the inbox.
struct Row<'a> {
    conn: &'a Connection,
    webhook: WebhookId,
    /// The number it gets.
    inbox: InboxId,
    prepared: &'a Prepared,
    now: UnixMs,
}

impl Row<'_> {
    /// Keeps what could not be understood, in the name of a contact we have: it
    /// makes none, since nobody will ever step it.
    fn bury(&self, bad: &Malformed, ours: bool) -> Result<()> {
        counters::add(self.conn, "webhook.dead_letters", 1)?;
        let contact = if ours {
            contacts::known(self.conn, &bad.from)?
        } else {
            None
        };
        self.conn
            .prepare_cached(
                "INSERT INTO inbox (id, webhook_id, contact_id, kind, item, stamped_at,
                                    received_at, state, why)
                 VALUES (?1, ?2, ?3, 'malformed', ?4, ?5, ?5, 'dead', ?6)",
            )?
            .execute(params![
                self.inbox.0,
                self.webhook.0,
                contact.map(|c| c.0),
                bad.raw.expose(),
                self.now.0,
                bad.why
            ])?;
        Ok(())
    }

    fn keep_counted(&self, kind: &str, counter: &'static str) -> Result<()> {
        counters::add(self.conn, counter, 1)?;
        self.keep(kind, None, self.now, None)
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
    ) -> Result<()> {
        self.insert(kind, "kept", contact, stamped, why)
    }

    fn insert(
        &self,
        kind: &str,
        state: &str,
        contact: Option<ContactId>,
        stamped: UnixMs,
        why: Option<&str>,
    ) -> Result<()> {
        self.conn
            .prepare_cached(
                "INSERT INTO inbox (id, webhook_id, contact_id, kind, message_key, about, item,
                                    stamped_at, received_at, state, why)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?
            .execute(params![
                self.inbox.0,
                self.webhook.0,
                contact.map(|c| c.0),
                kind,
                self.prepared.message,
                self.prepared.about,
                self.prepared.json,
                stamped.0,
                self.now.0,
                state,
                why,
            ])?;
        Ok(())
    }
}

mod names;
mod prepare;
#[cfg(test)]
mod tests;
