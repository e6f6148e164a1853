//! The world played through by hand: windows, limits, statuses, faults and
//! webhooks, without a socket and without a clock.

use super::*;
use crate::core::time::{DAY_MS, UnixMs};
use serde_json::{Value, json};

const START: UnixMs = UnixMs(1_795_168_800_000);
const PATIENT: &str = "243970000001";

fn world() -> World {
    let mut settings = Settings::default();
    settings.delays.sent_ms = 10;
    settings.delays.delivered_ms = 10;
    World::new(settings)
}

fn text_to(number: &str, text: &str) -> Value {
    json!({ "messaging_product": "whatsapp", "to": format!("+{number}"), "type": "text",
        "text": { "body": text }, "biz_opaque_callback_data": "ob:7" })
}

fn send(world: &mut World, json: &Value, now: UnixMs) -> (u16, Value) {
    let reply = world.send(json.to_string().as_bytes(), now);
    let body = serde_json::from_str(&reply.body).unwrap_or(Value::Null);
    (reply.http, body)
}

fn code(reply: &(u16, Value)) -> i64 {
    reply.1["error"]["code"].as_i64().unwrap_or(0)
}

fn hello(world: &mut World, now: UnixMs) -> String {
    world
        .phone_writes(PATIENT, &Said::Text("Bonjour".into()), None, now)
        .unwrap()
}

/// Takes every webhook due by `now`, answers 200 and returns the bodies.
fn collect(world: &mut World, now: UnixMs) -> Vec<Value> {
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

fn value(body: &Value) -> &Value {
    &body["entry"][0]["changes"][0]["value"]
}

fn statuses(bodies: &[Value]) -> Vec<(String, String)> {
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
    });
    assert_eq!(send(&mut world, &template, closed).0, 200);
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
fn a_fault_after_acceptance_is_in_the_log_and_one_before_is_not() {
    let cases = [
        (
            Fault::Refuse {
                code: 131_000,
                http: None,
                retry_after: None,
            },
            0,
            Manner::Answer,
            500,
        ),
        (Fault::Portal, 0, Manner::Answer, 200),
        (Fault::Redirect, 0, Manner::Answer, 302),
        (Fault::Hang, 0, Manner::Hang, 200),
        (Fault::Reset, 0, Manner::Reset, 200),
        (Fault::HangAfterAccepting, 1, Manner::Hang, 200),
        (Fault::ResetAfterAccepting, 1, Manner::Reset, 200),
        (
            Fault::ErrorAfterAccepting { code: 131_016 },
            1,
            Manner::Answer,
            503,
        ),
        (Fault::Garbage, 1, Manner::Answer, 200),
        (Fault::Slow { ms: 700 }, 1, Manner::Late(700), 200),
        (Fault::StatusFirst, 1, Manner::Late(1_000), 200),
    ];
    for (fault, accepted, manner, http) in cases {
        let mut world = world();
        hello(&mut world, START);
        assert!(world.faults_mut().add(fault.clone(), Schedule::default()));
        let body = text_to(PATIENT, "x").to_string();
        let reply = world.send(body.as_bytes(), START);
        assert_eq!(
            (world.sends(), reply.manner, reply.http),
            (accepted, manner, http),
            "{fault:?}"
        );
        assert_eq!(world.send(body.as_bytes(), START).http, 200, "only once");
    }
}

#[test]
fn the_status_can_come_before_the_answer_fail_later_or_not_at_all() {
    let mut world = world();
    hello(&mut world, START);
    collect(&mut world, START);
    let body = text_to(PATIENT, "x");
    world
        .faults_mut()
        .add(Fault::StatusFirst, Schedule::default());
    send(&mut world, &body, START);
    assert_eq!(statuses(&collect(&mut world, START))[0].0, "sent");
    collect(&mut world, START.plus_ms(500));
    world
        .faults_mut()
        .add(Fault::FailLater { code: 131_026 }, Schedule::default());
    send(&mut world, &body, START.plus_ms(500));
    let failed = collect(&mut world, START.plus_ms(1_000));
    assert_eq!(statuses(&failed), [("failed".into(), "ob:7".into())]);
    world.faults_mut().add(Fault::Silent, Schedule::default());
    send(&mut world, &body, START.plus_ms(1_000));
    assert!(collect(&mut world, START.plus_ms(60_000)).is_empty());
}

