//! The world played through by hand: windows, limits, statuses, faults and
//! webhooks, without a socket and without a clock.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]

use super::*;
use crate::core::time::{DAY_MS, UnixMs};
use serde_json::{Value, json};

pub(super) const START: UnixMs = UnixMs(1_795_168_800_000);
pub(super) const PATIENT: &str = "243970000001";

pub(super) fn world() -> World {
    let mut settings = Settings::default();
    settings.delays.sent_ms = 10;
    settings.delays.delivered_ms = 10;
    World::new(settings)
}

pub(super) fn text_to(number: &str, text: &str) -> Value {
    json!({ "messaging_product": "whatsapp", "to": format!("+{number}"), "type": "text",
        "text": { "body": text }, "biz_opaque_callback_data": "ob:7" })
}

pub(super) fn send(world: &mut World, json: &Value, now: UnixMs) -> (u16, Value) {
    let reply = world.send(json.to_string().as_bytes(), now);
    let body = serde_json::from_str(&reply.body).unwrap_or(Value::Null);
    (reply.http, body)
}

pub(super) fn code(reply: &(u16, Value)) -> i64 {
    reply.1["error"]["code"].as_i64().unwrap_or(0)
}

pub(super) fn hello(world: &mut World, now: UnixMs) -> String {
    world
        .phone_writes(PATIENT, &Said::Text("Bonjour".into()), None, now)
        .unwrap()
}

/// Takes every webhook due by `now`, answers 200 and returns the bodies.
pub(super) fn collect(world: &mut World, now: UnixMs) -> Vec<Value> {
    let mut bodies = Vec::new();
    loop {
        let due = world.due_webhooks(now);
        if due.is_empty() {
            return bodies;
        }
        for delivery in due {
            assert!(delivery.body.is_ascii());
            let secret = &world.settings().app_secret;
            assert_eq!(delivery.signature, sign(secret, &delivery.body));
            bodies.push(serde_json::from_slice(&delivery.body).unwrap());
            world.webhook_answered(delivery.id, Some(200), now);
        }
    }
}

pub(super) fn value(body: &Value) -> &Value {
    &body["entry"][0]["changes"][0]["value"]
}

pub(super) fn statuses(bodies: &[Value]) -> Vec<(String, String)> {
    bodies
        .iter()
        .flat_map(|body| {
            value(body)["statuses"]
                .as_array()
                .cloned()
                .unwrap_or_default()
        })
        .map(|status| {
            let key = status["biz_opaque_callback_data"].as_str().unwrap_or("-");
            (
                status["status"].as_str().unwrap().to_owned(),
                key.to_owned(),
            )
        })
        .collect()
}

#[test]
fn a_message_reaches_the_clinic_as_meta_tells_it() {
    let mut world = world();
    let wamid = hello(&mut world, START);
    let bodies = collect(&mut world, START);
    assert_eq!(bodies.len(), 1);
    let told = value(&bodies[0]);
    assert_eq!(told["metadata"]["phone_number_id"], "106540352242922");
    assert_eq!(told["contacts"][0]["wa_id"], PATIENT);
    let message = &told["messages"][0];
    assert_eq!(message["from"], PATIENT);
    assert_eq!(message["id"], wamid.as_str());
    assert_eq!(message["timestamp"], "1795168800");
    assert_eq!(message["text"]["body"], "Bonjour");
}

#[test]
fn statuses_climb_in_order_and_carry_the_key() {
    let mut world = world();
    hello(&mut world, START);
    collect(&mut world, START);
    let reply = send(&mut world, &text_to(PATIENT, "Quel âge ?"), START);
    assert_eq!(reply.0, 200);
    assert!(!reply.1.to_string().contains("ob:7"), "never in the answer");
    let later = START.plus_ms(1_000);
    assert_eq!(
        statuses(&collect(&mut world, later)),
        [
            ("sent".into(), "ob:7".into()),
            ("delivered".into(), "ob:7".into())
        ]
    );
    world.phone_reads(PATIENT, later).unwrap();
    world.phone_reads(PATIENT, later).unwrap();
    assert_eq!(
        statuses(&collect(&mut world, later)),
        [("read".into(), "ob:7".into())]
    );
}

