//! The ceiling of a day: what exceeds it waits and says so, what is urgent does
//! not wait, and a ceiling that is raised lets go what waited.

use crate::support::far_side::roomy;
use crate::support::outpost::{Outpost, Shown};
use crate::support::wait;
use healthpost::core::time::HOUR_MS;
use serde_json::json;

const CEILING: usize = 3;

fn number(place: usize) -> String {
    format!("24394{place:07}")
}

/// A zone in which it is evening: midnight is hours away, and near enough that
/// a restart takes the wait for it as lawful.
fn evening() -> String {
    let hour = wait::now_ms().div_euclid(HOUR_MS).rem_euclid(24);
    let ahead = 20 - hour;
    // In these names of the zone database east is minus.
    match if ahead > 12 { ahead - 24 } else { ahead } {
        0 => "Etc/GMT".to_owned(),
        east @ 1.. => format!("Etc/GMT-{east}"),
        west => format!("Etc/GMT+{}", west.abs()),
    }
}

fn says(post: &Outpost, number: &str, words: &str) {
    post.far.write(number, &json!({ "text": words }));
}

fn hears(post: &Outpost, number: &str, part: &str) {
    wait::until(&format!("{number} hears {part:?}"), 30, || {
        let heard = post.far.heard(number);
        let text = |it: &serde_json::Value| it["text"].as_str().unwrap_or_default().to_owned();
        heard.iter().any(|it| text(it).contains(part)).then_some(())
    });
}

/// How many of the bot's own words have left.
fn left(queue: &[Shown]) -> usize {
    let own = |one: &&Shown| ["prompt", "notice"].contains(&one.purpose.as_str());
    queue
        .iter()
        .filter(own)
        .filter(|it| it.seems_sent())
        .count()
}

#[test]
fn what_exceeds_the_days_ceiling_waits_visibly_and_urgent_words_pass() {
    let ceiling = format!("[whatsapp]\ndaily_ceiling = {CEILING}\n");
    let zone = evening();
    let words = [
        ("[whatsapp]\n", ceiling.as_str()),
        ("Africa/Lubumbashi", &zone),
    ];
    let mut post = Outpost::new(&roomy(), &words);
    post.start();
    for place in 0..CEILING {
        says(&post, &number(place), "hello");
        hears(&post, &number(place), "");
    }
    let late: Vec<String> = (CEILING..CEILING + 3).map(number).collect();
    for number in &late {
        says(&post, number, "hello");
        let seen = post.wait_for(number, "queued", Some("daily_ceiling"));
        assert_eq!(seen.attempts, 0);
        assert!(
            seen.explanation.contains("leaves after midnight"),
            "{seen:?}"
        );
    }
    staff_read_why(&post);
    // A danger sign of somebody new, and of somebody whose question waits.
    let crying = [number(100), late[0].clone()];
    for number in &crying {
        says(&post, number, "I cannot breathe");
        hears(&post, number, "112");
    }
    let hello = number(0);
    let test = post
        .clinic
        .run(&["whatsapp", "test", "--to", &hello], &[], "");
    assert_eq!(test.status, 0, "{test:?}");
    hears(&post, &hello, "hello");
    let queue = post.queue();
    assert_eq!(left(&queue), CEILING, "{queue:?}");
    for number in &late[1..] {
        assert!(post.taken_for(number).is_empty(), "it waits still");
    }
    the_ceiling_is_raised(&mut post, &late[1..]);
}

/// The reason stands in the list for people, too, and what can be done.
fn staff_read_why(post: &Outpost) {
    let listed = post.clinic.run(&["outbox", "list", "--waiting"], &[], "");
    let told = listed.out.matches("as the clinic allows").count();
    assert_eq!(told, 3, "{listed:?}");
    let listed = post.clinic.json(&["outbox", "list", "--waiting"]);
    let todo = listed["messages"][0]["what_to_do"].as_str().unwrap();
    assert!(todo.contains("whatsapp.daily_ceiling"), "{todo}");
}

fn the_ceiling_is_raised(post: &mut Outpost, waiting: &[String]) {
    post.stop();
    post.start();
    let queue = post.queue();
    assert_eq!(
        left(&queue),
        CEILING,
        "a restart changes nothing: {queue:?}"
    );
    post.stop();
    post.clinic
        .reword(&[("daily_ceiling = 3", "daily_ceiling = 300")]);
    post.start();
    wait::until("what waited leaves", 30, || {
        (post.clinic.waiting() == 0).then_some(())
    });
    for number in waiting {
        hears(post, number, "");
        assert_eq!(post.taken_for(number).len(), 1, "once");
    }
    post.stop();
}
