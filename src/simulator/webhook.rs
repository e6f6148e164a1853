//! Composes webhook bodies out of single updates. Updates must keep their
//! order inside a body; a change holds messages or statuses, never both.

use super::person::PersonId;
use super::settings::Settings;
use super::sign::escape;
use crate::core::time::UnixMs;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;

/// One thing a webhook tells.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Update {
    /// A message from a person, or about their account.
    Message {
        /// The element of `messages[]`.
        message: Value,
        /// The element of `contacts[]`; system messages have none.
        contact: Option<Value>,
        /// Whose chat it stands in, and its id there.
        mark: Option<(PersonId, String)>,
    },
    /// News of a message from the clinic: an element of `statuses[]`.
    Status(Value),
    /// A change of another field, whole.
    Field {
        /// Its name.
        field: Cow<'static, str>,
        /// Its value.
        value: Value,
        /// When Meta says it; what tells the time itself leaves it out.
        #[serde(default)]
        at: Option<UnixMs>,
    },
    /// A whole body, exactly as it shall be sent.
    Raw(Vec<u8>),
}

impl Update {
    /// Whose chat the message it tells stands in, and its id there.
    pub fn mark(&self) -> Option<(PersonId, String)> {
        match self {
            Self::Message { mark, .. } => mark.clone(),
            Self::Status(_) | Self::Field { .. } | Self::Raw(_) => None,
        }
    }
}

/// The body that tells `updates`, escaped as Meta does.
pub fn body(settings: &Settings, updates: &[Update]) -> Vec<u8> {
    if let [Update::Raw(bytes)] = updates {
        return bytes.clone();
    }
    let entry = updates.chunk_by(same_kind).map(|run| Entry {
        changes: [change(settings, run)],
        id: &settings.business_account_id,
        time: said_at(run),
    });
    let body = Body {
        entry: entry.collect(),
        object: "whatsapp_business_account",
    };
    let json = serde_json::to_string(&body).expect("texts and JSON values become JSON");
    escape(&json).into_bytes()
}

const fn same_kind(one: &Update, other: &Update) -> bool {
    matches!(
        (one, other),
        (Update::Message { .. }, Update::Message { .. }) | (Update::Status(_), Update::Status(_))
    )
}

/// A body on its way out. Its fields, as those below, stand in the order of
/// the alphabet, in which JSON values write theirs.
#[derive(Serialize)]
struct Body<'a> {
    entry: Vec<Entry<'a>>,
    object: &'static str,
}

#[derive(Serialize)]
struct Entry<'a> {
    changes: [Change<'a>; 1],
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<i64>,
}

#[derive(Serialize)]
struct Change<'a> {
    field: &'a str,
    value: Told<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Told<'a> {
    /// Messages and statuses.
    Messages(Messages<'a>),
    /// What another field holds.
    Other(&'a Value),
}

#[derive(Serialize)]
struct Messages<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    contacts: Vec<&'a Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<&'a Value>,
    messaging_product: &'static str,
    metadata: Metadata<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    statuses: Vec<&'a Value>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    display_phone_number: &'a str,
    phone_number_id: &'a str,
}

/// When news of the account were said, seconds since 1970.
fn said_at(run: &[Update]) -> Option<i64> {
    let [Update::Field { at: Some(at), .. }] = run else {
        return None;
    };
    Some(at.0.div_euclid(1_000))
}

fn change<'a>(settings: &'a Settings, run: &'a [Update]) -> Change<'a> {
    if let [Update::Field { field, value, .. }] = run {
        let value = Told::Other(value);
        return Change { field, value };
    }
    let mut told = Messages {
        contacts: Vec::new(),
        messages: Vec::new(),
        messaging_product: "whatsapp",
        metadata: Metadata {
            display_phone_number: &settings.display_phone_number,
            phone_number_id: &settings.phone_number_id,
        },
        statuses: Vec::new(),
    };
    for update in run {
        match update {
            Update::Message {
                message, contact, ..
            } => {
                told.messages.push(message);
                let new = contact.iter().find(|one| !told.contacts.contains(one));
                told.contacts.extend(new);
            }
            Update::Status(status) => told.statuses.push(status),
            Update::Field { .. } | Update::Raw(_) => {}
        }
    }
    Change {
        field: "messages",
        value: Told::Messages(told),
    }
}
