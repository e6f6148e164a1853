//! Webhook bytes into items: total. There is no signature; the secret path is
//! all that vouches for them, so nothing in here trusts a word of it.

use super::address::Named;
use super::message::{ignored, is_ours, keyed, malformed, named, read, stamp_of, word};
use super::news::{News, acknowledged};
use super::wire::{Event, Message, bare_instance, text};
use super::{Channel, address as names};
use crate::core::inbound::{Content, Inbound, Item, ReceivedItem};
use crate::core::limits::WEBHOOK_UPDATES_MAX;
use crate::core::private::Private;
use crate::whatsapp::json::{Raw, Words, object};
use crate::whatsapp::repair::repair_escapes;

/// Turns one POST body into its items: one event, or a list of them. What is
/// no event is one dead letter, and so is a list longer than any should be: nobody
/// vouches for it, and each element costs a row.
pub fn parse(body: &[u8], channel: Channel<'_>) -> Vec<ReceivedItem> {
    let text = String::from_utf8_lossy(body);
    let text = repair_escapes(&text);
    if let Ok(list) = serde_json::from_str::<Vec<Raw<'_>>>(&text)
        && !list.is_empty()
    {
        if list.len() > WEBHOOK_UPDATES_MAX {
            return vec![malformed(channel, "more events than one body holds", &text)];
        }
        return list.into_iter().map(|raw| one(raw, channel)).collect();
    }
    match serde_json::from_str::<Raw<'_>>(&text) {
        Ok(raw) => vec![one(raw, channel)],
        Err(_) => vec![malformed(channel, "not JSON", &text)],
    }
}

fn one(raw: Raw<'_>, channel: Channel<'_>) -> ReceivedItem {
    let Some(event) = object::<Event<'_>>(raw) else {
        return malformed(channel, "not an event", raw.get());
    };
    // Which instance it speaks of is its own claim: one of another is kept
    // and never answered.
    let told = event.instance.as_ref().map(Words::as_str);
    let instance = told.map_or(channel.instance, bare_instance);
    let channel = Channel {
        instance,
        ..channel
    };
    let kind = event.event_type.as_str();
    let Some(data) = event.data else {
        return malformed(channel, "an event without data", raw.get());
    };
    match kind {
        "message_received" | "message_create" => read(data, channel),
        "message_ack" => ack(&event, data, raw, channel),
        "message_reaction" => reaction(data, raw, channel),
        other => {
            let field = word(other);
            let id = format!("{field}:{}", digest(raw));
            let raw = raw.get().into();
            keyed(channel, "event", &id, Item::Account { field, raw })
        }
    }
}

fn digest(raw: Raw<'_>) -> String {
    use sha2::{Digest, Sha256};
    hex::encode(Sha256::digest(raw.get().as_bytes()))
}

fn ack(event: &Event<'_>, data: Raw<'_>, raw: Raw<'_>, channel: Channel<'_>) -> ReceivedItem {
    let Some(message) = object::<Message<'_>>(data) else {
        return malformed(channel, "a receipt without a message", raw.get());
    };
    let told = text(message.ack).unwrap_or_default();
    let not_empty = |words: &&Words<'_>| !words.as_str().is_empty();
    let queue_id = event.id.as_ref().filter(not_empty).unwrap_or(&message.id);
    let news = acknowledged(&told).map(|receipt| News {
        queue_id: queue_id.as_str(),
        reference: event.reference.as_ref().map(Words::as_str),
        receipt,
        stamped: stamp_of(&message).unwrap_or_default(),
        errors: Vec::new(),
    });
    news.and_then(|news| news.item(channel)).unwrap_or_else(|| {
        let id = format!("{}:{}", queue_id.as_str(), word(&told));
        keyed(
            channel,
            "ack",
            &id,
            ignored("a receipt that says nothing new"),
        )
    })
}

/// An emoji on a message: never an answer, so only its sender must be right.
fn reaction(data: Raw<'_>, raw: Raw<'_>, channel: Channel<'_>) -> ReceivedItem {
    let Some(message) = object::<Message<'_>>(data) else {
        return malformed(channel, "a reaction without a message", raw.get());
    };
    let id = format!("{}:{}", message.id.as_str(), digest(data));
    let from = match names::read(message.from.as_ref().map_or("", Words::as_str)) {
        Named::Person(from) if !is_ours(&message) => from,
        Named::Person(_) | Named::Crowd(_) | Named::Nobody => {
            return keyed(channel, "reaction", &id, ignored("a reaction not to us"));
        }
    };
    let Some(stamped) = stamp_of(&message) else {
        return keyed(
            channel,
            "reaction",
            &id,
            ignored("a reaction without its time"),
        );
    };
    let target = text(message.target).unwrap_or_else(|| message.id.as_str().to_owned());
    let inbound = Inbound {
        id: Private::from(id.as_str()),
        from: named(from, &message),
        stamped,
        quoted: None,
        content: Content::Reaction {
            target: Private::from(target),
            emoji: text(message.reaction).map(Private::from),
        },
    };
    keyed(channel, "reaction", &id, Item::Message(inbound))
}
