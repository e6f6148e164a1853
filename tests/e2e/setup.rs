//! Meta's set-up from nothing: the walk through it and each of its faults, a
//! test message, templates; and what staff are told when one is paused.

use crate::support::clinic::{Clinic, Ran, free_port};
use crate::support::far_side::{ACCESS_TOKEN, APP_SECRET, FarSide, roomy};
use crate::support::process::Process;
use crate::support::{wait, webhook};
use healthpost::core::time::{DAY_MS, SECOND_MS};
use serde_json::{Value, json};
use std::path::Path;

const PASSWORD: &str = "fundi wa kliniki 9";

struct Post {
    clinic: Clinic,
    far_side: FarSide,
    service: Process,
}

impl Post {
    fn start(folder: &Path, more: &str) -> Self {
        Self::start_at(folder, &roomy(), more)
    }

    fn start_at(folder: &Path, far_side: &Value, more: &str) -> Self {
        let port = free_port();
        let callback = format!("http://127.0.0.1:{port}/webhooks/whatsapp");
        let far_side = FarSide::start(folder, far_side, &callback);
        let clinic = Clinic::new(folder, port, &far_side.graph);
        clinic.configure(&far_side.graph, more);
        let service = clinic.serve();
        Self {
            clinic,
            far_side,
            service,
        }
    }

    fn whatsapp(&self, args: &[&str]) -> (Ran, Value) {
        let ran = self
            .clinic
            .run(&[&["--json", "whatsapp"], args].concat(), &[], "");
        for secret in [ACCESS_TOKEN, APP_SECRET] {
            let leaks = ran.out.contains(secret) || ran.err.contains(secret);
            assert!(!leaks, "{args:?} shows a credential");
        }
        let json = serde_json::from_str(&ran.out).unwrap_or_default();
        (ran, json)
    }

    fn set_up(&self) -> (i32, Value) {
        let (ran, json) = self.whatsapp(&["setup"]);
        assert!(json["checks"].is_array(), "{ran:?}");
        (ran.status, json)
    }

    /// The finding of a check in this state whose words hold `part`.
    fn finds(&self, check: &str, state: &str, part: &str) -> i32 {
        let (status, json) = self.set_up();
        let checks = json["checks"].as_array().unwrap();
        let found = checks.iter().any(|it| {
            it["check"] == check
                && it["state"] == state
                && it["finding"].as_str().unwrap().contains(part)
        });
        assert!(found, "{check} is not {state} with \"{part}\": {json:#}");
        status
    }
}

#[test]
fn a_sound_account_is_subscribed_and_every_fault_has_its_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let mut post = Post::start(folder.path(), "");
    assert_eq!(post.finds("subscription", "ok", "it is now"), 0);
    assert_eq!(post.finds("subscription", "ok", "gets the account's"), 0);
    assert_eq!(post.finds("templates", "warning", "task for staff"), 0);
    let in_days = |days: i64| (wait::now_ms() + days * DAY_MS) / SECOND_MS;
    let faults = [
        (
            json!({ "token_kind": "USER" }),
            "access token",
            "warning",
            "a person",
            0,
        ),
        (
            json!({ "token_kind": "PAGE" }),
            "access token",
            "bad",
            "neither",
            1,
        ),
        (
            json!({ "token_valid": false }),
            "access token",
            "bad",
            "does not accept",
            1,
        ),
        (
            json!({ "token_expires_at": in_days(10) }),
            "token's life",
            "bad",
            "refused",
            1,
        ),
        (
            json!({ "token_expires_at": in_days(40) }),
            "token's life",
            "warning",
            "39 days",
            0,
        ),
        (
            json!({ "scopes": ["whatsapp_business_management"] }),
            "permission",
            "bad",
            "messaging",
            1,
        ),
        (
            json!({ "scopes": ["whatsapp_business_messaging"] }),
            "subscription",
            "bad",
            "managed",
            1,
        ),
        (
            json!({ "number_status": "PENDING" }),
            "phone number",
            "bad",
            "not registered",
            1,
        ),
        (
            json!({ "quality": "RED" }),
            "quality",
            "warning",
            "reported",
            0,
        ),
        (
            json!({ "health": "BLOCKED" }),
            "health",
            "bad",
            "payment",
            1,
        ),
        (
            json!({ "webhook_url": "" }),
            "webhook",
            "bad",
            "no address",
            1,
        ),
        (
            json!({ "webhook_url": "https://x.example/" }),
            "webhook",
            "bad",
            "no address of this",
            1,
        ),
        (
            json!({ "webhook_fields": [] }),
            "field messages",
            "bad",
            "it is off",
            1,
        ),
        (
            json!({ "tells_health": false }),
            "subscription",
            "ok",
            "gets",
            0,
        ),
    ];
    let sound = post.far_side.account(&json!({}));
    for (fault, check, state, part, status) in faults {
        post.far_side.account(&fault);
        assert_eq!(post.finds(check, state, part), status, "{fault}");
        post.far_side.account(&sound);
    }
    let set = ["secret", "set", "whatsapp.app_secret"];
    assert_eq!(post.clinic.run(&set, &[], "of another app").status, 0);
    assert_eq!(post.finds("app secret", "bad", "not the secret"), 1);
    assert_eq!(post.clinic.run(&set, &[], APP_SECRET).status, 0);
    // The id of another's number says nothing against the secret.
    assert!(post.service.stop().success());
    post.clinic
        .reword(&[("phone_number_id = \"1", "phone_number_id = \"9")]);
    post.service = post.clinic.serve();
    assert_eq!(post.finds("phone number", "bad", "no number of this id"), 1);
    assert_eq!(
        post.finds("app secret", "ok", "belongs to the token's app"),
        1
    );
    assert!(post.service.stop().success());
    post.clinic
        .reword(&[("phone_number_id = \"9", "phone_number_id = \"1")]);
    post.service = post.clinic.serve();
    post.far_side.set_line(false);
    assert_eq!(post.finds("line", "bad", "could not be reached"), 1);
    post.far_side.set_line(true);
    let people = wait::until("the line is whole again and all is sound", 20, || {
        let ran = post.clinic.run(&["whatsapp", "setup"], &[], "");
        (ran.status == 0).then_some(ran)
    });
    assert!(
        people
            .out
            .contains("ok           phone number: 243810000001"),
        "{}",
        people.out
    );
    assert!(post.service.stop().success());
    for secret in [ACCESS_TOKEN, APP_SECRET] {
        assert!(!post.service.logged().contains(secret));
    }
}

