//! What people do with their phones. A message from a phone opens the 24-hour
//! window whether or not the clinic can hear of it.

use super::inbound::{Attached, Said, message, quick_reply, tapped};
use super::person::{Number, Person, PersonId};
use super::rates::PairUse;
use super::statuses::seconds;
use super::thread::{Bubble, Direction, Entry, Thread, Ticks};
use super::wamid::{self, Way};
use super::webhook::Update;
use super::world::{World, WorldError};
use crate::core::time::UnixMs;
use serde_json::{Value, json};

/// What a new phone is like.
#[derive(Clone, Debug, Default)]
pub struct NewPerson {
    /// The number; one is drawn if it is left out.
    pub number: Option<String>,
    /// The name in the profile.
    pub name: Option<String>,
    /// The user name.
    pub username: Option<String>,
    /// Whether the clinic is told the user id only.
    pub hides_number: bool,
    /// Whether webhooks leave the user id out, as older ones do.
    pub number_only: bool,
    /// The business-scoped user id; one is drawn if it is left out.
    pub user_id: Option<String>,
    /// When the person last wrote, for one who comes back.
    pub wrote_at: Option<UnixMs>,
}

impl World {
    /// Adds a phone and returns its number.
    ///
    /// # Errors
    /// The number is none or is taken, or there are too many phones.
    pub fn add_phone(&mut self, new: NewPerson) -> Result<Number, WorldError> {
        if self.people.count() >= self.settings.limits.phones {
            return Err(WorldError::TooManyPhones);
        }
        let number = match &new.number {
            Some(text) => self.a_patients(text)?,
            None => self.draw_number()?,
        };
        if self.people.find(&number).is_some() {
            return Err(WorldError::NumberTaken);
        }
        let name = new
            .name
            .unwrap_or_else(|| format!("Phone {}", self.people.count() + 1));
        let user_id = new.user_id.unwrap_or_else(|| self.draw_user_id());
        self.people.add(Person {
            number: number.clone(),
            user_id,
            tells_user_id: !new.number_only,
            username: new.username,
            name,
            hides_number: new.hides_number,
            online: true,
            wrote_at: new.wrote_at,
            pair: PairUse::default(),
            typing_until: UnixMs(0),
            thread: Thread::default(),
        });
        self.changed();
        Ok(number)
    }

    /// A number that is not the clinic's own: nobody writes to themselves.
    fn a_patients(&self, text: &str) -> Result<Number, WorldError> {
        let number = Number::parse(text).ok_or(WorldError::BadNumber)?;
        if number.digits() == self.settings.display_phone_number {
            return Err(WorldError::ClinicsNumber);
        }
        Ok(number)
    }

    /// The person says or does something; a number nobody has becomes a new
    /// phone. Returns the message's id.
    ///
    /// # Errors
    /// The number is none, or the chat has nothing of the kind to answer.
    pub fn phone_writes(
        &mut self,
        name: &str,
        said: &Said,
        reply_to: Option<&str>,
        now: UnixMs,
    ) -> Result<String, WorldError> {
        self.advance(now);
        let id = self.person_or_new(name)?;
        let attached = said
            .mime()
            .map(|mime| self.media.attach(mime, &mut self.dice));
        let display = self.settings.display_phone_number.clone();
        let max = self.settings.limits.thread;
        let per_second = self.settings.limits.per_second;
        let person = self.people.get_mut(id).ok_or(WorldError::NoSuchPhone)?;
        let mut shape = Shape::of(person, said, attached.as_ref(), reply_to)?;
        let wamid = wamid::make(person.inner_name(), Way::In, &mut self.dice);
        // Whether anything else opens the window is nowhere said: here it does
        // not, so that a clinic which counts on it is refused.
        if said.bubble().is_some() {
            person.wrote_at = Some(now);
        }
        shape.apply(person, said)?;
        if let Some(bubble) = shape.bubble.take() {
            let entry = Entry {
                id: wamid.clone(),
                direction: Direction::ToClinic,
                at: now,
                ticks: Ticks::Sent,
                quoted: shape.quoted.clone(),
                bubble,
                reaction: None,
                edited: false,
                template_text: None,
                outbound: None,
            };
            person.thread.push(entry, max);
        }
        let context = shape
            .quoted
            .map(|quoted| json!({ "from": display, "id": quoted }));
        let update = Update::Message {
            message: message(person, &wamid, context, shape.fields, now),
            contact: Some(person.contact()),
            mark: Some((id, wamid.clone())),
        };
        self.throughput.count(now, per_second);
        self.tell(update, now);
        self.open_chat(id, now);
        self.changed();
        Ok(wamid)
    }

