//! Taking in webhooks: the raw body, its items, each exactly once, and who
//! has to be stepped because of them. Everything of one webhook is one
//! transaction: the 200 goes out after it.
//!
//! A body is kept only where an erasure finds all that it says: each item of it
//! was new and became a message that a conversation handles. Nothing reads a
//! body; what is to be done stands in the rows.

pub use self::changes::{Change, before_arrival, corrections};
pub use self::prepare::Batch;
use self::prepare::Prepared;
use self::row::Row;
use crate::core::delivery::opens_window;
use crate::core::id::{InboxId, WebhookId};
use crate::core::inbound::{Content, Inbound, Item, ProviderError, ReceivedItem};
use crate::core::time::{DAY_MS, UnixMs};
use crate::store::outbox::{self, OfAccount};
use crate::store::{BoxKey, Result, Try, contacts, counters};
use rusqlite::{Connection, params};

/// What stands in a new message's row when it came from another account than the
/// one its number was known by.
pub(in crate::store) const OTHER_ACCOUNT: &str = "other_account";

/// For so long what comes again may be a retry: seven days, and one over.
const RETRIES_MS: i64 = 8 * DAY_MS;
const SEEN_AGAIN: &str = "UPDATE seen SET inbox_id = ?2 WHERE key = ?1 AND NOT EXISTS
     (SELECT 1 FROM inbox i WHERE i.id = seen.inbox_id AND i.received_at > ?3)";

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

impl Reception<'_> {
    /// Whether an item came to our own number; one that does not tell did.
    fn is_ours(&self, item: &ReceivedItem) -> bool {
        let told = item.phone_number_id.as_deref();
        told.is_none_or(|id| id == self.phone_number_id)
    }
}

/// As [`Batch::prepare`] and [`receive_batch`] in one, boldly.
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
    let batch = Batch::prepare(reception, items.to_vec());
    receive_batch(conn, reception, body, &batch, now, Try::Bold)
}

/// Stores a webhook and its items; of its body what [`the module`](self) says.
/// With [`Try::Careful`] an item that fails for good is put aside alone; boldly
/// its error is returned, for the caller to take everything back and come again.
///
/// # Errors
/// Whatever the database reports; nothing is stored then.
pub fn receive_batch(
    conn: &Connection,
    reception: &Reception<'_>,
    body: &[u8],
    batch: &Batch,
    now: UnixMs,
    how: Try,
) -> Result<Tally> {
    let arriving = Arriving {
        conn,
        reception,
        body,
        now,
    };
    let mut arrival = Arrival {
        tally: Tally::default(),
        webhook: next_webhook(conn)?,
        next: next_row(conn)?,
        is_news: false,
        is_found_again: true,
    };
    for item in &batch.items {
        match how {
            Try::Bold => arriving.take(&mut arrival, item)?,
            Try::Careful => arriving.take_or_put_aside(&mut arrival, item)?,
        }
    }
    if arrival.is_news {
        let found_again = arrival.is_found_again && arrival.tally.duplicates == 0;
        arriving.store_body(arrival.webhook, found_again)?;
    }
    let tally = arrival.tally;
    if tally.duplicates > 0 {
        counters::add(conn, "webhook.duplicates", i64::from(tally.duplicates))?;
    }
    Ok(tally)
}

/// A webhook that is being taken in.
struct Arriving<'a> {
    conn: &'a Connection,
    reception: &'a Reception<'a>,
    body: &'a [u8],
    now: UnixMs,
}

/// How far that has come.
#[derive(Clone)]
struct Arrival {
    tally: Tally,
    /// The number its own row gets, once an item was new.
    webhook: WebhookId,
    /// The number of the next item's row.
    next: InboxId,
    /// Whether an item was new.
    is_news: bool,
    /// Whether an erasure finds all that the new ones say.
    is_found_again: bool,
}

impl Arrival {
    const fn advance(&mut self) {
        self.next = InboxId(self.next.0.saturating_add(1));
    }
}

