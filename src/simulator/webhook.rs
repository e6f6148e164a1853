//! Composes webhook bodies out of single updates. Updates must keep their
//! order inside a body; a change holds messages or statuses, never both.

use super::person::PersonId;
use super::settings::Settings;
use super::sign::escape;
use serde_json::{Value, json};

/// One thing a webhook tells.
#[derive(Clone, Debug)]
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
        field: &'static str,
        /// Its value.
        value: Value,
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
    let mut changes: Vec<Value> = Vec::new();
    let mut run: Vec<&Update> = Vec::new();
    for update in updates {
        if run.first().is_some_and(|first| !same_kind(first, update)) {
            changes.push(change(settings, &run));
            run.clear();
        }
        run.push(update);
    }
    if !run.is_empty() {
        changes.push(change(settings, &run));
    }
    let entries: Vec<Value> = changes
        .into_iter()
        .map(|change| json!({ "id": settings.business_account_id, "changes": [change] }))
        .collect();
    let body = json!({ "object": "whatsapp_business_account", "entry": entries });
    escape(&body.to_string()).into_bytes()
}

const fn same_kind(one: &Update, other: &Update) -> bool {
    matches!(
        (one, other),
        (Update::Message { .. }, Update::Message { .. }) | (Update::Status(_), Update::Status(_))
    )
}

fn change(settings: &Settings, run: &[&Update]) -> Value {
    if let [Update::Field { field, value }] = run {
        return json!({ "field": field, "value": value });
    }
    let mut value = json!({
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": settings.display_phone_number,
            "phone_number_id": settings.phone_number_id,
        },
    });
    let mut contacts: Vec<Value> = Vec::new();
    let (mut messages, mut statuses) = (Vec::new(), Vec::new());
    for update in run {
        match update {
            Update::Message {
                message, contact, ..
            } => {
                messages.push(message.clone());
                contacts.extend(contact.clone().filter(|one| !contacts.contains(one)));
            }
            Update::Status(status) => statuses.push(status.clone()),
            Update::Field { .. } | Update::Raw(_) => {}
        }
    }
    if let Some(fields) = value.as_object_mut() {
        for (name, list) in [
            ("contacts", contacts),
            ("messages", messages),
            ("statuses", statuses),
        ] {
            if !list.is_empty() {
                fields.insert(name.into(), Value::Array(list));
            }
        }
    }
    json!({ "field": "messages", "value": value })
}
