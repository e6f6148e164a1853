//! How far one of our messages has come, by webhook or by list, in the one
//! vocabulary.

use super::wire::{Queued, text};
use super::{Channel, codes, verdict};
use crate::core::inbound::{Identity, Item, ProviderError, Receipt, ReceivedItem, Status};
use crate::core::private::Private;
use crate::core::time::UnixMs;
use crate::whatsapp::json::{Raw, Words, stamp};

/// How our own keys begin; other references are not ours.
const OURS: &str = "ob:";

/// What an `ack` says; none while the message has not left UltraMsg.
pub fn acknowledged(ack: &str) -> Option<Receipt> {
    match ack {
        "server" | "1" => Some(Receipt::Sent),
        "device" | "2" => Some(Receipt::Delivered),
        "read" | "3" => Some(Receipt::Read),
        "played" | "4" => Some(Receipt::Played),
        _ => None,
    }
}

/// Whether a reference is a key of ours.
pub fn is_ours(reference: &str) -> bool {
    reference.starts_with(OURS)
}

/// Whether a row of the queue stands where its message never leaves any more.
pub fn is_given_up(standing: &str) -> bool {
    matches!(standing, "invalid" | "expired" | "unsent")
}

/// News of one message of ours.
pub struct News<'n> {
    /// Its id in UltraMsg's queue.
    pub queue_id: &'n str,
    /// The reference that was sent along.
    pub reference: Option<&'n str>,
    /// How far it has come.
    pub receipt: Receipt,
    /// When.
    pub stamped: UnixMs,
    /// Why, when it failed.
    pub errors: Vec<ProviderError>,
}

impl News<'_> {
    /// The item; none if the message is not one of ours.
    pub fn item(self, channel: Channel<'_>) -> Option<ReceivedItem> {
        let callback = self.reference.filter(|key| is_ours(key))?;
        let word = match self.receipt {
            Receipt::Sent => "sent",
            Receipt::Delivered => "delivered",
            Receipt::Read => "read",
            Receipt::Played => "played",
            Receipt::Failed => "failed",
        };
        let (instance, id) = (channel.instance, self.queue_id);
        Some(ReceivedItem {
            dedup: Private::from(format!("ultramsg:status:{instance}:{id}:{word}")),
            phone_number_id: Some(instance.to_owned()),
            content: Ok(Item::Status(Status {
                id: verdict::queue_id(instance, id),
                receipt: self.receipt,
                stamped: self.stamped,
                recipient: Identity::default(),
                callback: Some(callback.to_owned()),
                errors: self.errors,
                category: None,
                billable: false,
            })),
        })
    }
}

/// What a row of the queue says of its message; none while it waits there.
pub fn of_row(raw: Raw<'_>, channel: Channel<'_>) -> Option<ReceivedItem> {
    let row: Queued<'_> = serde_json::from_str(raw.get()).ok()?;
    let standing = text(row.status).unwrap_or_default();
    let ack = text(row.ack).unwrap_or_default();
    let (receipt, errors) = match standing.as_str() {
        "sent" => (acknowledged(&ack).unwrap_or(Receipt::Sent), Vec::new()),
        "invalid" | "expired" => (Receipt::Failed, vec![codes::error(codes::UNDELIVERABLE)]),
        "unsent" => (Receipt::Failed, vec![codes::error(codes::AGAIN)]),
        _ => return None,
    };
    let at = |raw: Option<Raw<'_>>| raw.and_then(stamp).filter(|at| at.0 > 0);
    News {
        queue_id: row.id.as_str(),
        reference: row.reference.as_ref().map(Words::as_str),
        receipt,
        stamped: at(row.sent_at)
            .or_else(|| at(row.created_at))
            .unwrap_or_default(),
        errors,
    }
    .item(channel)
}
