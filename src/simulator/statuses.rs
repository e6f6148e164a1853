//! Statuses as webhooks tell them. The sender's own key must be in each of
//! them, exactly as it came.

use super::agenda::{Outbound, Step};
use super::person::Person;
use crate::core::time::UnixMs;
use serde_json::{Map, Value, json};

/// The element of `statuses[]` for one step of a message.
pub fn status(message: &Outbound, step: &Step, person: Option<&Person>, at: UnixMs) -> Value {
    let mut fields = Map::new();
    fields.insert("id".into(), json!(message.wamid));
    fields.insert("status".into(), json!(word(step)));
    fields.insert("timestamp".into(), json!(seconds(at)));
    match person {
        Some(person) => person.name_into(&mut fields, "recipient_id", "recipient_user_id"),
        None => {
            fields.insert("recipient_id".into(), json!(message.addressed));
        }
    }
    if let Some(callback) = &message.callback {
        fields.insert("biz_opaque_callback_data".into(), json!(callback));
    }
    match step {
        Step::Failed(error) => {
            fields.insert("errors".into(), json!([error.in_status()]));
            if person.is_some_and(|person| !person.hides_number) {
                fields.remove("recipient_user_id");
            }
        }
        Step::Sent | Step::Delivered | Step::Read => {
            let pricing = json!({
                "billable": true,
                "pricing_model": "PMP",
                "type": "regular",
                "category": message.category,
            });
            fields.insert("pricing".into(), pricing);
        }
    }
    Value::Object(fields)
}

/// An instant as webhooks write it: whole seconds, in a string.
pub fn seconds(at: UnixMs) -> String {
    at.0.div_euclid(1_000).to_string()
}

const fn word(step: &Step) -> &'static str {
    match step {
        Step::Sent => "sent",
        Step::Delivered => "delivered",
        Step::Read => "read",
        Step::Failed(_) => "failed",
    }
}