#[test]
fn a_refused_token_is_bad_for_doctor_and_says_where_to_look() {
    let folder = tempfile::tempdir().unwrap();
    let mut post = Post::start(folder.path(), "");
    let set = ["secret", "set", "whatsapp.access_token"];
    assert_eq!(post.clinic.run(&set, &[], "of-somebody-else").status, 0);
    post.far_side
        .write("243970009002", &json!({ "text": "hello" }));
    let list = || post.clinic.json(&["outbox", "list"]);
    let listed = wait::until("the token is known to be refused", 30, || {
        let waits = |it: &Value| it["messages"][0]["why"] == "configuration";
        Some(list()).filter(|it| it["line"] == "token_refused" && waits(it))
    });
    let todo = listed["messages"][0]["what_to_do"].as_str().unwrap();
    assert!(todo.contains("healthpost doctor"), "{todo}");
    let doctor = post.clinic.run(&["--json", "doctor"], &[], "");
    assert_eq!(doctor.status, 1, "{doctor:?}");
    let all: Value = serde_json::from_str(&doctor.out).unwrap();
    let found = |it: &&Value| it["check"] == "line";
    let line = all.as_array().unwrap().iter().find(found).unwrap();
    assert_eq!(line["state"], "bad", "{line}");
    assert!(
        line["finding"].as_str().unwrap().contains("token"),
        "{line}"
    );
    assert!(line["remedy"].as_str().unwrap().contains("whatsapp setup"));
    assert_eq!(post.clinic.run(&set, &[], ACCESS_TOKEN).status, 0);
    wait::until("doctor finds the line well", 30, || {
        let doctor = post.clinic.run(&["doctor"], &[], "");
        doctor.out.contains("ok           line: up").then_some(())
    });
    assert!(post.service.stop().success(), "{}", post.service.logged());
}

