//! UltraMsg from outside: the real binary, the simulated gateway as its own
//! process, with a public way in and without one.

use crate::support::clinic::{Clinic, free_port};
use crate::support::http;
use crate::support::process::Process;
use crate::support::ultra_side::{INSTANCE, PATH_SECRET, TOKEN, UltraSide};
use crate::support::wait;
use healthpost::durable;
use rusqlite::Connection;
use serde_json::{Value, json};
use std::fs;

const MARIE: &str = "243970000001";
const HIDDEN: &str = "77001122@lid";
const NOWHERE: &str = "http://127.0.0.1:1";

struct Post {
    _folder: tempfile::TempDir,
    clinic: Clinic,
    far: UltraSide,
}

/// A box whose messages go through UltraMsg. The far side is told its webhook
/// only if there is a public way in.
fn post(public: bool) -> Post {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let callback = format!("http://127.0.0.1:{port}/webhooks/ultramsg/{PATH_SECRET}");
    let far = UltraSide::start(folder.path(), if public { &callback } else { "" });
    let clinic = Clinic::new(folder.path(), port, NOWHERE).with(&["--log", "trace"]);
    let more = format!(
        "[ultramsg]\nbase_url = \"{}\"\ninstance_id = \"{INSTANCE}\"\n",
        far.api
    );
    clinic.configure(NOWHERE, &more);
    let source = fs::read_to_string(clinic.config()).unwrap();
    let source = source.replace("[whatsapp]\n", "[whatsapp]\nprovider = \"ultramsg\"\n");
    durable::write(&clinic.config(), source.as_bytes()).unwrap();
    let doctor = clinic.run(&["doctor", "--passphrase-file"], &[clinic.passphrase()], "");
    for name in ["ultramsg.token", "ultramsg.webhook_secret"] {
        assert!(
            doctor.out.contains(name),
            "doctor names what is missing: {doctor:?}"
        );
    }
    let mut secrets = vec![("ultramsg.token", TOKEN)];
    if public {
        secrets.push(("ultramsg.webhook_secret", PATH_SECRET));
    }
    for (name, value) in secrets {
        let args = ["secret", "set", name, "--passphrase-file"];
        let set = clinic.run(&args, &[clinic.passphrase()], value);
        assert_eq!(set.status, 0, "{set:?}");
    }
    Post {
        _folder: folder,
        clinic,
        far,
    }
}

impl Post {
    fn wait_heard(&self, name: &str, messages: usize) -> Vec<String> {
        wait::until("the phone is answered", 90, || {
            let heard = self.far.heard(name);
            (heard.len() >= messages).then_some(heard)
        })
    }

    /// A phone says each line, after the answer to the one before.
    fn talk(&self, name: &str, lines: &[&str]) -> Vec<String> {
        let before = self.far.heard(name).len();
        for (nth, line) in lines.iter().enumerate() {
            self.far.write(name, line);
            self.wait_heard(name, before + nth + 1);
        }
        self.far.heard(name)
    }

    fn states(&self) -> Vec<String> {
        let listed = self.clinic.json(&["outbox", "list", "--limit", "1000"]);
        let messages = listed["messages"].as_array().unwrap();
        let state = |message: &Value| message["state"].as_str().unwrap().to_owned();
        messages.iter().map(state).collect()
    }

    /// Stops the service; nothing private may stand in its log.
    fn look_inside(&self, mut service: Process) -> Connection {
        assert!(service.stop().success(), "{}", service.logged());
        let log = service.logged();
        assert!(log.contains("serving"), "the log was looked at");
        for private in [TOKEN, PATH_SECRET, MARIE, "77001122", "Amina"] {
            assert!(!log.contains(private), "{private} stands in the log");
        }
        self.clinic.open().0
    }
}

/// The line is cut, and the box knows of it.
fn cut(post: &Post) {
    post.far.set_line(false);
    wait::until("the line is known to be down", 90, || {
        let health = http::get(&post.clinic.healthz()).ok()?;
        (health.json()["line"] == "down").then_some(())
    });
}

/// The same, and mended: the box looks into the chats now, whatever webhooks
/// bring.
fn interrupt(post: &Post) {
    cut(post);
    post.far.set_line(true);
}

