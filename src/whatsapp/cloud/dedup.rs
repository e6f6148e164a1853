//! What makes an item the same item when it comes again.
//!
//! Meta repeats a webhook for up to seven days, batched differently if it
//! likes, so a key is made of the item and never of its place in the body.
//! Keys are private: a message id decodes to a phone number.

use crate::core::private::Private;
use crate::whatsapp::json::Raw;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Where an item stood: its account, its field and the number it came to.
#[derive(Clone, Copy)]
pub struct Place<'p> {
    /// The account's id (`entry[].id`), with the entry's time where it tells.
    pub account: &'p str,
    /// The change's field.
    pub field: &'p str,
    /// The channel's number, where the change tells.
    pub number: Option<&'p str>,
}

impl Place<'_> {
    /// The key of a message.
    pub fn message(self, id: &str) -> Private<String> {
        self.named("message", id, "")
    }

    /// The key of a status: one message yields several.
    pub fn status(self, id: &str, status: &str) -> Private<String> {
        self.named("status", id, status)
    }

    /// The key of a call: one call yields several events.
    pub fn call(self, id: &str, event: &str) -> Private<String> {
        self.named("call", id, event)
    }

    /// The key of anything without an id of its own: a digest of what it says,
    /// however it is spaced or ordered. None if it is nested too deeply.
    pub fn other(self, value: Raw<'_>) -> Option<Private<String>> {
        let value: Value = serde_json::from_str(value.get()).ok()?;
        let mut canonical = String::new();
        write_canonical(&value, &mut canonical);
        let mut hash = Sha256::new();
        for part in [self.account, self.field, &canonical] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let digest = hex::encode(hash.finalize());
        Some(Private::from(format!("other:{digest}")))
    }

    fn named(self, kind: &str, id: &str, more: &str) -> Private<String> {
        let colon = if more.is_empty() { "" } else { ":" };
        let number = self.number.unwrap_or_default();
        Private::from(format!("{kind}:{number}:{id}{colon}{more}"))
    }
}

/// The key of what could not be understood: its bytes. It has no part in the
/// keys of sound items, so that a bad twin never hides a good message.
pub fn malformed(raw: &[u8]) -> Private<String> {
    let digest = hex::encode(Sha256::digest(raw));
    Private::from(format!("malformed:{digest}"))
}

/// Writes a value with sorted keys and without spaces. Its depth is bounded by
/// the JSON reader that made it.
fn write_canonical(value: &Value, to: &mut String) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            to.push_str(&value.to_string());
        }
        Value::Array(list) => {
            to.push('[');
            for element in list {
                write_canonical(element, to);
                to.push(',');
            }
            to.push(']');
        }
        Value::Object(map) => {
            let mut keys: Vec<(&String, &Value)> = map.iter().collect();
            keys.sort_by(|a, b| a.0.cmp(b.0));
            to.push('{');
            for (key, member) in keys {
                to.push_str(&Value::from(key.as_str()).to_string());
                to.push(':');
                write_canonical(member, to);
                to.push(',');
            }
            to.push('}');
        }
    }
}
