//! What a message says, by its type.
//!
//! The reasons given for a refusal name the rule that was broken and never
//! quote the message.

use super::people::{is_bsuid, non_empty};
use super::wire::{
    Attachment, Button, Card, Edit, Form, Interactive, Location, Reaction, Reply, Revoke, Said,
    System, Text, Unsupported,
};
use crate::core::inbound::{Content, Media, MediaKind, SystemChange};
use crate::core::phone;
use crate::core::private::Private;
use crate::whatsapp::json::{Raw, Words, elements, object};

/// Longest provider's word we keep, characters.
const WORD_CHARS_MAX: usize = 64;
/// Longest number kept of a card, characters.
const NUMBER_CHARS_MAX: usize = 40;

/// Which rule a message broke.
pub type Why = &'static str;

/// Reads what a message says. A type we do not know is `Other`.
pub fn read(message: Raw<'_>) -> Result<Content, Why> {
    let said: Said<'_> = object(message).ok_or("a message without a type")?;
    if said.kind.as_str() == "edit" {
        return edit(&said);
    }
    read_plain(&said)
}

/// Every type but an edit, so that an edit of an edit cannot nest.
fn read_plain(said: &Said<'_>) -> Result<Content, Why> {
    match said.kind.as_str() {
        "text" => text(said),
        "interactive" => interactive(said),
        "button" => button(said),
        "image" => media(said, MediaKind::Image, said.image),
        "audio" => media(said, MediaKind::Audio, said.audio),
        "voice" => media(said, MediaKind::Audio, said.voice),
        "video" => media(said, MediaKind::Video, said.video),
        "document" => media(said, MediaKind::Document, said.document),
        "sticker" => media(said, MediaKind::Sticker, said.sticker),
        "location" => location(said),
        "contacts" => contacts(said),
        "reaction" => reaction(said),
        "system" => system(said),
        "revoke" => revoke(said),
        "unsupported" | "unknown" => Ok(unsupported(said)),
        "request_welcome" => Ok(Content::Welcome),
        other => Ok(Content::Other { what: word(other) }),
    }
}

/// A provider's word, cut and cleaned so that it can be counted and logged.
pub fn word(text: &str) -> String {
    let clean = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' | '.' | ' ' => c,
        _ => '?',
    };
    text.chars().take(WORD_CHARS_MAX).map(clean).collect()
}

fn owned(words: &Words<'_>) -> Private<String> {
    Private::from(words.as_str())
}

fn text(said: &Said<'_>) -> Result<Content, Why> {
    let text: Text<'_> = said.text.and_then(object).ok_or("a text without a body")?;
    Ok(Content::Text {
        body: owned(&text.body),
    })
}

fn interactive(said: &Said<'_>) -> Result<Content, Why> {
    const WHY: Why = "an interactive reply without what was tapped";
    let reply: Interactive<'_> = said.interactive.and_then(object).ok_or(WHY)?;
    match reply.kind.as_str() {
        "button_reply" => reply.button_reply.as_ref().map(choice).ok_or(WHY),
        "list_reply" => reply.list_reply.as_ref().map(choice).ok_or(WHY),
        "nfm_reply" => reply.nfm_reply.as_ref().map(form).ok_or(WHY),
        other => Ok(Content::Other {
            what: word(&format!("interactive {other}")),
        }),
    }
}

fn choice(reply: &Reply<'_>) -> Content {
    Content::Choice {
        id: reply.id.as_str().to_owned(),
        title: owned(&reply.title),
    }
}

fn form(form: &Form<'_>) -> Content {
    Content::Form {
        response_json: owned(&form.response_json),
    }
}

/// The same gesture as a tapped reply button, under other names.
fn button(said: &Said<'_>) -> Result<Content, Why> {
    let tapped: Button<'_> = said
        .button
        .and_then(object)
        .ok_or("a button without text")?;
    let id = tapped.payload.as_ref().unwrap_or(&tapped.text);
    Ok(Content::Choice {
        id: id.as_str().to_owned(),
        title: owned(&tapped.text),
    })
}

fn media(said: &Said<'_>, kind: MediaKind, part: Option<Raw<'_>>) -> Result<Content, Why> {
    let attachment: Option<Attachment<'_>> = part.and_then(object);
    let Some((attachment, id)) = attachment.as_ref().and_then(|a| Some((a, a.id.as_ref()?))) else {
        // WhatsApp says so when it could not take the file in: nothing can be
        // fetched, and the person should hear of it.
        return match said.errors {
            Some(_) => Ok(Content::Unsupported {
                what: word(said.kind.as_str()),
            }),
            None => Err("an attachment without an id"),
        };
    };
    let plain = |words: &Option<Words<'_>>| words.as_ref().map(|w| w.as_str().to_owned());
    Ok(Content::Media(Media {
        kind,
        media_id: id.as_str().to_owned(),
        mime: plain(&attachment.mime_type),
        sha256: plain(&attachment.sha256),
        caption: non_empty(attachment.caption.as_ref()),
        filename: non_empty(attachment.filename.as_ref()),
        voice: said.kind.as_str() == "voice" || attachment.voice.unwrap_or(false),
    }))
}

fn location(said: &Said<'_>) -> Result<Content, Why> {
    const WHY: Why = "a location without coordinates";
    let place: Location<'_> = said.location.and_then(object).ok_or(WHY)?;
    let on_earth = place.latitude.abs() <= 90.0 && place.longitude.abs() <= 180.0;
    if !on_earth {
        return Err("a location that is not on earth");
    }
    Ok(Content::Location {
        latitude: place.latitude,
        longitude: place.longitude,
        name: non_empty(place.name.as_ref()),
        address: non_empty(place.address.as_ref()),
    })
}

