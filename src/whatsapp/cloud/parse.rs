//! Webhook bytes into items: total, and each item for itself.
//!
//! Whatever the bytes are, the answer is a list: what is understood becomes an
//! item, what is not becomes `Malformed` with its own JSON, and neither costs
//! its batch-mates anything. Nothing in here may fail, panic or log.

use super::content::{self, Why, word};
use super::dedup::{self, Place};
use super::news;
use super::people::{Names, People, is_bsuid, somebody_in};
use super::sender::Sender;
use super::status;
use super::wire::{
    Call, Change, Context, Entry, Envelope, Message, Metadata, SoundEnvelope, Value,
};
use super::wire_news::UserIdUpdate;
use crate::core::inbound::{Identity, Inbound, Item, Malformed, ReceivedItem};
use crate::core::phone;
use crate::core::private::Private;
use crate::whatsapp::json::{Raw, Words, elements, object, stamp};
use crate::whatsapp::repair::repair_escapes;

const OBJECT: &str = "whatsapp_business_account";

/// Turns one POST body into its items, in the order they stand in it. A body
/// that is not Meta's envelope is one malformed item; an empty envelope is
/// none.
pub fn parse(body: &[u8]) -> Vec<ReceivedItem> {
    parse_of(body, None)
}

/// As [`parse`]; what is said of another account than this one is kept and not
/// acted on.
pub fn parse_of(body: &[u8], account: Option<&str>) -> Vec<ReceivedItem> {
    let text = String::from_utf8_lossy(body);
    let text = repair_escapes(&text);
    read_sound(&text, account)
        .or_else(|| read_tolerantly(&text, account))
        .unwrap_or_else(|| vec![not_the_envelope(body, &text)])
}

/// A body whose every entry and change has its form, which is nearly all.
fn read_sound(text: &str, account: Option<&str>) -> Option<Vec<ReceivedItem>> {
    let envelope: SoundEnvelope<'_> = serde_json::from_str(text).ok()?;
    if envelope.object.as_str() != OBJECT {
        return None;
    }
    let mut items = Vec::new();
    for entry in envelope.entry {
        let sender = Sender::of(entry.id.as_ref(), entry.time, account);
        for change in &entry.changes {
            read_change(&sender, change, &mut items);
        }
    }
    Some(items)
}

/// Entry by entry, change by change, each for itself.
fn read_tolerantly(text: &str, account: Option<&str>) -> Option<Vec<ReceivedItem>> {
    let envelope: Envelope<'_> = serde_json::from_str(text).ok()?;
    if envelope.object.as_str() != OBJECT {
        return None;
    }
    let mut items = Vec::new();
    for entry in envelope.entry {
        read_entry(entry, account, &mut items);
    }
    Some(items)
}

/// A sound envelope of something else is kept and counted; anything else is a
/// dead letter with the whole body.
fn not_the_envelope(body: &[u8], text: &str) -> ReceivedItem {
    match serde_json::from_str::<Envelope<'_>>(text) {
        Ok(envelope) => ReceivedItem {
            dedup: dedup::malformed(body),
            phone_number_id: None,
            content: Ok(Item::Account {
                field: format!("object {}", word(envelope.object.as_str())),
                raw: text.into(),
            }),
        },
        Err(fault) if fault.is_data() => malformed(None, "not the envelope of a webhook", text),
        Err(_) => malformed(None, "not JSON", text),
    }
}

fn read_entry(raw: Raw<'_>, account: Option<&str>, items: &mut Vec<ReceivedItem>) {
    let Some(entry) = object::<Entry<'_>>(raw) else {
        items.push(malformed(None, "an entry without changes", raw.get()));
        return;
    };
    let sender = Sender::of(entry.id.as_ref(), entry.time, account);
    for raw in entry.changes {
        match object::<Change<'_>>(raw) {
            Some(change) => read_change(&sender, &change, items),
            None => items.push(malformed(
                None,
                "a change without field or value",
                raw.get(),
            )),
        }
    }
}

/// What the items of one change share.
pub(super) struct Channel<'c> {
    pub place: Place<'c>,
    /// Digits of our own number, to know our own words by.
    own_number: Option<Private<String>>,
    pub people: People,
}

