//! An item that breaks what takes it in: it is put aside as a dead letter, so
//! that its webhook can be acknowledged and its batch-mates live. Nothing of it
//! is acted on.

use super::prepare::Prepared;
use super::row::Row;
use super::{Arrival, Arriving};
use crate::core::id::ContactId;
use crate::core::inbound::Item;
use crate::store::nested::nested;
use crate::store::{Error, Result, contacts, counters, dead_letter, outbox};

const WHY: &str = "broke off";

impl Arriving<'_> {
    /// Takes an item in; what fails for good with it is taken back, and the
    /// item put aside.
    pub(super) fn take_or_put_aside(&self, arrival: &mut Arrival, item: &Prepared) -> Result<()> {
        let mut tried = arrival.clone();
        match nested(self.conn, || self.take(&mut tried, item)) {
            Ok(()) => *arrival = tried,
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => self.put_aside(arrival, item, &error)?,
        }
        Ok(())
    }

    fn put_aside(&self, arrival: &mut Arrival, item: &Prepared, error: &Error) -> Result<()> {
        if !self.is_new(item, Some(arrival.next))? {
            arrival.tally.duplicates += 1;
            return Ok(());
        }
        let row = self.row(arrival, item);
        arrival.is_found_again = false;
        tracing::error!(inbox.id = %row.inbox, %error, "an item of a webhook was put aside");
        arrival.tally.dead += 1;
        arrival.advance();
        match &item.received.content {
            Ok(content) => self.put_row_aside(&row, content),
            Err(malformed) => row.bury(malformed, self.reception.is_ours(&item.received)),
        }
    }

    fn put_row_aside(&self, row: &Row<'_>, item: &Item) -> Result<()> {
        let received = &row.prepared.received;
        let ours = self.reception.is_ours(received);
        let contact = if ours { self.whom(item)? } else { None };
        counters::add(self.conn, "webhook.dead_letters", 1)?;
        let stamped = received.stamped().unwrap_or(self.now);
        row.insert(kind(item), "dead", contact, stamped, Some(WHY))?;
        if !ours {
            return Ok(());
        }
        let detail = match item {
            Item::Message(_) => row.inbox.to_string(),
            // Many of them may break for one reason: one task tells it.
            Item::Status(_)
            | Item::Call { .. }
            | Item::UserIdUpdate { .. }
            | Item::ChannelError(_)
            | Item::Standing(_)
            | Item::Account { .. }
            | Item::Template(_)
            | Item::Ignored { .. } => kind(item).to_owned(),
        };
        dead_letter::tell_staff(self.conn, contact, &detail, self.now)
    }

    /// Whom an item concerns, if that can still be told.
    fn whom(&self, item: &Item) -> Result<Option<ContactId>> {
        let (conn, now) = (self.conn, self.now);
        let found = nested(conn, || match item {
            Item::Message(message) => contacts::resolve(conn, &message.from, now),
            Item::Call { from, stamped, .. } => contacts::find_known(conn, from, *stamped),
            Item::Status(status) => outbox::addressee(conn, self.reception.box_key, status),
            Item::UserIdUpdate { .. }
            | Item::ChannelError(_)
            | Item::Standing(_)
            | Item::Account { .. }
            | Item::Template(_)
            | Item::Ignored { .. } => Ok(None),
        });
        match found {
            Err(error) if !error.is_transient() => Ok(None),
            found => found,
        }
    }
}

/// The column's word for an item.
const fn kind(item: &Item) -> &'static str {
    match item {
        Item::Message(_) => "message",
        Item::Status(_) => "status",
        Item::Call { .. } => "call",
        Item::UserIdUpdate { .. } => "user_id_update",
        Item::ChannelError(_) => "channel_error",
        Item::Standing(_) | Item::Account { .. } => "account",
        Item::Template(_) => "template",
        Item::Ignored { .. } => "ignored",
    }
}
