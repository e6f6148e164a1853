//! Somebody else answers in Meta's place: a captive portal, a proxy, a gateway
//! that gives up, or an answer that nobody can read. None of it ever counts as
//! sent, and nobody is forgotten over it or written to twice without a mark.

use crate::support::far_side::roomy;
use crate::support::outpost::{Outpost, Shown};
use crate::support::{http, wait};
use serde_json::{Value, json};

const PAGE: &str = "<!doctype html><html><title>Welcome</title><p>Buy a bundle to go on</html>";
/// A line slow enough for staff to see what happens on it.
const ANSWER_MS: i64 = 300;
/// Portals in one life of the service: what asking may cost has its bound.
const LIFE: usize = 2;

fn answer(http: u16, content_type: &str, body: &str) -> Value {
    json!({ "http": http, "content_type": content_type, "body": body })
}

/// Answers that no server of Meta's gives: whatever was sent has not arrived.
fn portals() -> Vec<(&'static str, Value)> {
    let html = "text/html; charset=utf-8";
    let to_sign_in = |body: &str| {
        json!({ "http": 302, "content_type": html, "body": body,
            "location": "http://portal.invalid/login" })
    };
    vec![
        ("a page under 200", answer(200, html, PAGE)),
        (
            "a page under 200 that is said to be text",
            answer(200, "text/plain", &format!("\r\n  {PAGE}")),
        ),
        (
            "a page under 200 that is said to be JSON",
            answer(200, "application/json", PAGE),
        ),
        ("a bare redirect", to_sign_in("")),
        ("a page under 302", to_sign_in(PAGE)),
        ("a page under 403", answer(403, html, PAGE)),
        ("a page under 407", answer(407, html, PAGE)),
        ("a page under 511", answer(511, html, PAGE)),
        ("an empty 511", json!({ "http": 511 })),
    ]
}