fn count(conn: &Connection, sql: &str) -> i64 {
    conn.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// A whole intake by words and numbers alone.
const INTAKE: [&str; 10] = [
    "hello",
    "1",
    "1",
    "1",
    "Amina Juma\n34\nfemale\nKalehe",
    "knee\n3 days ago",
    "2",
    "none\nnone\nno",
    "Juma +243970000009",
    "1",
];

fn complete(conn: &Connection) -> i64 {
    count(
        conn,
        "SELECT count(*) FROM record WHERE status = 'complete'",
    )
}

#[test]
fn an_intake_by_webhook_with_duplicates_echoes_groups_and_strangers() {
    let post = post(true);
    let service = post.clinic.serve();
    post.far.fault("double_webhook", 6);
    post.far.write("120363@g.us", "all of you, hello");
    post.far.write("status@broadcast", "look");
    post.talk(MARIE, &INTAKE);
    post.talk(HIDDEN, &["hello"]);
    let base = post.clinic.healthz().replace("/healthz", "");
    let forged = json!({ "event_type": "message_received" }).to_string();
    for (path, status) in [
        ("/webhooks/ultramsg/guess", 404),
        ("/webhooks/ultramsg/", 404),
        (&format!("/webhooks/ultramsg/{PATH_SECRET}x"), 404),
        ("/webhooks/whatsapp", 404),
        (&format!("/webhooks/ultramsg/{PATH_SECRET}"), 200),
    ] {
        let url = format!("{base}{path}");
        let answer = http::ask("POST", &url, &[], forged.as_bytes()).unwrap();
        assert_eq!(answer.status, status, "{path}");
    }
    wait::until("each message is known to be read", 60, || {
        post.states()
            .iter()
            .all(|state| state == "read")
            .then_some(())
    });
    let heard = post.far.heard(MARIE);
    let conn = post.look_inside(service);
    assert_eq!(heard.len(), INTAKE.len(), "one answer each: {heard:?}");
    assert!(heard[0].contains("1. "), "choices are numbered: {heard:?}");
    assert_eq!(complete(&conn), 1);
    assert_eq!(count(&conn, "SELECT count(*) FROM contact"), 2);
    assert_eq!(
        count(&conn, "SELECT count(*) FROM inbox WHERE state = 'dead'"),
        1
    );
    let taken = count(&conn, "SELECT count(*) FROM inbox WHERE kind = 'message'");
    assert_eq!(taken, INTAKE.len() as i64 + 1, "each once");
}

#[test]
fn an_intake_by_polling_alone_and_a_line_that_is_cut_and_back() {
    let post = post(false);
    let service = post.clinic.serve();
    let first = post.talk(MARIE, &INTAKE[..2]);
    // Somebody writes while the line is cut: nothing is heard of it.
    cut(&post);
    for name in [MARIE, HIDDEN] {
        post.far
            .write(name, if name == MARIE { "1" } else { "hello" });
    }
    post.far.set_line(true);
    post.wait_heard(HIDDEN, 1);
    post.wait_heard(MARIE, first.len() + 1);
    post.talk(MARIE, &INTAKE[3..]);
    wait::until("each message is known to be read", 60, || {
        post.states()
            .iter()
            .all(|state| state == "read")
            .then_some(())
    });
    let heard = post.far.heard(MARIE);
    let conn = post.look_inside(service);
    assert_eq!(heard.len(), INTAKE.len(), "{heard:?}");
    assert_eq!(complete(&conn), 1);
}

#[test]
fn a_lost_result_is_settled_by_its_reference_and_not_doubled() {
    let post = post(false);
    let service = post.clinic.serve();
    post.far.fault("lose_answer", 1);
    post.talk(MARIE, &INTAKE[..4]);
    post.far.fault("lose_request", 1);
    post.talk(HIDDEN, &["hello"]);
    let taken = post.far.taken();
    let mut keys: Vec<&str> = taken
        .iter()
        .map(|row| row["referenceId"].as_str().unwrap())
        .collect();
    let all = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), all, "nothing went twice");
    assert_eq!(all, 5);
    let conn = post.look_inside(service);
    // One was asked about and found; the other was not there and went again.
    assert_eq!(count(&conn, "SELECT count(*) FROM attempt"), 7);
    assert!(count(&conn, "SELECT count(*) FROM outbox WHERE maybe_double = 1") <= 1);
}

#[test]
fn a_phone_that_is_logged_out_holds_everything_and_fails_nothing() {
    let post = post(true);
    let service = post.clinic.serve();
    post.talk(MARIE, &["hello"]);
    post.far.account(&json!({ "status": "qr" }));
    // The word that a phone is linked is believed for ten seconds.
    wait::pass(std::time::Duration::from_secs(11));
    post.far.write(MARIE, "1");
    wait::until("the reply waits here", 30, || {
        (post.clinic.waiting() == 1).then_some(())
    });
    wait::until("the channel is known to be out of order", 120, || {
        (post.clinic.json(&["outbox", "list"])["line"] == "misconfigured"
            || service.logged().contains("misconfigured"))
        .then_some(())
    });
    assert_eq!(post.far.heard(MARIE).len(), 1);
    post.far.account(&json!({ "status": "authenticated" }));
    post.wait_heard(MARIE, 2);
    let conn = post.look_inside(service);
    assert_eq!(
        count(&conn, "SELECT count(*) FROM outbox WHERE state = 'failed'"),
        0
    );
}

