//! Every kind of message a phone can send has the shape of Meta's reference.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use super::settings::Template;
use super::tests::{PATIENT, START, code, collect, hello, send, value, world};
use super::*;
use serde_json::{Value, json};

#[test]
fn every_kind_of_message_has_the_shape_of_the_reference() {
    let mut world = world();
    let first = hello(&mut world, START);
    let kinds: Vec<(Said, &str, &str)> = vec![
        (Said::Voice, "audio", "/audio/voice"),
        (
            Said::Image(Some("bouton".into())),
            "image",
            "/image/caption",
        ),
        (
            Said::Document("labo.pdf".into()),
            "document",
            "/document/filename",
        ),
        (Said::Sticker, "sticker", "/sticker/id"),
        (
            Said::Location {
                latitude: 1.5,
                longitude: 2.5,
                name: None,
            },
            "location",
            "/location/latitude",
        ),
        (
            Said::Card {
                name: "Jan".into(),
                number: "243970000005".into(),
            },
            "contacts",
            "/contacts/0/origin",
        ),
        (Said::OwnNumber, "contacts", "/contacts/0/phones/0/wa_id"),
        (
            Said::Reaction {
                target: first.clone(),
                emoji: "👍".into(),
            },
            "reaction",
            "/reaction/emoji",
        ),
        (
            Said::Edit {
                original: first.clone(),
                text: "43".into(),
            },
            "edit",
            "/edit/message/text/body",
        ),
        (
            Said::Revoke(first.clone()),
            "revoke",
            "/revoke/original_message_id",
        ),
        (
            Said::Form("{}".into()),
            "interactive",
            "/interactive/nfm_reply/response_json",
        ),
        (
            Said::Unsupported("poll_creation".into()),
            "unsupported",
            "/errors/0/code",
        ),
        (Said::Welcome, "request_welcome", "/id"),
    ];
    collect(&mut world, START);
    for (said, kind, pointer) in kinds {
        world.phone_writes(PATIENT, &said, None, START).unwrap();
        let bodies = collect(&mut world, START);
        let message = &value(&bodies[0])["messages"][0];
        assert_eq!(message["type"], kind);
        assert!(
            message.pointer(pointer).is_some(),
            "{kind} lacks {pointer}: {message}"
        );
    }
}

#[test]
fn a_templates_button_is_tapped_like_metas() {
    let mut world = world();
    hello(&mut world, START);
    world.settings.templates.push(Template {
        name: "waiting".into(),
        language: "fr".into(),
        text: "Une réponse est là".into(),
        ..Template::default()
    });
    let button = json!({ "type": "button", "sub_type": "quick_reply", "index": "0",
        "parameters": [{ "type": "payload", "payload": "go:on" }] });
    let template = json!({ "messaging_product": "whatsapp", "to": format!("+{PATIENT}"),
        "type": "template", "template": { "name": "waiting", "language": { "code": "fr" },
            "components": [button] } });
    let refused = send(&mut world, &template, START);
    assert_eq!(code(&refused), 132_018, "it has no button");
    world.settings.templates[0].button = "Voir".into();
    assert_eq!(send(&mut world, &template, START).0, 200);
    collect(&mut world, START.plus_ms(60_000));
    let chat = &world.person(PATIENT).unwrap().thread;
    let shown = chat.entries().last().unwrap().as_json();
    assert_eq!(shown["text"], "Une réponse est là");
    assert_eq!(shown["buttons"][0]["title"], "Voir");
    let later = START.plus_ms(90_000);
    world
        .phone_writes(PATIENT, &Said::Tap("go:on".into()), None, later)
        .unwrap();
    let bodies = collect(&mut world, later);
    let mut messages = bodies.iter().map(|body| &value(body)["messages"][0]);
    let message = messages.find(|it| !it.is_null()).unwrap();
    assert_eq!(message["type"], "button");
    assert_eq!(
        message["button"],
        json!({ "payload": "go:on", "text": "Voir" })
    );
    assert_eq!(message["context"]["id"], shown["id"]);
}

#[test]
fn news_of_the_account_tell_when_they_were_said() {
    let mut world = world();
    world.settings.templates.push(Template {
        name: "waiting".into(),
        language: "fr".into(),
        ..Template::default()
    });
    assert!(world.review_template("waiting", "fr", "PAUSED", "NONE", START));
    hello(&mut world, START);
    let bodies = collect(&mut world, START);
    let entries: Vec<Value> = bodies
        .iter()
        .flat_map(|body| body["entry"].as_array().unwrap().clone())
        .collect();
    let time = |field: &str| {
        let found = entries.iter().find(|it| it["changes"][0]["field"] == field);
        found.unwrap().get("time").cloned()
    };
    assert_eq!(
        time("message_template_status_update"),
        Some(json!(START.0 / 1_000))
    );
    assert_eq!(time("messages"), None);
}