/// Cards are third persons. Only one that says that it answers our own request
/// gives the sender's number.
fn contacts(said: &Said<'_>) -> Result<Content, Why> {
    let raw = said.contacts.and_then(elements);
    let raw = raw.ok_or("contacts without a list of cards")?;
    let cards: Vec<Card<'_>> = raw.into_iter().filter_map(object).collect();
    let named = cards.iter().map(|card| {
        let name = card.name.as_ref();
        let name = non_empty(name.and_then(|name| name.formatted_name.as_ref()));
        (name, number_on(card))
    });
    let (names, phones) = named
        .filter(|(name, phone)| name.is_some() || phone.is_some())
        .map(|(name, phone)| (name.unwrap_or("".into()), phone.unwrap_or("".into())))
        .unzip();
    let own_number = cards
        .iter()
        .filter(|card| card.origin.as_ref().map(Words::as_str) == Some("contact_request"))
        .flat_map(|card| &card.phones)
        .find_map(|phone| {
            let told = [&phone.wa_id, &phone.phone];
            told.into_iter()
                .flatten()
                .find_map(|words| digits(words.as_str()))
        });
    Ok(Content::Contacts {
        names,
        phones,
        own_number,
    })
}

/// The first number on a card as a person would write it: WhatsApp's own form of
/// it, which is whole, before what the sender typed.
fn number_on(card: &Card<'_>) -> Option<Private<String>> {
    card.phones.iter().find_map(|phone| {
        let whole = phone.wa_id.as_ref().and_then(|id| digits(id.as_str()));
        let whole = whole.map(|id| Private::new(format!("+{}", id.expose())));
        let typed = phone.phone.as_ref().map(Words::as_str);
        let typed = typed.filter(|text| text.chars().any(|c| c.is_ascii_digit()));
        whole.or_else(|| {
            let cut: String = typed?.chars().take(NUMBER_CHARS_MAX).collect();
            Some(cut.trim().to_owned().into())
        })
    })
}

/// The number on a card, which people write with spaces and brackets.
fn digits(text: &str) -> Option<Private<String>> {
    let bare: String = text
        .chars()
        .filter(|c| !" -().\u{a0}".contains(*c))
        .collect();
    phone::parse_international(&bare)
}

fn reaction(said: &Said<'_>) -> Result<Content, Why> {
    const WHY: Why = "a reaction without its message";
    let reaction: Reaction<'_> = said.reaction.and_then(object).ok_or(WHY)?;
    Ok(Content::Reaction {
        target: owned(&reaction.message_id),
        emoji: non_empty(reaction.emoji.as_ref()),
    })
}

/// A change of number, by both names it has been given.
const CHANGED_NUMBER: &str = "user_changed_number";
const CHANGED_NUMBER_TOO: &str = "customer_changed_number";

fn system(said: &Said<'_>) -> Result<Content, Why> {
    const WHY: Why = "a system message without its part";
    let system: System<'_> = said.system.and_then(object).ok_or(WHY)?;
    let kind = system.kind.as_ref().map_or("", Words::as_str);
    let named = [&system.wa_id, &system.new_wa_id];
    let number = named
        .into_iter()
        .flatten()
        .find_map(|words| phone::parse_international(words.as_str()));
    let bsuid = system
        .user_id
        .as_ref()
        .filter(|words| is_bsuid(words.as_str()))
        .map(owned);
    let change = match (kind, number, bsuid) {
        ("customer_identity_changed", _, _) => SystemChange::IdentityChanged,
        ("user_changed_user_id", _, Some(bsuid)) => SystemChange::UserIdChanged { bsuid },
        ("user_changed_user_id", _, None) => return Err("a new user id that is not told"),
        (CHANGED_NUMBER | CHANGED_NUMBER_TOO, Some(phone), bsuid) => {
            SystemChange::NumberChanged { phone, bsuid }
        }
        (CHANGED_NUMBER | CHANGED_NUMBER_TOO, None, Some(bsuid)) => {
            SystemChange::UserIdChanged { bsuid }
        }
        (CHANGED_NUMBER | CHANGED_NUMBER_TOO, None, None) => {
            return Err("a new number that is not told");
        }
        (other, _, _) => SystemChange::Other { what: word(other) },
    };
    Ok(Content::System(change))
}

fn unsupported(said: &Said<'_>) -> Content {
    let part: Option<Unsupported<'_>> = said.unsupported.and_then(object);
    let kind = part.and_then(|part| part.kind);
    Content::Unsupported {
        what: kind.map_or_else(|| "unknown".to_owned(), |kind| word(kind.as_str())),
    }
}

fn edit(said: &Said<'_>) -> Result<Content, Why> {
    let edit: Edit<'_> = said
        .edit
        .and_then(object)
        .ok_or("an edit without its original or its new words")?;
    let now: Said<'_> = object(edit.message).ok_or("an edit without a type")?;
    if now.kind.as_str() == "edit" {
        return Err("an edit of an edit");
    }
    Ok(Content::Edit {
        original: owned(&edit.original_message_id),
        content: Box::new(read_plain(&now)?),
    })
}

fn revoke(said: &Said<'_>) -> Result<Content, Why> {
    const WHY: Why = "a deletion without its original";
    let revoke: Revoke<'_> = said.revoke.and_then(object).ok_or(WHY)?;
    Ok(Content::Revoke {
        original: owned(&revoke.original_message_id),
    })
}
