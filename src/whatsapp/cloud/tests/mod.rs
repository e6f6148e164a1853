//! What Meta sends, in invented data, and what must be understood of it. The
//! people, numbers and ids in here belong to nobody.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm
)]

mod client;
mod envelope;
mod hostile;
mod messages;
mod mistakes;
mod statuses;

use super::{parse, parse_of};
use crate::core::inbound::{Content, Identity, Inbound, Item, ReceivedItem};
use serde_json::{Value, json};

const NUMBER_ID: &str = "700100200300400";

/// A body with one value in one change.
fn envelope(field: &str, value: &Value) -> Vec<u8> {
    let body = json!({
        "object": "whatsapp_business_account",
        "entry": [{ "id": "900800700", "changes": [{ "field": field, "value": value }] }],
    });
    serde_json::to_vec(&body).unwrap()
}

/// The value that carries these messages.
fn messages(list: &[Value]) -> Value {
    json!({
        "messaging_product": "whatsapp",
        "metadata": { "display_phone_number": "+243 97 000-0001", "phone_number_id": NUMBER_ID },
        "contacts": [{
            "profile": { "name": "Amina Exemple", "username": "amina.exemple" },
            "wa_id": "243810000002", "user_id": "CD.5500011122233",
        }],
        "messages": list,
    })
}

/// The value that carries these statuses.
fn statuses(list: &[Value]) -> Value {
    json!({
        "messaging_product": "whatsapp",
        "metadata": { "display_phone_number": "243970000001", "phone_number_id": NUMBER_ID },
        "statuses": list,
    })
}

/// A message of this type with its part, from the usual patient.
fn message(kind: &str, part: &Value) -> Value {
    json!({
        "from": "243810000002", "id": "wamid.TEST1", "timestamp": "1795168800",
        "type": kind, kind: part,
    })
}

fn one(body: &[u8]) -> ReceivedItem {
    let mut items = parse(body);
    assert_eq!(items.len(), 1, "{items:?}");
    items.remove(0)
}

fn one_item(body: &[u8]) -> Item {
    one(body).content.unwrap()
}

fn inbound(message: &Value) -> Inbound {
    match one_item(&envelope(
        "messages",
        &messages(std::slice::from_ref(message)),
    )) {
        Item::Message(inbound) => inbound,
        other => panic!("{other:?}"),
    }
}

fn content(message: &Value) -> Content {
    inbound(message).content
}

/// The rule a single message breaks.
fn why(message: &Value) -> String {
    let item = one(&envelope(
        "messages",
        &messages(std::slice::from_ref(message)),
    ));
    item.content.unwrap_err().why
}

fn phone(digits: &str) -> Identity {
    Identity {
        phone: Some(digits.into()),
        ..Identity::default()
    }
}
