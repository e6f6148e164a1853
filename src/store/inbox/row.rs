//! Rows of the inbox, as they are written.

use super::prepare::Prepared;
use crate::core::id::{ContactId, InboxId, WebhookId};
use crate::core::inbound::{Item, Malformed, TemplateNews};
use crate::core::time::UnixMs;
use crate::store::{Result, contacts, counters, dead_letter, templates};
use rusqlite::{Connection, params};
use std::borrow::Cow;

/// An item on its way into the inbox.
pub(super) struct Row<'a> {
    pub(super) conn: &'a Connection,
    pub(super) webhook: WebhookId,
    /// The number it gets.
    pub(super) inbox: InboxId,
    pub(super) prepared: &'a Prepared,
    pub(super) now: UnixMs,
}

impl Row<'_> {
    /// Keeps what could not be understood, in the name of a contact we have: it
    /// makes none, since nobody will ever step it.
    pub(super) fn bury(&self, bad: &Malformed, ours: bool) -> Result<()> {
        counters::add(self.conn, "webhook.dead_letters", 1)?;
        let contact = if ours {
            contacts::find_known(self.conn, &bad.from, self.now)?
        } else {
            None
        };
        let item = (Some(bad.raw.as_str()), self.now);
        self.insert_item("malformed", "dead", contact, item, Some(&bad.why))?;
        let (inbox, why) = (self.inbox, bad.why.as_str());
        tracing::warn!(inbox.id = %inbox, why, "something that came in cannot be read");
        dead_letter::tell_staff(self.conn, contact, &inbox.to_string(), self.now)
    }

    pub(super) fn hear_of_template(&self, news: &TemplateNews) -> Result<()> {
        if templates::hear(self.conn, news, self.now)? {
            tracing::warn!(status = news.status, "a template can no longer be sent");
        }
        self.keep_counted("template", "webhook.account_events")
    }

    pub(super) fn keep(
        &self,
        kind: &str,
        contact: Option<ContactId>,
        stamped: UnixMs,
        why: Option<&str>,
    ) -> Result<()> {
        self.insert(kind, "kept", contact, stamped, why)
    }

    pub(super) fn insert(
        &self,
        kind: &str,
        state: &str,
        contact: Option<ContactId>,
        stamped: UnixMs,
        why: Option<&str>,
    ) -> Result<()> {
        let item = self.item()?;
        self.insert_item(kind, state, contact, (Some(&item), stamped), why)
    }

    pub(super) fn insert_item(
        &self,
        kind: &str,
        state: &str,
        contact: Option<ContactId>,
        (item, stamped): (Option<&str>, UnixMs),
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
                item,
                stamped.0,
                self.now.0,
                state,
                why,
            ])?;
        Ok(())
    }

    /// The item as its row keeps it. Only a status that was put aside becomes
    /// one, so its words are made only then.
    fn item(&self) -> Result<Cow<'_, str>> {
        Ok(match &self.prepared.received.content {
            Ok(status @ Item::Status(_)) => Cow::Owned(serde_json::to_string(status)?),
            Ok(_) | Err(_) => Cow::Borrowed(&self.prepared.json),
        })
    }
}
