//! The world when things go wrong: faults, a cut line, disorder, doubles.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]

use super::tests::{PATIENT, START, collect, hello, send, statuses, text_to, value, world};
use super::world_account::Asker;
use super::*;
use serde_json::{Value, json};

fn asker(token: &str) -> Asker<'_> {
    Asker {
        bearer: Some(token),
        ..Asker::default()
    }
}

fn describe(world: &mut World, object: &str) -> u16 {
    world.describe(object, &Asker::default(), "", START).http
}

#[test]
fn a_fault_after_acceptance_is_in_the_log_and_one_before_is_not() {
    let cases = [
        (
            Fault::Refuse {
                code: 131_000,
                subcode: None,
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
        (
            Fault::CutAfterAccepting { silent: false },
            1,
            Manner::Cut,
            200,
        ),
        (Fault::Stranger(Stranger::portal()), 0, Manner::Answer, 200),
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
fn a_cut_uplink_still_lets_what_patients_write_in() {
    let mut world = world();
    world.set_directions(false, true, START);
    hello(&mut world, START);
    assert!(!world.line_up());
    assert_eq!(collect(&mut world, START.plus_ms(1_000)).len(), 1);
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
    let refusal = world.authorise(&asker("stolen")).unwrap_err();
    assert_eq!(refusal.http, 401);
    assert!(refusal.body.contains("\"code\":190"));
    assert!(world.authorise(&asker("simulated-access-token")).is_ok());
    let body = text_to(PATIENT, "x").to_string();
    let reply = world.send_to("1", body.as_bytes(), START);
    assert!(reply.body.contains("\"error_subcode\":33"));
    assert_eq!(describe(&mut world, "106540352242922"), 200);
    assert_eq!(describe(&mut world, "9"), 400);
}
