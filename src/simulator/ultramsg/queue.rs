//! UltraMsg's own queue: what "ok" puts a message into. It sends the lowest
//! priority first, one after a delay, and gives up what grows too old.

use super::account::UltraSettings;
use crate::core::time::UnixMs;
use serde_json::{Value, json};

/// One message in the queue, or out of it.
#[derive(Clone, Debug)]
pub struct Queued {
    /// Its number.
    pub id: u64,
    /// The sender's own reference.
    pub reference: String,
    /// Where it goes, as it was asked for.
    pub to: String,
    /// The words.
    pub body: String,
    /// The lowest goes first.
    pub priority: i64,
    /// `queue`, `sent`, `unsent`, `invalid`, `expired`.
    pub status: &'static str,
    /// `pending`, `server`, `device`, `read`.
    pub ack: &'static str,
    /// When it was taken.
    pub created_at: UnixMs,
    /// When it was sent.
    pub sent_at: Option<UnixMs>,
}

impl Queued {
    /// The row of `GET messages`.
    pub fn row(&self) -> Value {
        json!({
            "id": self.id,
            "referenceId": self.reference,
            "from": "",
            "to": self.to,
            "body": self.body,
            "priority": self.priority.to_string(),
            "status": self.status,
            "ack": if self.status == "sent" { self.ack } else { "" },
            "type": "chat",
            "created_at": self.created_at.0 / 1_000,
            "sent_at": self.sent_at.map_or(0, |at| at.0 / 1_000),
            "metadata": "",
        })
    }

    /// The chat it goes to: a number becomes its chat.
    pub fn chat(&self) -> String {
        if self.to.contains('@') {
            self.to.clone()
        } else {
            format!("{}@c.us", self.to.trim_start_matches('+'))
        }
    }
}

/// Most messages on a page of the queue.
const ROWS_MAX: usize = 100;

/// One page of rows as the query asks for it, as far as the account gives it.
pub fn page(queue: &[Queued], query: &[(String, String)], settings: &UltraSettings) -> Value {
    let asked = |name: &str| {
        let found = query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    };
    let number = |name: &str, default: usize| {
        asked(name)
            .and_then(|text| text.parse::<usize>().ok())
            .unwrap_or(default)
    };
    let most = settings.rows_max.min(ROWS_MAX);
    let (page, limit) = (number("page", 1).max(1), number("limit", 10).min(most));
    let status = asked("status").unwrap_or("all");
    let reference = asked("referenceId").filter(|_| settings.filters_by_reference);
    let mut rows: Vec<&Queued> = queue
        .iter()
        .filter(|row| status == "all" || row.status == status)
        .filter(|row| reference.is_none_or(|key| row.reference == key))
        .collect();
    if asked("sort") == Some("desc") {
        rows.reverse();
    }
    let rows: Vec<Value> = rows
        .into_iter()
        .skip((page - 1) * limit)
        .take(limit)
        .map(Queued::row)
        .collect();
    json!({ "total": queue.len(), "page": page, "limit": limit, "messages": rows })
}

/// Messages by how they stand, as `GET messages/statistics` tells.
pub fn statistics(queue: &[Queued]) -> Value {
    let count = |status: &str| queue.iter().filter(|row| row.status == status).count();
    json!({ "messages_statistics": {
        "sent": count("sent").to_string(),
        "queue": count("queue"),
        "unsent": count("unsent"),
        "invalid": count("invalid"),
        "expired": count("expired"),
    } })
}