#[test]
fn a_phone_that_is_off_gets_its_messages_when_it_comes_on() {
    let mut world = world();
    hello(&mut world, START);
    world.set_online(PATIENT, false, START).unwrap();
    send(&mut world, &text_to(PATIENT, "x"), START);
    let later = START.plus_ms(60_000);
    let words = |list: Vec<(String, String)>| list.into_iter().map(|(w, _)| w).collect::<Vec<_>>();
    assert_eq!(words(statuses(&collect(&mut world, later))), ["sent"]);
    world.set_online(PATIENT, true, later).unwrap();
    assert_eq!(words(statuses(&collect(&mut world, later))), ["delivered"]);
}

#[test]
fn outside_24_hours_only_a_template_passes() {
    let mut world = world();
    hello(&mut world, START);
    let just_open = START.plus_ms(DAY_MS - 1);
    assert_eq!(send(&mut world, &text_to(PATIENT, "x"), just_open).0, 200);
    let closed = START.plus_ms(DAY_MS);
    let reply = send(&mut world, &text_to(PATIENT, "x"), closed);
    assert_eq!((reply.0, code(&reply)), (400, 131_047));
    let template = json!({ "messaging_product": "whatsapp", "to": format!("+{PATIENT}"),
        "type": "template", "template": { "name": "waiting", "language": { "code": "fr" } } });
    assert_eq!(code(&send(&mut world, &template, closed)), 132_001);
    world.settings.templates.push(Template {
        name: "waiting".into(),
        language: "fr".into(),
        text: "Votre clinique a une réponse".into(),
        ..Template::default()
    });
    assert_eq!(send(&mut world, &template, closed).0, 200);
    // What it asks to be filled in has to be.
    let named = &mut world.settings.templates[0];
    named.text = "Bonjour {{1}}, votre clinique {{2}} a une réponse".into();
    assert_eq!(code(&send(&mut world, &template, closed)), 132_000);
    let mut filled = |values: [&str; 2]| {
        let mut template = template.clone();
        let values = values.map(|value| json!({ "type": "text", "text": value }));
        template["template"]["components"] = json!([{ "type": "body", "parameters": values }]);
        send(&mut world, &template, closed)
    };
    assert_eq!(code(&filled(["Marie", "de\nKalehe"])), 132_012);
    assert_eq!(code(&filled(["Marie", &"é".repeat(1_000)])), 132_005);
    assert_eq!(filled(["Marie", "de Kalehe"]).0, 200);
    // Nor do more people than the limit allows hear of it.
    world.settings.limits.first_contacts = 0;
    let next_day = closed.plus_ms(DAY_MS);
    assert_eq!(code(&send(&mut world, &template, next_day)), 132_000);
    world.settings.templates[0].text = "Votre clinique a une réponse".into();
    assert_eq!(code(&send(&mut world, &template, next_day)), 131_048);
    world.settings.window_refusal = WindowRefusal::Status;
    assert_eq!(send(&mut world, &text_to(PATIENT, "x"), closed).0, 200);
    let bodies = collect(&mut world, closed.plus_ms(1_000));
    let failed = bodies
        .iter()
        .map(|body| &value(body)["statuses"][0])
        .find(|status| status["status"] == "failed")
        .unwrap();
    assert_eq!(failed["errors"][0]["code"], 131_047);
    assert_eq!(failed["biz_opaque_callback_data"], "ob:7");
}

