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