#[test]
fn in_an_outage_every_message_that_waits_says_that_the_line_is_down() {
    let folder = tempfile::tempdir().unwrap();
    let mut post = Post::start(folder.path(), "");
    post.far_side.set_line(false);
    let hook = post.clinic.webhook();
    let say = |id: &str, number: &str, words: &str| {
        let body = webhook::text(id, number, words);
        assert_eq!(webhook::post(&hook, &body).unwrap().status, 200);
    };
    say("wamid.first", "243970009003", "hello");
    wait::until("the line is known to be down", 60, || {
        (post.clinic.json(&["outbox", "list"])["line"] == "down").then_some(())
    });
    // None of these is tried while it is.
    say("wamid.urgent", "243970009004", "my father cannot breathe");
    say("wamid.later", "243970009005", "hello");
    let whose = |listed: &Value| -> usize {
        let contacts = listed["messages"].as_array().unwrap().iter();
        let contacts = contacts.map(|it| it["contact"].as_i64().unwrap());
        contacts.collect::<std::collections::BTreeSet<_>>().len()
    };
    let listed = wait::until("everybody's reply waits", 30, || {
        let listed = post.clinic.json(&["outbox", "list", "--waiting"]);
        (whose(&listed) == 3).then_some(listed)
    });
    for message in listed["messages"].as_array().unwrap() {
        assert_eq!(message["why"], "line_down", "{message}");
        let told = message["explanation"].as_str().unwrap();
        assert!(told.contains("The line to WhatsApp is down"), "{told}");
    }
    let people = post
        .clinic
        .run(&["outbox", "list", "--waiting"], &[], "")
        .out;
    assert!(
        people.starts_with("line down: Nothing can be reached"),
        "{people}"
    );
    assert!(!people.contains("It waits for its turn."), "{people}");
    post.far_side.set_line(true);
    wait::until("all of it leaves", 60, || {
        let listed = post.clinic.json(&["outbox", "list", "--waiting"]);
        (listed["line"] == "up" && whose(&listed) == 0).then_some(())
    });
    assert!(post.service.stop().success(), "{}", post.service.logged());
}

#[test]
fn a_test_message_says_how_it_ended_and_leaves_no_number_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut post = Post::start(folder.path(), "");
    let number = "243970009001";
    let test = ["test", "--to", "+243970009001"];
    post.far_side.add_phone(&json!({ "number": number }));
    let (closed, _) = post.whatsapp(&test);
    assert_eq!(closed.status, 1);
    assert!(closed.err.contains("24-hour window"), "{closed:?}");
    assert!(
        closed.err.contains("write any message from that phone"),
        "{closed:?}"
    );
    post.far_side.write(number, &json!({ "text": "hello" }));
    wait::until("the box answers", 30, || {
        (!post.far_side.heard(number).is_empty()).then_some(())
    });
    let (open, said) = post.whatsapp(&test);
    assert_eq!(
        (open.status, &said["state"]),
        (0, &json!("delivered")),
        "{open:?}"
    );
    let heard = post.far_side.heard(number);
    assert!(
        heard.iter().any(|entry| entry["text"] == "hello"),
        "{heard:?}"
    );
    post.far_side
        .fault(&json!({ "fault": { "kind": "fail_later", "code": 131_026 }, "times": 1 }));
    let (failed, _) = post.whatsapp(&test);
    assert!(failed.err.contains("no WhatsApp"), "{failed:?}");
    let (odd, _) = post.whatsapp(&["test", "--to", "0970009001"]);
    assert_eq!(odd.status, 2);
    assert!(!odd.err.contains("0970009001"), "{odd:?}");
    assert!(post.service.stop().success());
    assert!(
        !post.service.logged().contains("97000900"),
        "{}",
        post.service.logged()
    );
}