    /// The person looks at the chat.
    ///
    /// # Errors
    /// Nobody has this number.
    pub fn phone_reads(&mut self, name: &str, now: UnixMs) -> Result<(), WorldError> {
        self.advance(now);
        let id = self.find_person(name)?;
        self.open_chat(id, now);
        Ok(())
    }

    /// The person calls the clinic; that opens the window like a message.
    ///
    /// # Errors
    /// Nobody has this number.
    pub fn phone_calls(&mut self, name: &str, now: UnixMs) -> Result<(), WorldError> {
        let id = self.find_person(name)?;
        let call = wamid::make("call", Way::In, &mut self.dice);
        let person = self.people.get_mut(id).ok_or(WorldError::NoSuchPhone)?;
        person.wrote_at = Some(now);
        let mut fields = serde_json::Map::new();
        person.name_into(&mut fields, "from", "from_user_id");
        fields.insert("id".into(), json!(call));
        fields.insert("event".into(), json!("connect"));
        fields.insert("direction".into(), json!("USER_INITIATED"));
        fields.insert("timestamp".into(), json!(seconds(now)));
        let value = json!({
            "messaging_product": "whatsapp",
            "metadata": {
                "display_phone_number": self.settings.display_phone_number,
                "phone_number_id": self.settings.phone_number_id,
            },
            "contacts": [person.contact()],
            "calls": [fields],
        });
        let field = "calls".into();
        let at = None;
        self.tell(Update::Field { field, value, at }, now);
        Ok(())
    }

    /// The phone is switched on or off.
    ///
    /// # Errors
    /// Nobody has this number.
    pub fn set_online(&mut self, name: &str, online: bool, now: UnixMs) -> Result<(), WorldError> {
        self.advance(now);
        let id = self.find_person(name)?;
        let person = self.people.get_mut(id).ok_or(WorldError::NoSuchPhone)?;
        let was = std::mem::replace(&mut person.online, online);
        if online && !was {
            self.connect(id, now);
        }
        self.changed();
        Ok(())
    }

    /// The person hides the number from the clinic, or shows it again.
    ///
    /// # Errors
    /// Nobody has this number.
    pub fn set_hidden(&mut self, name: &str, hidden: bool) -> Result<(), WorldError> {
        let id = self.find_person(name)?;
        let person = self.people.get_mut(id).ok_or(WorldError::NoSuchPhone)?;
        person.hides_number = hidden;
        self.changed();
        Ok(())
    }

    /// The person moves to another number: the clinic is told, and WhatsApp
    /// makes a new user id.
    ///
    /// # Errors
    /// The new number is none or is taken, or nobody has the old one.
    pub fn change_number(&mut self, name: &str, to: &str, now: UnixMs) -> Result<(), WorldError> {
        let number = self.a_patients(to)?;
        let id = self.find_person(name)?;
        let before = self.people.get(id).ok_or(WorldError::NoSuchPhone)?.clone();
        if !self.people.renumber(id, number.clone()) {
            return Err(WorldError::NumberTaken);
        }
        let body = format!(
            "{} changed from {} to {}",
            before.name,
            before.number.digits(),
            number.digits()
        );
        let system =
            json!({ "type": "user_changed_number", "wa_id": number.digits(), "body": body });
        self.tell_system(&before, system, now);
        self.change_user_id(number.digits(), now)
    }

    /// WhatsApp makes a new user id for the person, and tells it twice: in the
    /// chat and in a field of its own.
    ///
    /// # Errors
    /// Nobody has this number.
    pub fn change_user_id(&mut self, name: &str, now: UnixMs) -> Result<(), WorldError> {
        let id = self.find_person(name)?;
        let before = self.people.get(id).ok_or(WorldError::NoSuchPhone)?.clone();
        let current = self.draw_user_id();
        self.people.rename_user(id, current.clone());
        let system = json!({ "type": "user_changed_user_id", "user_id": current,
            "body": format!("{} has a new user id", before.name) });
        self.tell_system(&before, system, now);
        let mut update = json!({ "user_id": { "previous": before.user_id, "current": current },
            "timestamp": seconds(now) });
        if let (false, Some(fields)) = (before.hides_number, update.as_object_mut()) {
            let wa_id = self.people.get(id).map(|person| person.number.digits());
            fields.insert("wa_id".into(), json!(wa_id));
        }
        let value = json!({
            "messaging_product": "whatsapp",
            "metadata": {
                "display_phone_number": self.settings.display_phone_number,
                "phone_number_id": self.settings.phone_number_id,
            },
            "user_id_update": [update],
        });
        let field = "user_id_update".into();
        let at = None;
        self.tell(Update::Field { field, value, at }, now);
        self.changed();
        Ok(())
    }