#[test]
fn a_cut_line_lets_nothing_through_and_the_backlog_comes_soon_after() {
    let mut world = world();
    world.set_line(false, START);
    hello(&mut world, START);
    for second in 0..600 {
        assert!(world.due_webhooks(START.plus_ms(second * 1_000)).is_empty());
    }
    let back = START.plus_ms(600_000);
    world.set_line(true, back);
    let soon = back.plus_ms(world.settings().delays.after_line_ms.unwrap());
    let bodies = collect(&mut world, soon);
    assert_eq!(value(&bodies[0])["messages"][0]["text"]["body"], "Bonjour");
    assert_eq!(world.next_due(), None);
}

#[test]
fn disorder_doubles_delays_and_batches_but_loses_nothing() {
    let mut world = world();
    world.set_disorder(Disorder {
        reorder_ms: 5_000,
        duplicate_every: 3,
        lose_answer_every: 4,
        batch: Some(7),
    });
    let ids: std::collections::BTreeSet<String> = (0..40)
        .map(|i| hello(&mut world, START.plus_ms(i * 100)))
        .collect();
    let bodies = collect(&mut world, START.plus_ms(60_000));
    let mut told = Vec::new();
    for entry in bodies
        .iter()
        .flat_map(|body| body["entry"].as_array().unwrap())
    {
        let messages = entry["changes"][0]["value"]["messages"].as_array().unwrap();
        told.extend(
            messages
                .iter()
                .map(|m| m["id"].as_str().unwrap().to_owned()),
        );
    }
    assert!(told.len() > ids.len(), "some came twice");
    assert_eq!(
        told.into_iter().collect::<std::collections::BTreeSet<_>>(),
        ids
    );
}

#[test]
fn a_thousand_updates_fit_into_one_webhook() {
    let mut world = world();
    world.set_disorder(Disorder {
        batch: Some(1_000),
        ..Disorder::default()
    });
    for i in 0..1_000 {
        let number = format!("2439701{i:05}");
        // The instants run backwards, so nothing is due while they are made.
        let at = START.plus_ms(1_000 - i);
        world
            .phone_writes(&number, &Said::Text("x".into()), None, at)
            .unwrap();
    }
    let bodies = collect(&mut world, START.plus_ms(2_000));
    assert_eq!(bodies.len(), 1);
    let told = value(&bodies[0])["messages"].as_array().unwrap().len();
    assert_eq!(told, 1_000);
}

#[test]
fn the_clinic_reads_a_message_and_those_before_it() {
    let mut world = world();
    let ids: Vec<String> = (0..3)
        .map(|i| hello(&mut world, START.plus_ms(i)))
        .collect();
    let mark = json!({ "messaging_product": "whatsapp", "status": "read", "message_id": ids[1],
        "typing_indicator": { "type": "text" } });
    let (http, answer) = send(&mut world, &mark, START.plus_ms(10));
    assert_eq!((http, &answer["success"]), (200, &json!(true)));
    let person = world.person(PATIENT).unwrap();
    let ticks: Vec<Value> = person
        .visible()
        .map(|e| e.as_json()["ticks"].clone())
        .collect();
    assert_eq!(ticks, ["read", "read", "sent"]);
    assert!(person.typing_until > START.plus_ms(10));
}

#[test]
fn doubles_show_in_the_log_by_key_and_hash() {
    let mut world = world();
    hello(&mut world, START);
    let mut body = text_to(PATIENT, "x");
    send(&mut world, &body, START);
    send(&mut world, &body, START);
    body["biz_opaque_callback_data"] = json!("ob:8");
    send(&mut world, &body, START);
    body["text"]["body"] = json!("y");
    send(&mut world, &body, START);
    let log: Vec<&Sent> = world.sent_after(0).collect();
    assert_eq!(log.len(), 4);
    assert_eq!(log[0].payload_sha256, log[2].payload_sha256);
    assert_ne!(log[2].payload_sha256, log[3].payload_sha256);
    assert_eq!(log[0].callback.as_deref(), Some("ob:7"));
    assert_ne!(log[0].wamid, log[1].wamid);
    assert_eq!(world.sent_after(3).count(), 1);
}

#[test]
fn wrong_token_and_wrong_number_are_told_apart() {
    let mut world = world();
    let refusal = world.authorise(Some("stolen")).unwrap_err();
    assert_eq!(refusal.http, 401);
    assert!(refusal.body.contains("\"code\":190"));
    assert!(world.authorise(Some("simulated-access-token")).is_ok());
    let body = text_to(PATIENT, "x").to_string();
    let reply = world.send_to("1", body.as_bytes(), START);
    assert!(reply.body.contains("\"error_subcode\":33"));
    assert_eq!(world.describe("106540352242922", "").http, 200);
    assert_eq!(world.describe("9", "").http, 400);
}