fn read_change(sender: &Sender, change: &Change<'_>, items: &mut Vec<ReceivedItem>) {
    let field = change.field.as_str();
    let account = sender.key.as_str();
    let whole = |items: &mut Vec<ReceivedItem>, number, item| {
        let place = Place {
            account,
            field,
            number,
        };
        items.push(hashed(place, change.value, item));
    };
    let value: Option<Value<'_>> = object(change.value);
    match (field, value) {
        ("messages" | "calls" | "user_id_update" | "smb_message_echoes", Some(value)) => {
            let metadata: Metadata<'_> = value.metadata.and_then(object).unwrap_or_default();
            let number = metadata.phone_number_id.as_ref().map(Words::as_str);
            let channel = Channel {
                place: Place {
                    account,
                    field,
                    number,
                },
                own_number: metadata.display_phone_number.as_ref().and_then(own_digits),
                people: People::read(value.contacts),
            };
            let before = items.len();
            read_value(&channel, change, &value, items);
            if items.len() == before {
                whole(items, number, account_item(change));
            }
        }
        ("messages" | "calls" | "user_id_update" | "smb_message_echoes", None) => {
            items.push(malformed(
                None,
                "a value that is no object",
                change.value.get(),
            ));
        }
        (news::TEMPLATES, _) => {
            let told = news::template(change.value, sender.said_at).filter(|_| sender.ours);
            let item = told.unwrap_or_else(|| account_item(change));
            whole(items, None, item);
        }
        (news::ACCOUNT, _) => {
            let told = news::standing(change.value).filter(|_| sender.ours);
            let item = told.unwrap_or_else(|| account_item(change));
            whole(items, None, item);
        }
        ("history" | "smb_app_state_sync", _) => whole(items, None, ignored(field)),
        (_, _) => whole(items, None, account_item(change)),
    }
}

fn account_item(change: &Change<'_>) -> Item {
    Item::Account {
        field: word(change.field.as_str()),
        raw: change.value.get().into(),
    }
}

fn own_digits(display: &Words<'_>) -> Option<Private<String>> {
    let digits: String = display
        .as_str()
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    phone::parse_international(&digits)
}

type Reader = fn(&Channel<'_>, Raw<'_>) -> ReceivedItem;

fn read_value(
    channel: &Channel<'_>,
    change: &Change<'_>,
    value: &Value<'_>,
    items: &mut Vec<ReceivedItem>,
) {
    let lists: [(Option<Raw<'_>>, Reader); 6] = [
        (value.messages, read_message),
        (value.statuses, status::read),
        (value.errors, status::read_channel_error),
        (value.calls, read_call),
        (value.message_echoes, read_echo),
        (value.user_id_update, read_user_id_update),
    ];
    for (list, read) in lists {
        let Some(raw) = list else { continue };
        match elements(raw) {
            Some(elements) => items.extend(elements.into_iter().map(|raw| read(channel, raw))),
            None => items.push(malformed(
                channel.place.number,
                "a list that is no array",
                raw.get(),
            )),
        }
    }
    if value.user_id_update.is_none() && change.field.as_str() == "user_id_update" {
        items.push(read_user_id_update(channel, change.value));
    }
}

impl Channel<'_> {
    /// An item under its key.
    pub fn item(&self, dedup: Private<String>, item: Item) -> ReceivedItem {
        ReceivedItem {
            dedup,
            phone_number_id: self.place.number.map(str::to_owned),
            content: Ok(item),
        }
    }

    /// An item that broke a rule.
    pub fn bad(&self, why: Why, raw: Raw<'_>) -> ReceivedItem {
        malformed(self.place.number, why, raw.get())
    }

    /// An item without an id of its own.
    pub fn hashed(&self, raw: Raw<'_>, item: Item) -> ReceivedItem {
        hashed(self.place, raw, item)
    }

    fn is_own(&self, who: &Identity) -> bool {
        self.own_number.is_some() && who.phone == self.own_number
    }
}

fn malformed(number: Option<&str>, why: Why, raw: &str) -> ReceivedItem {
    ReceivedItem {
        dedup: dedup::malformed(raw.as_bytes()),
        phone_number_id: number.map(str::to_owned),
        content: Err(Malformed {
            why: why.to_owned(),
            from: somebody_in(raw),
            raw: Private::from(raw),
        }),
    }
}

fn hashed(place: Place<'_>, raw: Raw<'_>, item: Item) -> ReceivedItem {
    match place.other(raw) {
        Some(dedup) => ReceivedItem {
            dedup,
            phone_number_id: place.number.map(str::to_owned),
            content: Ok(item),
        },
        None => malformed(place.number, "nested too deeply", raw.get()),
    }
}

/// An item that is kept and not acted on.
pub(super) fn ignored(why: &str) -> Item {
    Item::Ignored { why: word(why) }
}

