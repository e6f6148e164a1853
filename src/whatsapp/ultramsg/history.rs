//! What UltraMsg remembers: chats, their messages, and how ours fared. It is
//! the only way to what a webhook missed, and needs no public way in.

use super::address::{self, Named};
use super::client::UltraMsgClient;
use super::message::{is_ours, read, stamp_of};
use super::{Channel, news, search, wire};
use crate::core::id::OutboxKey;
use crate::core::limits::{
    PROVIDER_CHATS_BYTES_MAX, PROVIDER_LIST_BYTES_MAX, PROVIDER_REPLY_BYTES_MAX,
};
use crate::core::private::Private;
use crate::core::time::UnixMs;
use crate::ports::{Backlog, Chat, Chats, Deliveries, History, Page, Standing, Told, Unanswered};
use crate::whatsapp::json::{Words, object, stamp};
use std::collections::BTreeMap;

/// Messages of ours on one page of news: more than may wait in UltraMsg's
/// queue, so that those behind them are on the first page too.
const NEWS_ROWS: usize = 20;
/// Messages of ours on one page of those among which a single one is looked for.
const RECEIPT_ROWS: usize = 50;

impl UltraMsgClient {
    fn channel(&self) -> Channel<'_> {
        Channel {
            instance: &self.instance,
            began: None,
        }
    }

    /// Reads a page of our own messages.
    fn deliveries_in(&self, text: &str) -> Result<Deliveries, Unanswered> {
        let list = wire::list(text, "messages").ok_or(Unanswered::Odd)?;
        let mut page = Deliveries {
            rows: list.len(),
            bytes: text.len(),
            ..Deliveries::default()
        };
        for raw in list {
            page.items.extend(news::of_row(raw, self.channel()));
            let Some(row) = object::<wire::Queued<'_>>(raw) else {
                continue;
            };
            let reference = row.reference.as_ref().map(Words::as_str);
            let ours = reference.filter(|key| news::is_ours(key));
            page.keys.extend(ours.map(|key| OutboxKey(key.to_owned())));
            let at = row.created_at.and_then(stamp).filter(|at| at.0 > 0);
            page.earliest = page.earliest.into_iter().chain(at).min();
        }
        Ok(page)
    }
}

impl History for UltraMsgClient {
    async fn chats(&self) -> Result<Chats, Unanswered> {
        let text = self
            .listing(&["chats"], &[], PROVIDER_CHATS_BYTES_MAX)
            .await?;
        let list = wire::list(&text, "chats").ok_or(Unanswered::Odd)?;
        let read: Vec<wire::Chat<'_>> = list.iter().filter_map(|raw| object(raw)).collect();
        // One row that cannot be read loses no other. A list of nothing else, say of
        // faults, does not say that there are no chats.
        if read.is_empty() && !list.is_empty() {
            return Err(Unanswered::Odd);
        }
        Ok(Chats {
            list: read.into_iter().filter_map(chat).collect(),
            bytes: text.len(),
        })
    }

    async fn messages(&self, chat: &Private<String>, newest: usize) -> Result<Page, Unanswered> {
        let newest = newest.to_string();
        let query = [("chatId", chat.as_str()), ("limit", newest.as_str())];
        let text = self
            .listing(&["chats", "messages"], &query, PROVIDER_LIST_BYTES_MAX)
            .await?;
        let list = wire::list(&text, "messages").ok_or(Unanswered::Odd)?;
        let messages = list.len();
        let mut told: Vec<(UnixMs, Told)> = Vec::new();
        let mut span: Option<(UnixMs, UnixMs)> = None;
        for raw in list {
            let known = object::<wire::Message<'_>>(raw);
            let stamp = known.as_ref().and_then(stamp_of).filter(|at| at.0 > 0);
            if let Some(at) = stamp {
                let (first, last) = span.unwrap_or((at, at));
                span = Some((first.min(at), last.max(at)));
            }
            // Our own words are none of theirs.
            if known.as_ref().is_some_and(is_ours) {
                continue;
            }
            let item = Told {
                raw: Private::new(raw.get().as_bytes().to_vec()),
                item: read(raw, self.channel()),
            };
            told.push((stamp.unwrap_or_default(), item));
        }
        // In whichever order they came; equal stamps keep it.
        told.sort_by_key(|(at, _)| *at);
        Ok(Page {
            told: told.into_iter().map(|(_, told)| told).collect(),
            messages,
            span,
            bytes: text.len(),
        })
    }

    async fn deliveries(&self, standing: Standing, page: usize) -> Result<Deliveries, Unanswered> {
        let status = match standing {
            Standing::Any => "all",
            Standing::Expired => "expired",
            Standing::Invalid => "invalid",
            Standing::Unsent => "unsent",
        };
        let (page, rows) = (page.to_string(), NEWS_ROWS.to_string());
        let query = [
            ("page", page.as_str()),
            ("limit", rows.as_str()),
            ("status", status),
            ("sort", "desc"),
        ];
        let text = self
            .listing(&["messages"], &query, PROVIDER_LIST_BYTES_MAX)
            .await?;
        self.deliveries_in(&text)
    }

    async fn receipts(&self, key: &OutboxKey, page: usize) -> Result<Deliveries, Unanswered> {
        let text = search::page_of(self, key, page, RECEIPT_ROWS).await?;
        self.deliveries_in(&text)
    }

    async fn backlog(&self) -> Result<Backlog, Unanswered> {
        let text = self
            .listing(&["messages", "statistics"], &[], PROVIDER_REPLY_BYTES_MAX)
            .await?;
        Ok(Backlog {
            messages: queued(&text).ok_or(Unanswered::Odd)?,
            bytes: text.len(),
        })
    }
}

/// A chat with one person; groups and broadcasts are none of ours.
fn chat(chat: wire::Chat<'_>) -> Option<Chat> {
    match address::read(chat.id.as_str()) {
        Named::Person(who) => Some(Chat {
            id: Private::from(chat.id.as_str()),
            who,
            last: chat.last_time.and_then(stamp).filter(|at| at.0 > 0),
        }),
        Named::Crowd(_) | Named::Nobody => None,
    }
}

/// The count of waiting messages, in an object of counts or one level below.
fn queued(text: &str) -> Option<u64> {
    let whole: BTreeMap<String, serde_json::Value> = serde_json::from_str(text).ok()?;
    let count = |value: &serde_json::Value| match value.as_str() {
        Some(text) => text.trim().parse().ok(),
        None => value.as_u64(),
    };
    let inner = whole.values().find_map(|value| value.get("queue"));
    whole.get("queue").or(inner).and_then(count)
}