#[test]
fn what_a_lost_webhook_told_is_found_below_twelve_that_arrived() {
    let post = post(true);
    let service = post.clinic.serve();
    post.talk(MARIE, &["hello"]);
    interrupt(&post);
    post.talk(HIDDEN, &["hello"]);
    let settled = || post.states().iter().all(|state| state == "read");
    wait::until("no webhook is on its way", 60, || settled().then_some(()));
    post.far.fault("drop_webhook", 1);
    post.far.write(MARIE, "my father is here too");
    for _ in 0..12 {
        post.talk(MARIE, &["hello"]);
    }
    let taken = "SELECT count(*) FROM inbox WHERE kind = 'message'";
    interrupt(&post);
    post.talk(HIDDEN, &["1"]);
    let conn = post.look_inside(service);
    assert_eq!(count(&conn, taken), 1 + 1 + 12 + 1 + 1, "the lost one too");
}

#[test]
fn a_phone_that_is_off_and_answers_nobody_can_read_stop_nothing() {
    let post = post(false);
    post.far.fault("odd_statistics", 1_000);
    post.far.phone(HIDDEN, false);
    let service = post.clinic.serve();
    post.talk(MARIE, &INTAKE[..2]);
    post.talk(HIDDEN, &["hello"]);
    post.far.fault("unreadable_row", 3);
    post.talk(MARIE, &["1"]);
    let standing = |state: &str| {
        let states = post.states();
        states.iter().filter(|it| *it == state).count()
    };
    wait::until("all but one are known to be read", 60, || {
        (standing("read") == 3 && standing("sent") == 1).then_some(())
    });
    let row = post.far.taken().into_iter().find(|row| row["to"] == HIDDEN);
    assert_eq!(row.unwrap()["ack"], "server");
    post.far.phone(HIDDEN, true);
    // Another message has the news asked for.
    post.talk(MARIE, &["1"]);
    wait::until("that one too", 60, || (standing("read") == 5).then_some(()));
    let conn = post.look_inside(service);
    // A row that cannot be read is a dead letter, and nothing else asks for staff.
    let tasks = "SELECT count(*) FROM task WHERE kind != 'dead_letter'";
    assert_eq!(count(&conn, tasks), 0);
}

/// Status and output of a command that asks the provider.
fn ask(post: &Post, args: &[&str]) -> (i32, String) {
    let ran = post.clinic.run(args, &[], "");
    for private in [TOKEN, PATH_SECRET, MARIE] {
        let leaks = ran.out.contains(private) || ran.err.contains(private);
        assert!(!leaks, "{args:?} shows {private}");
    }
    (ran.status, format!("{}{}", ran.out, ran.err))
}

#[test]
fn the_set_up_is_told_in_words_and_a_test_message_goes_out() {
    let post = post(true);
    let mut service = post.clinic.serve();
    let says = |status: i32, parts: &[&str]| {
        for args in [&["doctor", "--online"][..], &["whatsapp", "setup"]] {
            let (ended, said) = ask(&post, args);
            assert_eq!(ended, status, "{args:?} {said}");
            for part in parts {
                assert!(said.contains(part), "{args:?} {part}: {said}");
            }
        }
    };
    says(0, &["phone: it is linked", "chats: 0 can be looked into"]);
    post.far.account(&json!({ "status": "qr" }));
    says(1, &["it is logged out", "scan the code"]);
    post.far.account(&json!({ "status": "standby" }));
    says(1, &["another session", "they need a phone that is linked"]);
    post.far.account(&json!({ "status": "authenticated" }));
    let (ended, said) = ask(&post, &["whatsapp", "test", "--to", "+243970009001"]);
    assert_eq!(ended, 0, "{said}");
    assert!(said.contains("delivered"), "{said}");
    assert_eq!(post.far.heard("243970009001"), ["hello"]);
    let set = ["secret", "set", "ultramsg.token"];
    assert_eq!(
        post.clinic
            .run(&set, &[], "token-of-another-instance")
            .status,
        0
    );
    says(1, &["does not accept the token"]);
    assert!(service.stop().success(), "{}", service.logged());
}
