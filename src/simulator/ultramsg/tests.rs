//! The stand-in has the habits of the reference.

use super::*;
use crate::core::time::{DAY_MS, UnixMs};

const NOW: UnixMs = UnixMs(1_795_168_800_000);

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    list.iter().map(own).collect()
}

fn world() -> UltraWorld {
    UltraWorld::new(UltraSettings {
        callback_url: "http://127.0.0.1:1/".into(),
        ..UltraSettings::default()
    })
}

fn taken(world: &mut UltraWorld, to: &str, priority: &str) -> String {
    let form = [
        ("to", to),
        ("body", "Ki laj ou?"),
        ("referenceId", "ob:1"),
        ("priority", priority),
    ];
    world.take(&pairs(&form), NOW).body
}

#[test]
fn errors_come_with_http_200() {
    let mut world = world();
    let reply = world.take(&pairs(&[("to", "+243970000001")]), NOW);
    assert_eq!(
        (reply.http, reply.body.as_str()),
        (200, r#"{"error":[{"body":"is required"}]}"#)
    );
    let reply = world.authorise("instance1234", "guess").unwrap_err();
    assert!(reply.http == 200 && reply.body.contains("Wrong token"));
    assert_eq!(world.authorise("instance9", "x").unwrap_err().http, 404);
}

#[test]
fn ok_means_queued_and_the_lowest_priority_goes_first() {
    let mut world = world();
    let said = taken(&mut world, "+243970000001", "10");
    assert_eq!(said, r#"{"id":4712,"message":"ok","sent":"true"}"#);
    taken(&mut world, "+243970000002", "1");
    assert!(world.taken().iter().all(|row| row.status == "queue"));
    world.tick(NOW);
    let standing: Vec<_> = world.taken().iter().map(|row| row.status).collect();
    assert_eq!(standing, ["queue", "sent"]);
}

#[test]
fn a_comma_makes_two_of_one() {
    let mut world = world();
    taken(&mut world, "+243970000001,+243970000002", "10");
    assert_eq!(world.taken().len(), 2);
}

#[test]
fn what_waits_a_day_expires() {
    let mut world = world();
    world.set_account("qr");
    taken(&mut world, "+243970000001", "10");
    world.tick(NOW.plus_ms(DAY_MS - 1));
    assert_eq!(world.taken()[0].status, "queue");
    world.tick(NOW.plus_ms(DAY_MS));
    assert_eq!(world.taken()[0].status, "expired");
}

#[test]
fn a_phone_that_is_off_is_reached_once_it_is_on_again() {
    let mut world = world();
    world.set_phone("243970000001", false);
    taken(&mut world, "+243970000001", "10");
    let later = NOW.plus_ms(3 * DAY_MS);
    for now in [NOW, NOW.plus_ms(DAY_MS), later] {
        world.tick(now);
    }
    let row = &world.taken()[0];
    assert_eq!((row.status, row.ack), ("sent", "server"));
    world.set_phone("243970000001", true);
    world.tick(later);
    assert_eq!(world.taken()[0].ack, "read");
}

fn rows(world: &mut UltraWorld, path: &str, query: &[(&str, &str)]) -> Vec<serde_json::Value> {
    let answer: serde_json::Value =
        serde_json::from_str(&world.ask(path, &pairs(query)).body).unwrap();
    let list = answer.get("messages").unwrap_or(&answer);
    list.as_array().unwrap().clone()
}

#[test]
fn a_server_may_give_fewer_rows_than_it_is_asked_for() {
    let mut world = UltraWorld::new(UltraSettings {
        rows_max: 3,
        ..UltraSettings::default()
    });
    for _ in 0..5 {
        world.phone_writes("243970000001", "x", NOW);
        taken(&mut world, "+243970000002", "10");
    }
    let chat = [("chatId", "243970000001@c.us"), ("limit", "40")];
    assert_eq!(rows(&mut world, "chats/messages", &chat).len(), 3);
    for (page, there) in [("1", 3), ("2", 2), ("3", 0)] {
        let query = [("page", page), ("limit", "50")];
        assert_eq!(rows(&mut world, "messages", &query).len(), there);
    }
}

#[test]
fn answers_come_in_shapes_that_nobody_knows_as_often_as_they_are_told_to() {
    let mut world = world();
    world.phone_writes("243970000001", "x", NOW);
    world.phone_writes("243970000002", "x", NOW);
    for (path, fault) in [
        ("messages/statistics", UltraFault::OddStatistics),
        ("chats", UltraFault::OddChats),
        ("chats", UltraFault::UnreadableRow),
        ("messages", UltraFault::UnreadableRow),
    ] {
        assert!(world.add_fault(UltraStanding { fault, times: 1 }));
        let sent = taken(&mut world, "+243970000003", "10");
        assert!(sent.contains("true"), "no send is spoilt");
        let (odd, sound) = (world.ask(path, &[]).body, world.ask(path, &[]).body);
        assert_ne!(odd, sound, "{path}");
    }
    assert_eq!(rows(&mut world, "chats", &[]).len(), 2);
}

#[test]
fn a_webhook_is_tried_a_few_times_and_lost() {
    let mut world = world();
    world.phone_writes("243970000001", "Mwen malad", NOW);
    let mut now = NOW;
    let mut tries = 0;
    while let Some(hook) = world.tick(now).pop() {
        tries += 1;
        world.not_answered(hook, now);
        now = now.plus_ms(DAY_MS / 2);
    }
    assert_eq!(tries, 4);
    assert_eq!(world.chat("243970000001").len(), 1, "its history keeps it");
}
