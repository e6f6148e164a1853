//! What UltraMsg remembers: chats, their messages, and how ours fared. It is
//! the only way to what a webhook missed, and needs no public way in.

use super::address::{self, Named};
use super::client::{PAGE_ROWS, UltraMsgClient};
use super::message::{is_ours, read, stamp_of};
use super::{Channel, news, wire};
use crate::core::private::Private;
use crate::core::time::UnixMs;
use crate::ports::{Chat, Chats, Deliveries, History, Page, Standing, Told, Unanswered};
use crate::whatsapp::json::{Raw, object, stamp};
use std::collections::BTreeMap;

impl UltraMsgClient {
    fn channel(&self) -> Channel<'_> {
        Channel {
            instance: &self.instance,
            began: None,
        }
    }
}

impl History for UltraMsgClient {
    async fn chats(&self) -> Result<Chats, Unanswered> {
        let text = self.listing(&["chats"], &[]).await?;
        let list = wire::list(&text, "chats").ok_or(Unanswered)?;
        Ok(Chats {
            list: list.into_iter().filter_map(chat).collect(),
            bytes: text.len(),
        })
    }

    async fn messages(&self, chat: &Private<String>, newest: usize) -> Result<Page, Unanswered> {
        let newest = newest.to_string();
        let query = [("chatId", chat.as_str()), ("limit", newest.as_str())];
        let text = self.listing(&["chats", "messages"], &query).await?;
        let list = wire::list(&text, "messages").ok_or(Unanswered)?;
        let messages = list.len();
        let mut told: Vec<(UnixMs, Told)> = Vec::new();
        for raw in list {
            told.extend(theirs(raw, self.channel()));
        }
        // In whichever order they came; equal stamps keep it.
        told.sort_by_key(|(at, _)| *at);
        Ok(Page {
            told: told.into_iter().map(|(_, told)| told).collect(),
            messages,
        })
    }

    async fn deliveries(&self, standing: Standing, page: usize) -> Result<Deliveries, Unanswered> {
        let status = match standing {
            Standing::Any => "all",
            Standing::Expired => "expired",
            Standing::Invalid => "invalid",
            Standing::Unsent => "unsent",
        };
        let (page, rows) = (page.to_string(), PAGE_ROWS.to_string());
        let query = [
            ("page", page.as_str()),
            ("limit", rows.as_str()),
            ("status", status),
            ("sort", "desc"),
        ];
        let text = self.listing(&["messages"], &query).await?;
        let list = wire::list(&text, "messages").ok_or(Unanswered)?;
        let items = list.into_iter();
        Ok(Deliveries {
            items: items
                .filter_map(|raw| news::of_row(raw, self.channel()))
                .collect(),
        })
    }

    async fn backlog(&self) -> Result<u64, Unanswered> {
        let text = self.listing(&["messages", "statistics"], &[]).await?;
        queued(&text).ok_or(Unanswered)
    }
}

/// A chat with one person; groups and broadcasts are none of ours.
fn chat(raw: Raw<'_>) -> Option<Chat> {
    let chat: wire::Chat<'_> = object(raw)?;
    match address::read(chat.id.as_str()) {
        Named::Person(_) => Some(Chat {
            id: Private::from(chat.id.as_str()),
            last: chat.last_time.and_then(stamp).filter(|at| at.0 > 0),
        }),
        Named::Crowd(_) | Named::Nobody => None,
    }
}

/// A message, unless it is our own.
fn theirs(raw: Raw<'_>, channel: Channel<'_>) -> Option<(UnixMs, Told)> {
    let known = object::<wire::Message<'_>>(raw);
    if known.as_ref().is_some_and(is_ours) {
        return None;
    }
    let told = Told {
        raw: Private::new(raw.get().as_bytes().to_vec()),
        item: read(raw, channel),
    };
    Some((known.as_ref().and_then(stamp_of).unwrap_or_default(), told))
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
