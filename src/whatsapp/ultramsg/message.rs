//! One message of a person, out of a webhook or out of a chat's history: both
//! carry the same object, and must give the same item under the same key.

use super::Channel;
use super::address::{self, Named};
use super::wire::{Message, text};
use crate::core::inbound::{
    Content, Identity, Inbound, Item, Malformed, Media, MediaKind, ReceivedItem,
};
use crate::core::private::Private;
use crate::core::time::UnixMs;
use crate::whatsapp::json::{Raw, Words, members, object, stamp};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Longest provider's word we keep, characters.
const WORD_CHARS_MAX: usize = 64;
/// Longest name of a third person on a card, characters.
const NAME_CHARS_MAX: usize = 200;

/// Reads a message.
pub fn read(raw: Raw<'_>, channel: Channel<'_>) -> ReceivedItem {
    match object::<Message<'_>>(raw) {
        Some(message) if !message.id.as_str().is_empty() => understand(&message, raw, channel),
        Some(_) | None => malformed(channel, "a message without an id", raw.get()),
    }
}

/// What could not be understood, under a key of its own bytes.
pub fn malformed(channel: Channel<'_>, why: &str, raw: &str) -> ReceivedItem {
    let digest = hex::encode(Sha256::digest(raw.as_bytes()));
    ReceivedItem {
        dedup: Private::from(format!("ultramsg:malformed:{digest}")),
        phone_number_id: Some(channel.instance.to_owned()),
        content: Err(Malformed {
            why: why.to_owned(),
            from: somebody_in(raw),
            raw: Private::from(raw),
        }),
    }
}

/// Whose something is that could not be understood, an event or a message, as
/// far as it tells.
fn somebody_in(raw: &str) -> Identity {
    let event = members(raw);
    let message = event.get("data").map_or(raw, |data| data.get());
    let message = members(message);
    match text(message.get("from").copied()).map(|name| address::read(&name)) {
        Some(Named::Person(who)) => who,
        Some(Named::Crowd(_) | Named::Nobody) | None => Identity::default(),
    }
}

/// An item under a key of this kind and the message's own id.
pub fn keyed(channel: Channel<'_>, kind: &str, id: &str, item: Item) -> ReceivedItem {
    let instance = channel.instance;
    ReceivedItem {
        dedup: Private::from(format!("ultramsg:{kind}:{instance}:{id}")),
        phone_number_id: Some(instance.to_owned()),
        content: Ok(item),
    }
}

/// Something kept and not acted on.
pub fn ignored(why: &str) -> Item {
    Item::Ignored {
        why: why.to_owned(),
    }
}

/// Whether we said it ourselves. The id says so too, should the flag be missing.
pub fn is_ours(message: &Message<'_>) -> bool {
    match message.from_me {
        Some(flag) => flag.0,
        None => message.id.as_str().starts_with("true_"),
    }
}

fn understand(message: &Message<'_>, raw: Raw<'_>, channel: Channel<'_>) -> ReceivedItem {
    let id = message.id.as_str();
    if is_ours(message) {
        // To answer one's own words is a loop that never ends.
        return keyed(channel, "echo", id, ignored("our own words"));
    }
    let from = match address::read(message.from.as_ref().map_or("", Words::as_str)) {
        Named::Person(from) => from,
        Named::Crowd(what) => return keyed(channel, "crowd", id, ignored(what)),
        Named::Nobody => return malformed(channel, "a message without a sender", raw.get()),
    };
    let Some(stamped) = message.time.and_then(stamp) else {
        return malformed(channel, "a message without its time", raw.get());
    };
    if channel.began.is_some_and(|began| stamped < began) {
        return keyed(channel, "old", id, ignored("said before this box listened"));
    }
    let kind = message.kind.as_ref().map_or("", Words::as_str);
    // These carry the id of the message they are about: under its key they
    // would hide it, or be hidden by it.
    let (key, content) = match kind {
        "ciphertext" => return keyed(channel, "sealed", id, ignored("not yet readable")),
        "e2e_notification"
        | "notification"
        | "notification_template"
        | "gp2"
        | "protocol"
        | "call_log" => return keyed(channel, "notice", id, ignored("a notice of WhatsApp's")),
        "revoked" => ("revoked", revoked(id)),
        _ => match content(kind, message) {
            Ok(content) => ("message", content),
            Err(why) => return malformed(channel, why, raw.get()),
        },
    };
    let inbound = Inbound {
        id: Private::from(id),
        from: named(from, message),
        stamped,
        quoted: quoted(message),
        content,
    };
    keyed(channel, key, id, Item::Message(inbound))
}

/// The person with the name they call themselves by.
pub fn named(from: Identity, message: &Message<'_>) -> Identity {
    let name = message.pushname.as_ref().map(Words::as_str);
    Identity {
        profile_name: name
            .filter(|name| !name.trim().is_empty())
            .map(Private::from),
        ..from
    }
}