#[test]
fn the_pair_limit_and_the_number_limit_bite() {
    let mut world = world();
    hello(&mut world, START);
    let replies: Vec<i64> = (0..50)
        .map(|i| {
            code(&send(
                &mut world,
                &text_to(PATIENT, "x"),
                START.plus_ms(i * 100),
            ))
        })
        .collect();
    assert_eq!(replies.iter().filter(|code| **code == 0).count(), 45);
    assert_eq!(replies.last(), Some(&131_056));

    let mut world = self::world();
    for i in 0..100 {
        let number = format!("2439700{i:05}");
        world
            .phone_writes(&number, &Said::Text("x".into()), None, START)
            .unwrap();
    }
    let later = START.plus_ms(5_000);
    let codes: Vec<i64> = (0..100)
        .map(|i| {
            code(&send(
                &mut world,
                &text_to(&format!("2439700{i:05}"), "x"),
                later,
            ))
        })
        .collect();
    assert_eq!(codes.iter().filter(|code| **code == 0).count(), 80);
    assert_eq!(codes.last(), Some(&130_429));
}

#[test]
fn what_is_too_long_or_too_many_is_refused() {
    let button =
        |id: &str, title: &str| json!({ "type": "reply", "reply": { "id": id, "title": title } });
    let buttons = |list: Vec<Value>| {
        json!({ "messaging_product": "whatsapp", "to": "+243970000001", "type": "interactive",
            "interactive": { "type": "button", "body": { "text": "?" }, "action": { "buttons": list } } })
    };
    let list = |rows: Vec<Value>, open: &str| {
        json!({ "messaging_product": "whatsapp", "to": "+243970000001", "type": "interactive",
            "interactive": { "type": "list", "body": { "text": "?" },
                "action": { "button": open, "sections": [ { "title": "s", "rows": rows } ] } } })
    };
    let row = |id: usize, title: &str| json!({ "id": format!("r{id}"), "title": title });
    let mut untyped = text_to(PATIENT, "x");
    untyped["type"] = json!("hologram");
    let mut unnamed = text_to(PATIENT, "x");
    unnamed["to"] = json!("Amina");
    let cases = [
        (text_to(PATIENT, &"é".repeat(4_096)), 0),
        (text_to(PATIENT, &"é".repeat(4_097)), 100),
        (text_to(PATIENT, " "), 131_008),
        (untyped, 131_051),
        (unnamed, 100),
        (buttons(vec![button("a", "Oui"), button("b", "Non")]), 0),
        (buttons(vec![]), 131_009),
        (
            buttons(
                (0..4)
                    .map(|i| button(&format!("{i}"), &format!("t{i}")))
                    .collect(),
            ),
            131_009,
        ),
        (buttons(vec![button("a", "x"), button("a", "y")]), 131_009),
        (buttons(vec![button("a", "x"), button("b", "x")]), 131_009),
        (buttons(vec![button("a", &"t".repeat(21))]), 131_009),
        (buttons(vec![button(&"i".repeat(257), "t")]), 131_009),
        (list((0..10).map(|i| row(i, "t")).collect(), "Choisir"), 0),
        (
            list((0..11).map(|i| row(i, "t")).collect(), "Choisir"),
            131_009,
        ),
        (list(vec![row(0, &"t".repeat(25))], "Choisir"), 131_009),
        (list(vec![row(0, "t")], &"o".repeat(21)), 131_009),
        (text_to("243810000001", "to ourselves"), 131_021),
        (json!({ "to": "+243970000001" }), 100),
    ];
    for (body, expected) in cases {
        let mut world = world();
        hello(&mut world, START);
        let reply = send(&mut world, &body, START);
        assert_eq!(code(&reply), expected, "{body}");
        assert_eq!(world.sends(), u64::from(expected == 0));
    }
}

