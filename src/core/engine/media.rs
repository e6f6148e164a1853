//! What messages hold beside words: media, places, cards, forms.
//!
//! A voice note or a photo is kept and flagged for staff; it is never an empty
//! answer. A form's answers are read like written ones, never trusted.

use super::effect::TaskKind;
use super::event::Received;
use super::session::Answer;
use super::turn::{Heard, Turn};
use super::{page, render};
use crate::core::answers::Value;
use crate::core::flow::{Field, FieldKind, Line};
use crate::core::id::InboxId;
use crate::core::inbound::{Content, Media, MediaKind};
use crate::core::limits;
use crate::core::private::Private;

/// Words of a person.
type Words = Private<String>;

/// Gathers a message as part of the answer to the question now open.
pub(super) fn gather(turn: &mut Turn<'_>, message: &Received) {
    let inbox = message.inbox;
    match &message.content {
        Content::Text { body } => turn.heard.text(inbox, body.as_str()),
        Content::Choice { title, .. } => turn.heard.text(inbox, title.as_str()),
        Content::Form { response_json } => form(turn, inbox, response_json.as_str()),
        Content::Media(media) => attachment(turn, inbox, media),
        Content::Location {
            latitude,
            longitude,
            name,
            address,
        } => {
            let named = name.iter().chain(address).map(|t| t.as_str());
            let text = render::place(*latitude, *longitude, named);
            place(turn, inbox, text);
        }
        // Their own number, at our request: it is linked, and answers nothing else.
        Content::Contacts {
            own_number: Some(_),
            ..
        } => turn.ask = true,
        Content::Contacts {
            names,
            phones,
            own_number: None,
        } => card(turn, inbox, names, phones),
        Content::Unsupported { .. } | Content::Other { .. } => unreadable(turn, inbox),
        Content::Welcome
        | Content::Reaction { .. }
        | Content::Edit { .. }
        | Content::Revoke { .. }
        | Content::System(_) => {}
    }
}

fn unreadable(turn: &mut Turn<'_>, inbox: InboxId) {
    turn.keep(inbox);
    if wants_words(turn) {
        turn.ask = true;
    }
}

/// Says that it takes words; once in a while, since each reply costs money and
/// a row of stickers is one matter. Says whether it did.
fn wants_words(turn: &mut Turn<'_>) -> bool {
    let now = turn.now.at;
    let said = turn.session.words_wanted;
    if said.is_some_and(|said| (0..limits::WORDS_WANTED_MS).contains(&now.ms_since(said))) {
        return false;
    }
    turn.session.words_wanted = Some(now);
    turn.lead(Line::Unsupported);
    true
}

/// A reaction answers nothing. One to the open question is likely meant to: the
/// question comes once more.
pub(super) fn reacted(turn: &mut Turn<'_>, message: &Received) {
    let taken_back = matches!(message.content, Content::Reaction { emoji: None, .. });
    let open = turn.session.asked.is_some() && !turn.session.stopped;
    if message.quotes_question && open && !taken_back && wants_words(turn) {
        turn.ask_again();
    }
}

fn attachment(turn: &mut Turn<'_>, inbox: InboxId, media: &Media) {
    if let Some(caption) = &media.caption {
        turn.heard.text(inbox, caption.as_str());
    }
    match media.kind {
        MediaKind::Audio => turn.heard.voices.push(inbox),
        MediaKind::Image | MediaKind::Video | MediaKind::Document => {
            turn.heard.attachments.push(inbox);
        }
        MediaKind::Sticker => unreadable(turn, inbox),
    }
}

fn place(turn: &mut Turn<'_>, inbox: InboxId, text: Option<String>) {
    let field = open_field(turn, FieldKind::Locality);
    match (field, text) {
        (Some(field), Some(text)) => {
            let text = text.into();
            turn.heard.give(field, inbox, Value::Text { text });
        }
        (Some(_) | None, Some(_) | None) => kept(turn, inbox),
    }
}

/// A contact card is a third person, and whom to call where that is asked. What
/// of the cards could not be taken over (a number that is none here, a second
/// card) is shown with the message: staff take it over from there.
fn card(turn: &mut Turn<'_>, inbox: InboxId, names: &[Words], phones: &[Words]) {
    let field = open_field(turn, FieldKind::EmergencyContact);
    let person = field.and_then(|field| person_on(turn, field, names.first(), phones.first()));
    let whole = names.len() == 1 && matches!(person, Some(Value::Contact { .. }));
    if !whole {
        let record = turn.record();
        turn.task(TaskKind::LookAtAttachment { inbox, record });
    }
    match (field, person) {
        (Some(field), Some(person)) => {
            if !whole {
                turn.keep(inbox);
            }
            turn.heard.give(field, inbox, person);
        }
        (Some(_) | None, Some(_) | None) => kept(turn, inbox),
    }
}

