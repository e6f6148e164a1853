//! News of messages we sent, and faults of the account.
//!
//! A status word we do not know is kept and counted, never guessed at; the
//! texts of an error are never read.

use super::content::word;
use super::parse::{Channel, id_of, ignored};
use super::people::Names;
use super::wire::{Fault, Pricing, Status as Wire};
use crate::core::inbound::{Item, ProviderError, Receipt, ReceivedItem, Status};
use crate::core::private::Private;
use crate::whatsapp::json::{Raw, Words, elements, object, stamp};

/// Reads one element of `statuses[]`.
pub fn read(channel: &Channel<'_>, raw: Raw<'_>) -> ReceivedItem {
    let Some(status) = object::<Wire<'_>>(raw) else {
        return channel.bad("a status that is no object of its form", raw);
    };
    let named = id_of(status.id.as_ref()).zip(id_of(status.status.as_ref()));
    let Some((id, receipt)) = named else {
        return channel.bad("a status without id or status", raw);
    };
    let dedup = channel.place.status(id, receipt);
    if status.recipient_type.as_ref().map(Words::as_str) == Some("group") {
        return channel.item(dedup, ignored("group status"));
    }
    let Some(receipt) = receipt_of(receipt) else {
        return channel.item(dedup, ignored(&format!("status {receipt}")));
    };
    let Some(stamped) = status.timestamp.and_then(stamp) else {
        return channel.bad("a status without a sound timestamp", raw);
    };
    let names = Names {
        address: status.recipient_id.as_ref(),
        user_id: status.recipient_user_id.as_ref(),
        parent_user_id: status.recipient_parent_user_id.as_ref(),
    };
    let pricing: Pricing<'_> = status.pricing.and_then(object).unwrap_or_default();
    let item = Item::Status(Status {
        id: Private::from(id),
        receipt,
        stamped,
        recipient: channel.people.complete(names.identity()),
        callback: status
            .biz_opaque_callback_data
            .map(|key| key.0.into_owned()),
        errors: errors_of(status.errors),
        category: pricing.category.map(|category| word(category.as_str())),
        billable: pricing.billable.unwrap_or(false),
    });
    channel.item(dedup, item)
}

/// Reads one element of `errors[]` beside no message.
pub fn read_channel_error(channel: &Channel<'_>, raw: Raw<'_>) -> ReceivedItem {
    match object::<Fault<'_>>(raw).as_ref().and_then(provider_error) {
        Some(error) => channel.hashed(raw, Item::ChannelError(error)),
        None => channel.bad("an error without a code", raw),
    }
}

/// The numbers of an error; none without a code.
pub fn provider_error(fault: &Fault<'_>) -> Option<ProviderError> {
    let number = |words: &Words<'_>| words.as_str().parse().ok();
    Some(ProviderError {
        code: fault.code.as_ref().and_then(number)?,
        subcode: fault.error_subcode.as_ref().and_then(number),
    })
}

fn errors_of(errors: Option<Raw<'_>>) -> Vec<ProviderError> {
    let raw = errors.and_then(elements).unwrap_or_default();
    raw.into_iter()
        .filter_map(object::<Fault<'_>>)
        .filter_map(|fault| provider_error(&fault))
        .collect()
}

/// `deleted` is a word of older editions and says nothing about arrival.
fn receipt_of(word: &str) -> Option<Receipt> {
    match word {
        "sent" => Some(Receipt::Sent),
        "delivered" => Some(Receipt::Delivered),
        "read" => Some(Receipt::Read),
        "played" => Some(Receipt::Played),
        "failed" => Some(Receipt::Failed),
        _ => None,
    }
}
