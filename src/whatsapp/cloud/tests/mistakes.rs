//! The mistakes that receivers of this API commonly make, each as a test by
//! its name.

use super::*;
use crate::core::secret::Secret;
use crate::whatsapp::cloud::{Handshake, answer_handshake, sign, verify};

fn text_from(mut names: Value) -> Value {
    names["id"] = json!("wamid.TEST1");
    names["timestamp"] = json!("1795168800");
    names["type"] = json!("text");
    names["text"] = json!({ "body": "x" });
    names
}

fn sender(names: Value) -> Identity {
    let mut value = messages(&[text_from(names)]);
    value["contacts"] = json!([]);
    match one_item(&envelope("messages", &value)) {
        Item::Message(inbound) => inbound.from,
        other => panic!("{other:?}"),
    }
}

fn bsuid(id: &str) -> Identity {
    Identity {
        bsuid: Some(id.into()),
        ..Identity::default()
    }
}

#[test]
fn mistake_signature_over_json_written_again() {
    let secrets = [Secret::from("app-secret")];
    let body = br#"{"t": "\u00e8 \/ \ud83e\udd12"}"#;
    let header = sign(&secrets[0], body);
    assert!(verify(Some(&header), body, &secrets));
}

#[test]
fn mistake_signature_asked_of_the_handshake() {
    let query = Handshake {
        mode: Some("subscribe"),
        verify_token: Some("token"),
        challenge: Some("42"),
    };
    assert_eq!(answer_handshake(query, &Secret::from("token")), Some("42"));
}

#[test]
fn mistake_a_body_of_three_megabytes_refused() {
    let long = "é".repeat(1_400_000);
    let body = envelope(
        "messages",
        &messages(&[message("text", &json!({ "body": long }))]),
    );
    assert!(body.len() > 2_800_000);
    assert!(one(&body).content.is_ok());
}

#[test]
fn mistake_a_phone_number_demanded_of_everybody() {
    assert_eq!(
        sender(json!({ "from": "243810000002" })),
        phone("243810000002")
    );
    assert_eq!(sender(json!({ "from_user_id": "CD.55" })), bsuid("CD.55"));
    let both = sender(json!({ "from": "243810000002", "from_user_id": "CD.55" }));
    assert_eq!(
        (both.phone, both.bsuid),
        (Some("243810000002".into()), Some("CD.55".into()))
    );
    let parent = sender(json!({ "from_user_id": "CD.55", "from_parent_user_id": "CD.ENT.9" }));
    assert_eq!(parent.parent_bsuid, Some("CD.ENT.9".into()));
}

#[test]
fn mistake_a_user_id_taken_for_a_number() {
    assert_eq!(sender(json!({ "from": "CD.55" })), bsuid("CD.55"));
    assert_eq!(
        sender(json!({ "from": "CD.55", "from_user_id": "CD.66" })),
        bsuid("CD.66")
    );
}

#[test]
fn mistake_nobody_at_all_answered() {
    for names in [
        json!({}),
        json!({ "from": "" }),
        json!({ "from": "amina" }),
        json!({ "from_user_id": "x" }),
    ] {
        assert_eq!(
            why(&text_from(names)),
            "a message without a phone number or a user id"
        );
    }
}

#[test]
fn mistake_an_unknown_type_refused() {
    let expected = Content::Other {
        what: "hologram".into(),
    };
    assert_eq!(content(&message("hologram", &json!([1, 2]))), expected);
}

#[test]
fn mistake_old_signed_retries_refused_as_stale() {
    let mut old = message("text", &json!({ "body": "x" }));
    old["timestamp"] = json!("1000000000");
    assert_eq!(inbound(&old).stamped.0, 1_000_000_000_000);
}

#[test]
fn mistake_own_echo_answered() {
    let expected = Item::Ignored {
        why: "own echo".into(),
    };
    let own = text_from(json!({ "from": "243970000001" }));
    assert_eq!(one_item(&envelope("messages", &messages(&[own]))), expected);
    let value = json!({
        "metadata": { "display_phone_number": "243970000001", "phone_number_id": NUMBER_ID },
        "message_echoes": [text_from(json!({ "from": "243970000001", "to": "243810000002" }))],
    });
    assert_eq!(one_item(&envelope("smb_message_echoes", &value)), expected);
}

#[test]
fn mistake_group_messages_answered() {
    let expected = Item::Ignored {
        why: "group message".into(),
    };
    let group = text_from(json!({ "from": "243810000002", "group_id": "GROUP1" }));
    assert_eq!(
        one_item(&envelope("messages", &messages(&[group]))),
        expected
    );
}

#[test]
fn mistake_the_attachments_own_address_followed() {
    let part = json!({ "id": "1", "url": "https://elsewhere.example/" });
    let shown = serde_json::to_string(&content(&message("image", &part))).unwrap();
    assert!(!shown.contains("elsewhere"), "only the id is kept");
}