/// The person on a card, with the number read as one that is written. A number
/// that cannot be read stands beside the name as it is.
fn person_on(
    turn: &Turn<'_>,
    field: &Field,
    name: Option<&Words>,
    phone: Option<&Words>,
) -> Option<Value> {
    let named = name.filter(|name| !name.as_str().trim().is_empty());
    let phone = phone.map_or("", Words::as_str);
    let read = page::read_fields(turn, &[field], phone).into_iter().next();
    match (read, named) {
        (Some(Ok(Value::Contact { phone, .. })), _) => Some(Value::Contact {
            name: named.cloned(),
            phone,
        }),
        (Some(_) | None, Some(name)) => Some(Value::Text {
            text: Words::new(format!("{} {phone}", name.as_str()).trim().to_owned()),
        }),
        (Some(_) | None, None) => None,
    }
}

fn kept(turn: &mut Turn<'_>, inbox: InboxId) {
    turn.keep(inbox);
    turn.lead(Line::KeptForStaff);
    turn.ask = true;
}

/// A field of this kind that was asked for and waits for its answer.
fn open_field<'a>(turn: &Turn<'a>, kind: FieldKind) -> Option<&'a Field> {
    let flow = turn.flow;
    turn.session.draft.as_ref()?;
    let asked = &turn.session.asked.as_ref()?.fields;
    let open = |field: &&Field| {
        field.kind == kind
            && asked.contains(&field.id)
            && turn.value(&field.id).is_none()
            && page::applies(turn, field)
    };
    flow.fields().find(open)
}

/// A completed form: known field ids are read, the rest is kept for staff.
fn form(turn: &mut Turn<'_>, inbox: InboxId, json: &str) {
    let parsed: Result<serde_json::Value, _> = serde_json::from_str(json);
    let Ok(serde_json::Value::Object(entries)) = parsed else {
        return unreadable(turn, inbox);
    };
    let mut taken = false;
    for (id, entry) in &entries {
        let Some(field) = turn.flow.find_field(id) else {
            continue;
        };
        let Some(text) = render::json_words(entry) else {
            continue;
        };
        let read = page::read_fields(turn, &[field], &text);
        if let Some(Ok(value)) = read.into_iter().next() {
            let from = vec![inbox];
            let answer = Answer { value, from };
            turn.heard.given.push((field.id.clone(), answer));
            taken = true;
        }
    }
    if !taken {
        kept(turn, inbox);
    }
}

/// Gives staff what only they can hear or see.
pub(super) fn note(turn: &mut Turn<'_>, heard: &Heard) {
    if heard.is_spoken() {
        turn.lead(Line::KeptForStaff);
    }
    if turn.session.consent.is_none() {
        return;
    }
    let record = turn.record();
    for inbox in &heard.voices {
        let (inbox, record) = (*inbox, record.clone());
        turn.keep_spoken(inbox);
        turn.task(TaskKind::ListenToVoice { inbox, record });
    }
    for inbox in &heard.attachments {
        let (inbox, record) = (*inbox, record.clone());
        turn.keep_spoken(inbox);
        turn.task(TaskKind::LookAtAttachment { inbox, record });
    }
}

impl Heard {
    fn text(&mut self, inbox: InboxId, text: &str) {
        self.texts.push((inbox, text.to_owned()));
    }

    fn give(&mut self, field: &Field, inbox: InboxId, value: Value) {
        let from = vec![inbox];
        self.given.push((field.id.clone(), Answer { value, from }));
    }

    /// Whether nothing came that could be an answer.
    pub(super) const fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.given.is_empty() && !self.is_spoken()
    }

    /// A message was deleted by its sender.
    pub(super) fn withdraw(&mut self, message: InboxId) {
        self.texts.retain(|(inbox, _)| *inbox != message);
        self.voices.retain(|inbox| *inbox != message);
        self.attachments.retain(|inbox| *inbox != message);
        self.given
            .retain(|(_, answer)| !answer.from.contains(&message));
    }

    /// Whether something came that only staff can hear or see.
    pub(super) const fn is_spoken(&self) -> bool {
        !self.voices.is_empty() || !self.attachments.is_empty()
    }

    /// Everything written, a line each.
    pub(super) fn joined(&self) -> String {
        let texts: Vec<&str> = self.texts.iter().map(|(_, text)| text.as_str()).collect();
        texts.join("\n")
    }

    /// An answer read from all that was written.
    pub(super) fn answer(&self, value: Value) -> Answer {
        let from = self.texts.iter().map(|(inbox, _)| *inbox).collect();
        Answer { value, from }
    }
}