#[test]
fn a_tap_comes_back_with_its_id_and_its_question() {
    let mut world = world();
    hello(&mut world, START);
    let body = json!({ "messaging_product": "whatsapp", "to": "+243970000001", "type": "interactive",
        "interactive": { "type": "button", "body": { "text": "D'accord ?" }, "action": { "buttons": [
            { "type": "reply", "reply": { "id": "consent:yes", "title": "Oui" } } ] } } });
    let (_, answer) = send(&mut world, &body, START);
    let later = START.plus_ms(1_000);
    collect(&mut world, later);
    world
        .phone_writes(PATIENT, &Said::Tap("consent:yes".into()), None, later)
        .unwrap();
    let bodies = collect(&mut world, later);
    let told = bodies
        .iter()
        .map(|body| &value(body)["messages"][0])
        .find(|message| !message.is_null())
        .unwrap();
    assert_eq!(told["interactive"]["button_reply"]["id"], "consent:yes");
    assert_eq!(told["interactive"]["button_reply"]["title"], "Oui");
    assert_eq!(told["context"]["id"], answer["messages"][0]["id"]);
    let nothing = world.phone_writes(PATIENT, &Said::Tap("other".into()), None, later);
    assert_eq!(nothing, Err(WorldError::NothingToTap));
}

#[test]
fn a_hidden_number_is_in_no_webhook() {
    let mut world = world();
    let new = NewPerson {
        number: Some(PATIENT.into()),
        username: Some("amina.k".into()),
        hides_number: true,
        ..NewPerson::default()
    };
    world.add_phone(new).unwrap();
    let wamid = hello(&mut world, START);
    let user_id = world.person(PATIENT).unwrap().user_id.clone();
    let bodies = collect(&mut world, START);
    assert!(!bodies[0].to_string().contains(PATIENT));
    assert_eq!(wamid::who(&wamid).as_deref(), Some(user_id.as_str()));
    let told = value(&bodies[0]);
    assert_eq!(told["messages"][0]["from_user_id"], user_id.as_str());
    assert!(told["messages"][0].get("from").is_none());
    assert_eq!(told["contacts"][0]["profile"]["username"], "amina.k");
    let reply = json!({ "messaging_product": "whatsapp", "recipient": user_id, "type": "text",
        "text": { "body": "x" } });
    let (http, answer) = send(&mut world, &reply, START);
    assert_eq!(http, 200);
    assert_eq!(answer["contacts"][0]["user_id"], user_id.as_str());
    assert!(answer["contacts"][0].get("wa_id").is_none());
    let status = collect(&mut world, START.plus_ms(100));
    assert!(!status.iter().any(|body| body.to_string().contains(PATIENT)));
}

#[test]
fn a_change_of_number_is_told_and_the_new_one_works() {
    let mut world = world();
    hello(&mut world, START);
    collect(&mut world, START);
    world.change_number(PATIENT, "243970000099", START).unwrap();
    let bodies = collect(&mut world, START);
    let kinds: Vec<&Value> = bodies
        .iter()
        .map(|body| &value(body)["messages"][0]["system"]["type"])
        .collect();
    assert_eq!(kinds[0], "user_changed_number");
    assert_eq!(kinds[1], "user_changed_user_id");
    assert_eq!(
        bodies[2]["entry"][0]["changes"][0]["field"],
        "user_id_update"
    );
    assert_eq!(
        send(&mut world, &text_to("243970000099", "x"), START).0,
        200
    );
    assert!(world.person(PATIENT).is_err());
    let taken = world.change_number("243970000099", "243970000099", START);
    assert_eq!(taken, Err(WorldError::NumberTaken));
}

#[test]
fn the_clinic_is_not_its_own_patient() {
    let mut world = world();
    let own = || NewPerson {
        number: Some("+243810000001".to_owned()),
        ..NewPerson::default()
    };
    assert_eq!(world.add_phone(own()), Err(WorldError::ClinicsNumber));
    let said = Said::Text("hello".to_owned());
    let written = world.phone_writes("243810000001", &said, None, START);
    assert_eq!(written, Err(WorldError::ClinicsNumber));
    hello(&mut world, START);
    let moved = world.change_number("243970000001", "243810000001", START);
    assert_eq!(moved, Err(WorldError::ClinicsNumber));
}