    /// Posts any bytes as a signed webhook of their own.
    pub fn inject(&mut self, body: Vec<u8>, now: UnixMs) {
        self.tell(Update::Raw(body), now);
    }

    fn tell_system(&mut self, before: &Person, system: Value, now: UnixMs) {
        let wamid = wamid::make(before.inner_name(), Way::In, &mut self.dice);
        let fields = json!({ "type": "system", "system": system });
        let update = Update::Message {
            message: message(before, &wamid, None, fields, now),
            contact: None,
            mark: None,
        };
        self.tell(update, now);
    }

    fn person_or_new(&mut self, name: &str) -> Result<PersonId, WorldError> {
        if let Some(id) = self.people.find_named(name) {
            return Ok(id);
        }
        let new = NewPerson {
            number: Some(name.to_owned()),
            ..NewPerson::default()
        };
        let number = self.add_phone(new)?;
        self.people.find(&number).ok_or(WorldError::NoSuchPhone)
    }

    fn draw_number(&mut self) -> Result<Number, WorldError> {
        let digits = format!("24397{}", self.dice.digits(7));
        Number::parse(&digits).ok_or(WorldError::BadNumber)
    }

    fn draw_user_id(&mut self) -> String {
        format!("CD.{}", self.dice.digits(16))
    }
}

/// What an act of a person comes to.
struct Shape {
    fields: Value,
    quoted: Option<String>,
    bubble: Option<Bubble>,
}

impl Shape {
    fn of(
        person: &Person,
        said: &Said,
        attached: Option<&Attached>,
        reply_to: Option<&str>,
    ) -> Result<Self, WorldError> {
        if let Said::Tap(id) = said {
            let (entry, tap) = person.thread.find_tap(id).ok_or(WorldError::NothingToTap)?;
            let description = tap.description.as_deref();
            let fields = if entry.is_template() {
                quick_reply(id, &tap.title)
            } else {
                tapped(entry.is_list(), id, &tap.title, description)
            };
            return Ok(Self {
                fields,
                quoted: Some(entry.id.clone()),
                bubble: Some(Bubble::Person {
                    kind: "tap".into(),
                    text: tap.title.clone(),
                }),
            });
        }
        let bubble = said.bubble();
        Ok(Self {
            fields: said.fields(person, attached),
            quoted: reply_to.map(str::to_owned),
            bubble: bubble.map(|(kind, text)| Bubble::Person {
                kind: kind.into(),
                text,
            }),
        })
    }

    /// Changes the earlier message an edit, a revoke or a reaction is about.
    fn apply(&self, person: &mut Person, said: &Said) -> Result<(), WorldError> {
        let (target, change): (&str, fn(&mut Entry, &Said)) = match said {
            Said::Edit { original, .. } => (original, |entry, said| {
                entry.edited = true;
                if let Said::Edit { text, .. } = said {
                    let text = text.clone();
                    let kind = "text".into();
                    entry.bubble = Bubble::Person { kind, text };
                }
            }),
            Said::Revoke(original) => (original, |entry, _| {
                let text = String::new();
                entry.bubble = Bubble::Person {
                    kind: "revoked".into(),
                    text,
                };
            }),
            Said::Reaction { target, .. } => (target, |entry, said| {
                if let Said::Reaction { emoji, .. } = said {
                    entry.reaction = Some(emoji.clone()).filter(|emoji| !emoji.is_empty());
                }
            }),
            Said::Text(_)
            | Said::Tap(_)
            | Said::QuickReply { .. }
            | Said::Form(_)
            | Said::Voice
            | Said::Image(_)
            | Said::Document(_)
            | Said::Sticker
            | Said::Location { .. }
            | Said::Card { .. }
            | Said::OwnNumber
            | Said::Unsupported(_)
            | Said::Welcome => return Ok(()),
        };
        let entry = person
            .thread
            .find_mut(target)
            .ok_or(WorldError::NoSuchMessage)?;
        change(entry, said);
        Ok(())
    }
}
