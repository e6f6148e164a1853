//! The people with phones: how WhatsApp names them, and what state their phone
//! is in. A hidden number must never get into a webhook.

use super::rates::PairUse;
use super::thread::{Direction, Entry, Thread, Ticks};
use crate::core::time::UnixMs;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A phone number's digits, with country code and without plus.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Number(String);

impl Number {
    /// Reads 7 to 15 digits, with or without a plus in front.
    pub fn parse(text: &str) -> Option<Self> {
        crate::core::phone::parse_international(text).map(|digits| Self(digits.into_inner()))
    }

    /// The digits.
    pub fn digits(&self) -> &str {
        &self.0
    }
}

/// A person, for as long as the simulator runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PersonId(pub u32);

/// One person and their phone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Person {
    /// The phone's number.
    pub number: Number,
    /// The business-scoped user id.
    pub user_id: String,
    /// Whether webhooks tell the user id at all (older payloads don't).
    pub tells_user_id: bool,
    /// The user name, if the person took one.
    pub username: Option<String>,
    /// The name in the profile.
    pub name: String,
    /// Whether the clinic is told the user id only.
    pub hides_number: bool,
    /// Whether the phone is on and connected.
    pub online: bool,
    /// When the person last wrote or called.
    pub wrote_at: Option<UnixMs>,
    /// What the clinic's messages to them have used up.
    pub pair: PairUse,
    /// Until when "typing…" is shown.
    pub typing_until: UnixMs,
    /// The chat.
    pub thread: Thread,
}

impl Person {
    /// What a wamid of theirs is made of.
    pub fn inner_name(&self) -> &str {
        if self.hides_number {
            &self.user_id
        } else {
            self.number.digits()
        }
    }

    /// What the phone shows: what the clinic sent is not there before it is
    /// delivered.
    pub fn visible(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.thread.entries().filter(|entry| {
            entry.direction == Direction::ToClinic
                || matches!(entry.ticks, Ticks::Delivered | Ticks::Read)
        })
    }

    /// Messages from the clinic the person has not looked at.
    pub fn unread(&self) -> usize {
        self.thread
            .entries()
            .filter(|entry| entry.direction == Direction::ToPhone)
            .filter(|entry| entry.ticks == Ticks::Delivered)
            .count()
    }

    /// The element of `contacts[]` that names them.
    pub fn contact(&self) -> Value {
        let mut profile = Map::new();
        profile.insert("name".into(), json!(self.name));
        if let Some(username) = &self.username {
            profile.insert("username".into(), json!(username));
        }
        let mut contact = Map::new();
        contact.insert("profile".into(), Value::Object(profile));
        self.name_into(&mut contact, "wa_id", "user_id");
        Value::Object(contact)
    }

    /// Puts number and user id, as far as they are told, into `fields`.
    pub fn name_into(&self, fields: &mut Map<String, Value>, number: &str, user_id: &str) {
        if !self.hides_number {
            fields.insert(number.into(), json!(self.number.digits()));
        }
        if self.tells_user_id || self.hides_number {
            fields.insert(user_id.into(), json!(self.user_id));
        }
    }
}

/// All of them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct People {
    all: BTreeMap<PersonId, Person>,
    by_number: BTreeMap<Number, PersonId>,
    by_user_id: BTreeMap<String, PersonId>,
}

impl People {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// Adds a person whose number nobody has yet.
    pub fn add(&mut self, person: Person) -> PersonId {
        let id = PersonId(u32::try_from(self.all.len()).unwrap_or(u32::MAX));
        self.by_number.insert(person.number.clone(), id);
        self.by_user_id.insert(person.user_id.clone(), id);
        self.all.insert(id, person);
        id
    }

    /// Who has this number.
    pub fn find(&self, number: &Number) -> Option<PersonId> {
        self.by_number.get(number).copied()
    }

    /// Who has this number or user id.
    pub fn find_named(&self, name: &str) -> Option<PersonId> {
        match Number::parse(name) {
            Some(number) => self.find(&number),
            None => self.by_user_id.get(name).copied(),
        }
    }

    /// A person.
    pub fn get(&self, id: PersonId) -> Option<&Person> {
        self.all.get(&id)
    }

    /// A person, to be changed in all but their names.
    pub fn get_mut(&mut self, id: PersonId) -> Option<&mut Person> {
        self.all.get_mut(&id)
    }

    /// Everybody, in order of arrival.
    pub fn iter(&self) -> impl Iterator<Item = (PersonId, &Person)> {
        self.all.iter().map(|(id, person)| (*id, person))
    }

    /// Gives a person another number; false if somebody has it.
    pub fn renumber(&mut self, id: PersonId, number: Number) -> bool {
        if self.by_number.contains_key(&number) {
            return false;
        }
        let Some(person) = self.all.get_mut(&id) else {
            return false;
        };
        self.by_number.remove(&person.number);
        self.by_number.insert(number.clone(), id);
        person.number = number;
        true
    }

    /// Gives a person another user id.
    pub fn rename_user(&mut self, id: PersonId, user_id: String) {
        if let Some(person) = self.all.get_mut(&id) {
            self.by_user_id.remove(&person.user_id);
            self.by_user_id.insert(user_id.clone(), id);
            person.user_id = user_id;
        }
    }
}