fn read_message(channel: &Channel<'_>, raw: Raw<'_>) -> ReceivedItem {
    let Some(message) = object::<Message<'_>>(raw) else {
        return channel.bad("a message that is no object of its form", raw);
    };
    let Some(id) = id_of(message.id.as_ref()) else {
        return channel.bad("a message without an id", raw);
    };
    let dedup = channel.place.message(id);
    if message.group_id.is_some_and(|group| group.get() != "null") {
        return channel.item(dedup, ignored("group message"));
    }
    let from = author(&message);
    if channel.is_own(&from) {
        return channel.item(dedup, ignored("own echo"));
    }
    match understand(channel, &message, id, from, raw) {
        Ok(inbound) => channel.item(dedup, Item::Message(inbound)),
        Err(why) => channel.bad(why, raw),
    }
}

/// An id that names something.
pub(super) fn id_of<'w>(id: Option<&'w Words<'_>>) -> Option<&'w str> {
    id.map(Words::as_str).filter(|id| !id.is_empty())
}

fn author(message: &Message<'_>) -> Identity {
    let names = Names {
        address: message.from.as_ref(),
        user_id: message.from_user_id.as_ref(),
        parent_user_id: message.from_parent_user_id.as_ref(),
    };
    names.identity()
}

fn understand(
    channel: &Channel<'_>,
    message: &Message<'_>,
    id: &str,
    from: Identity,
    raw: Raw<'_>,
) -> Result<Inbound, Why> {
    if from.is_empty() {
        return Err("a message without a phone number or a user id");
    }
    let stamped = message.timestamp.and_then(stamp);
    let stamped = stamped.ok_or("a message without a sound timestamp")?;
    let context: Option<Context<'_>> = message.context.and_then(object);
    let quoted = context.and_then(|context| context.id);
    Ok(Inbound {
        id: Private::from(id),
        from: channel.people.complete(from),
        stamped,
        quoted: id_of(quoted.as_ref()).map(Private::from),
        content: content::read(raw)?,
    })
}

/// What staff wrote on the phone that shares our number.
fn read_echo(channel: &Channel<'_>, raw: Raw<'_>) -> ReceivedItem {
    let message: Option<Message<'_>> = object(raw);
    match message
        .as_ref()
        .and_then(|message| id_of(message.id.as_ref()))
    {
        Some(id) => channel.item(channel.place.message(id), ignored("own echo")),
        None => channel.bad("an echo without an id", raw),
    }
}

fn read_call(channel: &Channel<'_>, raw: Raw<'_>) -> ReceivedItem {
    let Some(call) = object::<Call<'_>>(raw) else {
        return channel.bad("a call that is no object of its form", raw);
    };
    let Some(id) = id_of(call.id.as_ref()) else {
        return channel.bad("a call without an id", raw);
    };
    let event = word(call.event.as_ref().map_or("unknown", Words::as_str));
    let names = Names {
        address: call.from.as_ref(),
        user_id: call.from_user_id.as_ref(),
        parent_user_id: call.from_parent_user_id.as_ref(),
    };
    let from = names.identity();
    let dedup = channel.place.call(id, &event);
    let outgoing = call.direction.as_ref().map(Words::as_str) == Some("BUSINESS_INITIATED");
    if outgoing || channel.is_own(&from) {
        return channel.item(dedup, ignored("own call"));
    }
    if from.is_empty() {
        return channel.bad("a call without a phone number or a user id", raw);
    }
    let Some(stamped) = call.timestamp.and_then(stamp) else {
        return channel.bad("a call without a sound timestamp", raw);
    };
    let item = Item::Call {
        id: Private::from(id),
        from: channel.people.complete(from),
        stamped,
        event,
    };
    channel.item(dedup, item)
}

fn read_user_id_update(channel: &Channel<'_>, raw: Raw<'_>) -> ReceivedItem {
    let update: Option<UserIdUpdate<'_>> = object(raw);
    let sound = update.filter(|update| {
        let ids = [&update.user_id.previous, &update.user_id.current];
        ids.into_iter().all(|id| is_bsuid(id.as_str()))
    });
    let Some(update) = sound else {
        return channel.bad("a user id update without both ids", raw);
    };
    let phone = update.wa_id.as_ref();
    let item = Item::UserIdUpdate {
        previous: Private::from(update.user_id.previous.as_str()),
        current: Private::from(update.user_id.current.as_str()),
        phone: phone.and_then(|words| phone::parse_international(words.as_str())),
    };
    channel.hashed(raw, item)
}
