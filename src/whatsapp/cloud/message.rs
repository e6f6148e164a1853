//! Our messages as Meta's JSON.
//!
//! Limits are kept before a message is queued (`core::outgoing::fit`); nothing
//! is cut here. No word of the message may enter the callback data.

use crate::core::inbound::Identity;
use crate::core::outgoing::{Body, Button, REOPEN_ID, Row, template_code};
use crate::core::private::Private;
use crate::ports::Call;
use serde_json::{Value, json};

/// The body of the call; none if the person has no address that can be sent to.
pub fn payload(call: &Call) -> Option<Value> {
    let (field, address) = address(&call.to)?;
    let mut payload = json!({
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "biz_opaque_callback_data": call.key.0,
    });
    let (kind, part) = part(&call.message.body);
    let members = payload.as_object_mut()?;
    members.insert(field.to_owned(), Value::from(address));
    members.insert("type".to_owned(), Value::from(kind));
    members.insert(kind.to_owned(), part);
    Some(payload)
}

/// The phone number where there is one: with a plus, or the country code of
/// the business would be put before it.
fn address(to: &Identity) -> Option<(&'static str, String)> {
    let phone = to
        .phone
        .as_ref()
        .map(|digits| ("to", format!("+{}", digits.expose())));
    let bsuid = to.bsuid.as_ref().or(to.parent_bsuid.as_ref());
    phone.or_else(|| bsuid.map(|id| ("recipient", Private::expose(id).clone())))
}

fn part(body: &Body) -> (&'static str, Value) {
    match body {
        Body::Text { text } => ("text", json!({ "body": text, "preview_url": false })),
        Body::Buttons { text, buttons } => {
            let buttons: Vec<Value> = buttons.iter().map(button).collect();
            let part = json!({
                "type": "button", "body": { "text": text }, "action": { "buttons": buttons },
            });
            ("interactive", part)
        }
        Body::List { text, open, rows } => {
            let rows: Vec<Value> = rows.iter().map(row).collect();
            let part = json!({
                "type": "list", "body": { "text": text },
                "action": { "button": open, "sections": [{ "rows": rows }] },
            });
            ("interactive", part)
        }
        Body::RequestContact { text } => {
            let part = json!({
                "type": "request_contact_info", "body": { "text": text },
                "action": { "name": "request_contact_info" },
            });
            ("interactive", part)
        }
        Body::Template {
            name,
            language,
            code,
            ..
        } => {
            let code = code.as_deref().unwrap_or_else(|| template_code(*language));
            let tap = json!({ "type": "payload", "payload": REOPEN_ID });
            let button = json!({
                "type": "button", "sub_type": "quick_reply", "index": "0", "parameters": [tap],
            });
            let part = json!({
                "name": name, "language": { "code": code }, "components": [button],
            });
            ("template", part)
        }
    }
}

fn button(button: &Button) -> Value {
    json!({ "type": "reply", "reply": { "id": button.id, "title": button.title } })
}

fn row(row: &Row) -> Value {
    match &row.description {
        Some(description) => {
            json!({ "id": row.id, "title": row.title, "description": description })
        }
        None => json!({ "id": row.id, "title": row.title }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::core::id::OutboxKey;
    use crate::core::outgoing::{Outgoing, Purpose};

    fn sent(to: Identity, body: Body) -> Option<Value> {
        payload(&Call {
            key: OutboxKey("ob:1".into()),
            to,
            message: Outgoing {
                purpose: Purpose::Prompt,
                body,
            },
        })
    }

    fn by_phone() -> Identity {
        Identity {
            phone: Some("243810000002".into()),
            bsuid: Some("CD.55".into()),
            ..Identity::default()
        }
    }

    #[test]
    fn a_text_to_a_number() {
        let expected = json!({
            "messaging_product": "whatsapp", "recipient_type": "individual",
            "to": "+243810000002", "type": "text",
            "text": { "body": "Âge?", "preview_url": false },
            "biz_opaque_callback_data": "ob:1",
        });
        assert_eq!(sent(by_phone(), Body::text("Âge?")), Some(expected));
    }

    #[test]
    fn a_person_without_a_number_is_a_recipient() {
        let to = Identity {
            bsuid: Some("CD.55".into()),
            ..Identity::default()
        };
        let body = Body::RequestContact {
            text: "Votre numéro?".into(),
        };
        let payload = sent(to, body).unwrap();
        assert_eq!(payload.get("recipient"), Some(&json!("CD.55")));
        assert_eq!(payload.get("to"), None);
        let expected = json!({
            "type": "request_contact_info", "body": { "text": "Votre numéro?" },
            "action": { "name": "request_contact_info" },
        });
        assert_eq!(payload.get("interactive"), Some(&expected));
        assert_eq!(sent(Identity::default(), Body::text("x")), None);
    }

    #[test]
    fn a_template_goes_by_name_and_its_button_brings_our_id_back() {
        let body = Body::Template {
            name: "reply_waiting_fr".into(),
            language: crate::core::lang::Lang::Fr,
            code: None,
            text: "not sent".into(),
        };
        let payload = sent(by_phone(), body).unwrap();
        assert_eq!(payload.get("type"), Some(&json!("template")));
        let expected = json!({
            "name": "reply_waiting_fr", "language": { "code": "fr" },
            "components": [{
                "type": "button", "sub_type": "quick_reply", "index": "0",
                "parameters": [{ "type": "payload", "payload": "q:reopen:more" }],
            }],
        });
        assert_eq!(payload.get("template"), Some(&expected));
    }

    #[test]
    fn a_template_names_its_language_as_the_provider_does() {
        for (told, sent_as) in [(None, "pt_PT"), (Some("pt_BR"), "pt_BR")] {
            let body = Body::Template {
                name: "reply_waiting_pt".into(),
                language: crate::core::lang::Lang::Pt,
                code: told.map(str::to_owned),
                text: String::new(),
            };
            let payload = sent(by_phone(), body).unwrap();
            let code = payload.pointer("/template/language/code");
            assert_eq!(code, Some(&json!(sent_as)));
        }
    }

    #[test]
    fn buttons_and_a_list() {
        let buttons = Body::Buttons {
            text: "D'accord?".into(),
            buttons: vec![Button {
                id: "y".into(),
                title: "Oui".into(),
            }],
        };
        let expected = json!({
            "type": "button", "body": { "text": "D'accord?" },
            "action": { "buttons": [{ "type": "reply", "reply": { "id": "y", "title": "Oui" } }] },
        });
        let payload = sent(by_phone(), buttons).unwrap();
        assert_eq!(payload.get("interactive"), Some(&expected));
        let row = |id: &str, description: Option<&str>| Row {
            id: id.into(),
            title: id.to_uppercase(),
            description: description.map(str::to_owned),
        };
        let list = Body::List {
            text: "Quoi?".into(),
            open: "Choisir".into(),
            rows: vec![row("a", None), row("b", Some("plus"))],
        };
        let expected = json!({
            "type": "list", "body": { "text": "Quoi?" },
            "action": { "button": "Choisir", "sections": [{ "rows": [
                { "id": "a", "title": "A" },
                { "id": "b", "title": "B", "description": "plus" },
            ] }] },
        });
        let payload = sent(by_phone(), list).unwrap();
        assert_eq!(payload.get("interactive"), Some(&expected));
    }
}