#[test]
fn templates_are_handed_in_reviewed_paused_and_told_to_staff() {
    let folder = tempfile::tempdir().unwrap();
    let named = "[outbox.templates]\nfr = \"reply_waiting_fr\"\n";
    let mut post = Post::start(folder.path(), named);
    let statuses = |args: &[&str]| -> Vec<String> {
        let (ran, list) = post.whatsapp(args);
        assert_eq!(ran.status, 0, "{ran:?}");
        let list = list.as_array().unwrap().iter();
        list.map(|it| it["status"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(statuses(&["templates", "list"]), ["not submitted"; 5]);
    assert_eq!(
        post.finds("templates", "bad", "fr: reply_waiting_fr is not at Meta"),
        1
    );
    // One that is not taken keeps none of the others back.
    let taking = post
        .far_side
        .account(&json!({ "refused_template": "reply_waiting_fr" }));
    assert_eq!(taking["refused_template"], "reply_waiting_fr");
    let (ran, list) = post.whatsapp(&["templates", "submit"]);
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(ran.err.contains("1 of the templates"), "{ran:?}");
    let shown = list.as_array().unwrap().iter();
    let shown = shown.map(|it| (it["name"].as_str().unwrap(), it["status"].as_str().unwrap()));
    let refused: Vec<_> = shown.filter(|(_, status)| *status != "PENDING").collect();
    assert_eq!(refused, [("reply_waiting_fr", "refused, error 100")]);
    post.far_side.account(&json!({ "refused_template": "" }));
    assert_eq!(statuses(&["templates", "submit"]), ["PENDING"; 5]);
    assert_eq!(
        statuses(&["templates", "submit"]),
        ["PENDING"; 5],
        "handed in once"
    );
    assert_eq!(post.finds("templates", "bad", "waits for Meta's review"), 1);
    let review = |status: &str| {
        post.far_side.review("reply_waiting_fr", "fr", status);
    };
    review("APPROVED");
    assert_eq!(
        post.finds("templates", "ok", "reply_waiting_fr is approved"),
        0
    );
    let add = ["user", "add", "fundi", "--role", "technician"];
    assert_eq!(post.clinic.run(&add, &[], PASSWORD).status, 0);
    let file = folder.path().join("password");
    healthpost::durable::write(&file, PASSWORD.as_bytes()).unwrap();
    let tasks = |args: &[&str]| {
        let who = ["--as", "fundi", "--password-file", file.to_str().unwrap()];
        let args = [&["--json", "tasks"], args, &who].concat();
        post.clinic.run(&args, &[], "")
    };
    let open = || -> Value { serde_json::from_str(&tasks(&["list"]).out).unwrap() };
    assert_eq!(open(), json!([]));
    review("PAUSED");
    let task = wait::until("staff are told", 30, || open().get(0).cloned());
    assert_eq!(task["kind"], "template_refused");
    assert_eq!(task["detail"], "reply_waiting_fr fr");
    assert!(task["to_do"].as_str().unwrap().contains("whatsapp setup"));
    let doctor = post.clinic.run(&["--json", "doctor"], &[], "");
    assert!(
        doctor.out.contains("reply_waiting_fr in fr: PAUSED"),
        "{}",
        doctor.out
    );
    let id = task["id"].to_string();
    assert_eq!(tasks(&["claim", &id]).status, 0);
    assert!(open()[0]["claimed_by"].is_i64());
    let done = tasks(&["done", &id, "--outcome", "could_not_reach"]);
    assert_eq!(done.status, 0, "{done:?}");
    assert_eq!(tasks(&["done", &id]).status, 1, "once");
    assert_eq!(open(), json!([]));
    let all: Value = serde_json::from_str(&tasks(&["list", "--all"]).out).unwrap();
    assert_eq!(all[0]["outcome"], "could_not_reach");
    assert!(post.service.stop().success(), "{}", post.service.logged());
}

#[test]
fn a_template_that_stands_under_another_code_of_its_language_arrives() {
    let folder = tempfile::tempdir().unwrap();
    let mut far_side = roomy();
    far_side["templates"] = json!([{
        "name": "reply_waiting_en", "language": "en_US", "text": "We have a reply for you.",
        "button": "Show the reply",
    }]);
    let named = "[outbox.templates]\nen = \"reply_waiting_en\"\n";
    let mut post = Post::start_at(folder.path(), &far_side, named);
    post.finds("templates", "ok", "en: reply_waiting_en is approved");
    // The window counts as closed when the answer leaves.
    let number = "243970009001";
    let closed = json!({ "kind": "refuse", "code": 131_047 });
    post.far_side
        .fault(&json!({ "fault": closed, "times": 1, "to": number }));
    post.far_side.write(number, &json!({ "text": "stop" }));
    let heard = wait::until("the template arrives", 60, || {
        post.far_side.heard(number).first().cloned()
    });
    assert_eq!(heard["kind"], "template", "{heard}");
    assert_eq!(heard["text"], "We have a reply for you.", "{heard}");
    // Its button opens the window, and what waited behind it comes. WhatsApp's
    // stamps are whole seconds, and this one has to be newer than the closed one's.
    wait::pass(std::time::Duration::from_millis(1_100));
    let button = &heard["buttons"][0];
    assert_eq!(button["title"], "Show the reply", "{heard}");
    post.far_side
        .write(number, &json!({ "button": button["id"] }));
    let reply = wait::until("what waited arrives", 60, || {
        post.far_side.heard(number).get(1).cloned()
    });
    assert_eq!(reply["kind"], "text", "{reply}");
    // Tapped once more it is no old button either: nothing waits, nothing is said.
    post.far_side
        .write(number, &json!({ "button": button["id"] }));
    post.far_side.write(number, &json!({ "text": "hello" }));
    let next = wait::until("the conversation goes on", 60, || {
        post.far_side.heard(number).get(2).cloned()
    });
    let words = next["text"].as_str().unwrap();
    assert!(!words.contains("earlier question"), "{next}");
    assert!(post.service.stop().success(), "{}", post.service.logged());
}