fn revoked(id: &str) -> Content {
    Content::Revoke {
        original: Private::from(id),
    }
}

fn quoted(message: &Message<'_>) -> Option<Private<String>> {
    #[derive(Deserialize)]
    struct Quoted<'a> {
        #[serde(borrow)]
        id: Words<'a>,
    }
    let quoted: Quoted<'_> = object(message.quoted?)?;
    Some(Private::from(quoted.id.as_str())).filter(|id| !id.as_str().is_empty())
}

fn content(kind: &str, message: &Message<'_>) -> Result<Content, &'static str> {
    match kind {
        "chat" | "text" => text(message.body)
            .map(|body| Content::Text {
                body: Private::from(body),
            })
            .ok_or("a text without words"),
        "image" => Ok(media(message, MediaKind::Image, false)),
        "ptt" => Ok(media(message, MediaKind::Audio, true)),
        "audio" => Ok(media(message, MediaKind::Audio, false)),
        "video" => Ok(media(message, MediaKind::Video, false)),
        "document" => Ok(media(message, MediaKind::Document, false)),
        "sticker" => Ok(media(message, MediaKind::Sticker, false)),
        "location" => Ok(location(message)),
        "vcard" | "multi_vcard" | "contact_card" => Ok(cards(message)),
        other => Ok(Content::Other { what: word(other) }),
    }
}

/// A file by reference: the address UltraMsg keeps it at, where its download
/// is switched on, else the message's own id. Nothing is fetched from here.
fn media(message: &Message<'_>, kind: MediaKind, voice: bool) -> Content {
    let caption = text(message.caption).or_else(|| text(message.body));
    Content::Media(Media {
        kind,
        media_id: text(message.media).unwrap_or_else(|| message.id.as_str().to_owned()),
        mime: text(message.mimetype),
        sha256: None,
        caption: caption.filter(|_| !voice).map(Private::from),
        filename: text(message.filename).map(Private::from),
        voice,
    })
}

fn location(message: &Message<'_>) -> Content {
    let degrees = |raw: Option<Raw<'_>>| text(raw)?.trim().parse::<f64>().ok();
    // Without members of their own they stand in the body, as `lat;lng`.
    let body = text(message.body).unwrap_or_default();
    let mut parts = body
        .split([';', ','])
        .map(|part| part.trim().parse::<f64>().ok());
    let mut in_body = || parts.next().flatten();
    let (first, second) = (in_body(), in_body());
    let latitude = float(message.lat)
        .or_else(|| degrees(message.lat))
        .or(first);
    let longitude = float(message.lng)
        .or_else(|| degrees(message.lng))
        .or(second);
    match (latitude, longitude) {
        (Some(latitude), Some(longitude)) => Content::Location {
            latitude,
            longitude,
            name: None,
            address: None,
        },
        (Some(_) | None, Some(_) | None) => Content::Other {
            what: "location".to_owned(),
        },
    }
}

fn float(raw: Option<Raw<'_>>) -> Option<f64> {
    serde_json::from_str(raw?.get()).ok()
}

/// The cards of vCards: a name `FN:` each, and its first number `TEL`, whose
/// line may begin with a group and carry parameters (`item1.TEL;waid=243…:+243 …`).
fn cards(message: &Message<'_>) -> Content {
    let body = text(message.body).unwrap_or_default();
    let mut cards: Vec<(String, String)> = Vec::new();
    for line in body.lines().filter_map(|line| line.trim().split_once(':')) {
        let (property, value) = line;
        let value = || {
            value
                .trim()
                .chars()
                .take(NAME_CHARS_MAX)
                .collect::<String>()
        };
        let property = property.split(';').next().unwrap_or_default();
        let property = property.rsplit('.').next().unwrap_or_default();
        match (property, cards.last_mut()) {
            ("BEGIN", _) => cards.push((String::new(), String::new())),
            ("FN", Some((name, _))) if name.is_empty() => *name = value(),
            ("FN", _) => cards.push((value(), String::new())),
            ("TEL", Some((_, phone))) if phone.is_empty() => *phone = value(),
            _ => {}
        }
    }
    let said = cards.into_iter();
    let (names, phones) = said
        .filter(|(name, phone)| !(name.is_empty() && phone.is_empty()))
        .map(|(name, phone)| (Private::from(name), Private::from(phone)))
        .unzip();
    Content::Contacts {
        names,
        phones,
        own_number: None,
    }
}

/// A provider's word, cut and cleaned so that it can be counted.
pub fn word(text: &str) -> String {
    let clean = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' | '.' | ' ' => c,
        _ => '?',
    };
    text.chars().take(WORD_CHARS_MAX).map(clean).collect()
}

/// The stamp of a message, whoever said it.
pub fn stamp_of(message: &Message<'_>) -> Option<UnixMs> {
    message.time.and_then(stamp)
}