/// Answers after which nobody can know.
fn riddles() -> Vec<(&'static str, Value)> {
    let js = "application/json";
    let whole = r#"{"messaging_product":"whatsapp","messages":[{"id":"wamid.never"}]}"#;
    vec![
        ("an empty 200", json!({ "http": 200 })),
        ("an empty 200 of JSON", answer(200, js, "")),
        ("an empty 204", json!({ "http": 204 })),
        ("other JSON", answer(200, js, r#"{"status":"ok"}"#)),
        ("a JSON text", answer(200, js, r#""sent""#)),
        ("no list of messages", answer(200, js, r#"{"messages":{}}"#)),
        ("an empty list", answer(200, js, r#"{"messages":[]}"#)),
        ("no id", answer(200, js, r#"{"messages":[{"to":"x"}]}"#)),
        (
            "an empty id",
            answer(200, js, r#"{"messages":[{"id":""}]}"#),
        ),
        (
            "an error under 200",
            answer(200, js, r#"{"error":{"code":131026}}"#),
        ),
        (
            "half an answer",
            answer(200, js, r#"{"messages":[{"id":"wam"#),
        ),
        (
            "an answer that breaks off behind its last brace",
            json!({ "http": 200, "content_type": js, "body": whole, "cut": true }),
        ),
        ("words under 400", answer(400, "text/plain", "Bad Request")),
        ("a page under 502", answer(502, "text/html", PAGE)),
        ("a page under 504", answer(504, "text/html", PAGE)),
        ("an empty 500", json!({ "http": 500 })),
    ]
}

fn number(place: usize) -> String {
    format!("24395{place:07}")
}

/// Asks for this fault of the person's next message.
fn spoil(post: &Outpost, to: &str, mut fault: Value, kind: &str) {
    fault["kind"] = json!(kind);
    post.far
        .fault(&json!({ "fault": fault, "to": to, "times": 1 }));
}

/// Waits until a person has their one message; says how it stands then.
fn arrives(post: &Outpost, what: &str, number: &str) -> Shown {
    let seen = wait::until(&format!("{what}: it arrives"), 40, || {
        let list = post.messages(number);
        let done = list.len() == 1 && list[0].state == "delivered";
        done.then(|| list[0].clone())
    });
    assert_eq!(post.far.heard(number).len(), 1, "{what}");
    seen
}

#[test]
fn a_portal_takes_nothing_and_after_it_each_message_leaves_once() {
    let mut settings = roomy();
    settings["delays"]["answer_ms"] = json!(ANSWER_MS);
    let mut post = Outpost::new(&settings, &[]);
    post.start();
    everybody_waits_before_a_portal(&post);
    post.stop();
    let portals = portals();
    for (life, some) in portals.chunks(LIFE).enumerate() {
        post.start();
        for (nth, (what, stranger)) in some.iter().enumerate() {
            let number = number(life * LIFE + nth);
            let news = post.line_news().len();
            spoil(&post, &number, stranger.clone(), "stranger");
            post.says_stop(&number);
            let seen = post.wait_for(&number, "queued", Some("line_down"));
            assert_eq!(seen.attempts, 0, "{what}: a dead line burns no try");
            let seen = arrives(&post, what, &number);
            assert!(!seen.maybe_double, "{what}: surely not sent before");
            assert_eq!(post.taken_for(&number).len(), 1, "{what}");
            assert_eq!(post.line_news()[news], "captive_portal", "{what}");
        }
        post.stop();
    }
}

/// The portal stands before everything, the box's own questions too, until
/// somebody signs in.
fn everybody_waits_before_a_portal(post: &Outpost) {
    let people: Vec<String> = (1_000..1_003).map(number).collect();
    post.far.put_between(&answer(200, "text/html", PAGE));
    for number in &people {
        post.says_stop(number);
    }
    post.wait_for(&people[0], "queued", Some("line_down"));
    wait::until("the line is known to be down", 10, || {
        let health = http::get(&post.clinic.healthz()).ok()?;
        (health.json()["line"] == "down").then_some(())
    });
    for number in &people {
        let list = wait::until("the reply waits", 10, || {
            let list = post.messages(number);
            (!list.is_empty()).then_some(list)
        });
        assert!(!list[0].seems_sent() && list[0].attempts == 0, "{list:?}");
        assert!(post.taken_for(number).is_empty());
    }
    post.far.set_line(true);
    for number in &people {
        let seen = arrives(post, "after the sign-in", number);
        assert!(!seen.maybe_double);
        assert_eq!(post.taken_for(number).len(), 1);
    }
}

#[test]
fn an_answer_nobody_can_read_is_in_doubt_and_sent_again_with_a_mark() {
    let mut post = Outpost::new(
        &roomy(),
        &[("in_doubt_seconds = 2", "in_doubt_seconds = 5")],
    );
    post.start();
    let riddles = riddles();
    for (place, (_, stranger)) in riddles.iter().enumerate() {
        spoil(&post, &number(place), stranger.clone(), "stranger");
    }
    // Meta took these two, and the answer broke off; of the second one nothing
    // is ever heard again.
    let (told, untold) = (number(2_000), number(2_001));
    for (number, silent) in [(&told, false), (&untold, true)] {
        let fault = json!({ "silent": silent });
        spoil(&post, number, fault, "cut_after_accepting");
    }
    let waiting: Vec<String> = (0..riddles.len()).map(number).collect();
    for number in waiting.iter().chain([&told, &untold]) {
        post.says_stop(number);
    }
    let all = wait::until("each stands in doubt", 30, || {
        let all: Vec<Shown> = waiting.iter().flat_map(|it| post.messages(it)).collect();
        let doubted = |one: &Shown| one.stands() == ("in_doubt", Some("no_answer"));
        (all.len() == waiting.len() && all.iter().all(doubted)).then_some(all)
    });
    for ((what, _), seen) in riddles.iter().zip(&all) {
        assert_eq!(seen.attempts, 0, "{what}: no refusal of its own");
        assert!(!seen.seems_sent() && !seen.maybe_double, "{what}");
    }
    for ((what, _), number) in riddles.iter().zip(&waiting) {
        let seen = arrives(&post, what, number);
        assert!(seen.maybe_double, "{what}: nobody could know");
        assert_eq!(post.taken_for(number).len(), 1, "{what}");
    }
    // News of it settles the doubt; without any it goes again, and is marked.
    let settled = arrives(&post, "told by its statuses", &told);
    assert!(!settled.maybe_double);
    assert_eq!(post.taken_for(&told).len(), 1);
    let doubled = arrives(&post, "never heard of", &untold);
    assert!(doubled.maybe_double);
    assert_eq!(post.taken_for(&untold).len(), 2);
    assert_eq!(
        post.line_news(),
        [""; 0],
        "no answer of these cuts the line"
    );
    post.stop();
}
