//! Webhooks as Meta posts them, made and signed by the test itself.

use super::far_side::{APP_SECRET, PHONE_NUMBER_ID};
use super::http::{self, Answer};
use super::wait;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::io;

/// The body of a webhook with one text message in it.
pub fn text(wamid: &str, from: &str, words: &str) -> Vec<u8> {
    batch(&[message(wamid, from, words)])
}

/// One text message, stamped now.
pub fn message(wamid: &str, from: &str, words: &str) -> Value {
    json!({
        "from": from,
        "id": wamid,
        "timestamp": wait::now_ms().div_euclid(1_000).to_string(),
        "type": "text",
        "text": { "body": words },
    })
}

/// The body of a webhook with these messages in it.
pub fn batch(messages: &[Value]) -> Vec<u8> {
    let contacts: Vec<Value> = messages
        .iter()
        .map(|one| json!({ "wa_id": one["from"], "profile": { "name": "Test Person" } }))
        .collect();
    json!({
        "object": "whatsapp_business_account",
        "entry": [{
            "id": "102290129340398",
            "changes": [{
                "field": "messages",
                "value": {
                    "messaging_product": "whatsapp",
                    "metadata": {
                        "display_phone_number": "243810000001",
                        "phone_number_id": PHONE_NUMBER_ID,
                    },
                    "contacts": contacts,
                    "messages": messages,
                },
            }],
        }],
    })
    .to_string()
    .into_bytes()
}

/// The value of `X-Hub-Signature-256`.
pub fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// Posts a body with the right signature.
pub fn post(url: &str, body: &[u8]) -> io::Result<Answer> {
    post_signed(url, APP_SECRET, body)
}

/// Posts a body signed with this secret.
pub fn post_signed(url: &str, secret: &str, body: &[u8]) -> io::Result<Answer> {
    let signed = signature(secret, body);
    let headers = [
        ("x-hub-signature-256", signed.as_str()),
        ("content-type", "application/json"),
    ];
    http::ask("POST", url, &headers, body)
}