impl Arriving<'_> {
    fn take(&self, arrival: &mut Arrival, item: &Prepared) -> Result<()> {
        let becomes_row = !matches!(item.received.content, Ok(Item::Status(_)));
        let inbox = becomes_row.then_some(arrival.next);
        if !self.is_new(item, inbox)? {
            arrival.tally.duplicates += 1;
            return Ok(());
        }
        let row = self.row(arrival, item);
        arrival.is_found_again &= store_item(&row, self.reception, &mut arrival.tally)?;
        if becomes_row {
            arrival.advance();
        }
        Ok(())
    }

    /// Whether an item has to be taken in; it is marked as seen.
    fn is_new(&self, item: &Prepared, inbox: Option<InboxId>) -> Result<bool> {
        let added = self
            .conn
            .prepare_cached("INSERT OR IGNORE INTO seen (key, inbox_id) VALUES (?1, ?2)")?
            .execute(params![item.seen, inbox.map(|it| it.0)])?;
        if added == 1 || !is_of_account(&item.received) {
            return Ok(added == 1);
        }
        let again = self.conn.prepare_cached(SEEN_AGAIN)?.execute(params![
            item.seen,
            inbox.map(|it| it.0),
            self.now.plus_ms(-RETRIES_MS).0
        ])?;
        Ok(again == 1)
    }

    /// The row that a new item would become.
    fn row<'r>(&'r self, arrival: &mut Arrival, prepared: &'r Prepared) -> Row<'r> {
        arrival.is_news = true;
        Row {
            conn: self.conn,
            webhook: arrival.webhook,
            inbox: arrival.next,
            prepared,
            now: self.now,
        }
    }

    fn store_body(&self, id: WebhookId, kept: bool) -> Result<()> {
        self.conn
            .prepare_cached(
                "INSERT INTO webhook (id, received_at, channel, body) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![
                id.0,
                self.now.0,
                self.reception.channel,
                kept.then_some(self.body)
            ])?;
        Ok(())
    }
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

/// Whether something is said of the account. It has no id, and the same words are
/// news when the same thing happens once more.
const fn is_of_account(item: &ReceivedItem) -> bool {
    matches!(
        item.content,
        Ok(Item::ChannelError(_) | Item::Standing(_) | Item::Account { .. } | Item::Template(_))
    )
}

/// Stores an item; tells whether a conversation handles it.
fn store_item(row: &Row<'_>, reception: &Reception<'_>, tally: &mut Tally) -> Result<bool> {
    let (conn, now) = (row.conn, row.now);
    let received = &row.prepared.received;
    let ours = reception.is_ours(received);
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
        Item::Call { from, stamped, .. } => row.take_call(ours, from, *stamped)?,
        Item::UserIdUpdate {
            previous,
            current,
            phone,
        } => row.take_new_id(ours, previous, current, phone.as_ref())?,
        Item::ChannelError(error) if ours => row.take_fault(error, tally)?,
        Item::ChannelError(_) => row.keep_counted("channel_error", "webhook.channel_errors")?,
        Item::Standing(standing) => row.take_standing(standing, tally)?,
        Item::Account { .. } => row.keep_counted("account", "webhook.account_events")?,
        Item::Template(news) => row.hear_of_template(news)?,
        Item::Ignored { .. } => row.keep_counted("ignored", "webhook.ignored")?,
    }
    tally.kept += 1;
    Ok(false)
}

fn store_message(row: &Row<'_>, reception: &Reception<'_>, message: &Inbound) -> Result<bool> {
    let (conn, now) = (row.conn, row.now);
    if message.content.is_unknown() {
        counters::add(conn, "webhook.unknown_types", 1)?;
    }
    if let Content::System(change) = &message.content {
        row.take_change(reception.quiet_ms, message, change)?;
        return Ok(false);
    }
    let Some(met) = contacts::identify(conn, &message.from, message.stamped, now)? else {
        row.keep("message", None, message.stamped, Some("addresses nobody"))?;
        return Ok(false);
    };
    let mut card = met.card;
    let contact = card.contact();
    if let Content::Contacts { own_number, .. } = &message.content
        && let (Some(phone), None) = (own_number, &message.from.phone)
    {
        row.take_own_number(contact, phone, message.stamped)?;
    }
    card.welcome_back();
    if opens_window(&message.content) {
        card.saw_message(message.stamped);
    }
    let urgent = row.prepared.urgent;
    card.wait(row.inbox, reception.quiet_ms, urgent, now);
    let doubt = met.other_account.then_some(OTHER_ACCOUNT);
    row.insert("message", "new", Some(contact), message.stamped, doubt)?;
    card.save(conn)?;
    Ok(true)
}

mod aside;
mod changes;
mod names;
mod news;
mod prepare;
mod row;
#[cfg(test)]
mod tests;
