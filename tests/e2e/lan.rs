//! The listener on the clinic's network, with real TLS: what a locked box says
//! and does not say there, how it is unlocked, and whose certificate it shows.

use crate::support::clinic::{Clinic, PASSPHRASE, free_port};
use crate::support::process::Process;
use crate::support::{http, wait, webhook};
use crate::tpm::phone::Phone;
use healthpost::app::by_hand::this_machine;
use healthpost::app::key::Custody;
use healthpost::app::lan::{Lan, Wanted};
use healthpost::core::time::{DAY_MS, Now, UnixMs};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Instant;

const NOWHERE: &str = "http://127.0.0.1:1";

fn made(folder: &Path) -> Clinic {
    Clinic::new(folder, free_port(), NOWHERE)
}

fn locked(clinic: &Clinic) -> (Process, Phone) {
    let service = clinic.begin_locked();
    let phone = Phone::new(&clinic.data, clinic.lan);
    wait::until("the unlock page", 30, || phone.page("/unlock").ok());
    (service, phone)
}

#[test]
fn a_locked_box_answers_only_what_opens_it() {
    let folder = tempfile::tempdir().unwrap();
    let clinic = made(folder.path());
    let (mut service, phone) = locked(&clinic);
    let page = phone.page("/unlock").unwrap();
    assert_eq!(page.status, 200);
    assert!(page.body.contains("Le boîtier est verrouillé"), "{page:?}");
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(page.header(name), Some(value), "{page:?}");
    }
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
    assert!(!policy.contains("unsafe") && !page.head.contains("access-control"));
    for (path, there) in [
        ("/", "/unlock"),
        ("/records?lang=xx", "/unlock"),
        ("/static/live.js", "/unlock"),
        ("/?lang=sw", "/unlock?lang=sw"),
    ] {
        let answer = phone.page(path).unwrap();
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, Some(there)),
            "{path}"
        );
    }
    for (method, path) in [
        ("GET", "/api/v1/records"),
        ("POST", "/api/v1/token"),
        ("GET", "/metrics"),
        ("POST", "/webhooks/whatsapp"),
    ] {
        let answer = phone.ask(method, path, &[], "").unwrap();
        assert_eq!(answer.status, 503, "{path}");
        assert_eq!(answer.json()["code"], "locked", "{path}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
    }
    assert_eq!(phone.page("/healthz").unwrap().json()["status"], "locked");
    let authority = fs::read_to_string(clinic.data.join("lan/ca.pem")).unwrap();
    for path in ["/ca.pem", "/lan/ca.pem"] {
        assert_eq!(phone.page(path).unwrap().body, authority);
    }
    assert_eq!(phone.page("/trust").unwrap().status, 200);
    assert!(phone_of_another_name(&clinic).page("/unlock").is_err());
    assert!(service.stop().success(), "{}", service.logged());
}

fn phone_of_another_name(clinic: &Clinic) -> Phone {
    Phone::new(&clinic.data, clinic.lan).named("example.com")
}

#[test]
fn a_program_unlocks_and_a_wrong_secret_costs_time() {
    let folder = tempfile::tempdir().unwrap();
    let clinic = made(folder.path());
    let (mut service, phone) = locked(&clinic);
    let body = webhook::text("wamid.lan", "243970000001", "hello");
    assert_eq!(webhook::post(&clinic.webhook(), &body).unwrap().status, 503);
    let elsewhere = [
        ("content-type", "application/json"),
        ("origin", "https://evil.example"),
    ];
    let forged = phone.ask("POST", "/api/v1/unlock", &elsewhere, "{\"secret\":\"x\"}");
    assert_eq!(forged.unwrap().json()["code"], "other_origin");
    #[allow(clippy::disallowed_methods, reason = "the pause is what is measured")]
    let begin = Instant::now();
    let wrong = phone.unlock("maji machafu kabisa").unwrap();
    assert_eq!(
        (wrong.status, wrong.json()["code"].as_str()),
        (403, Some("wrong_secret"))
    );
    let told = clinic.run(&["unlock"], &[], "maji machafu sana\n");
    assert_eq!(told.status, 1, "{told:?}");
    let right = phone.unlock(PASSPHRASE).unwrap();
    assert_eq!(
        (right.status, right.body.as_str()),
        (200, r#"{"checked":true,"unlocked":true}"#)
    );
    // One second after the first, two after the second, which came another way.
    assert!(begin.elapsed().as_secs() >= 3, "{:?}", begin.elapsed());
    clinic.wait_ready(&mut service);
    assert_eq!(webhook::post(&clinic.webhook(), &body).unwrap().status, 200);
    assert!(
        phone
            .page("/")
            .unwrap()
            .body
            .contains("Le boîtier est ouvert")
    );
    // Nobody is at the other end of its line, and the page knows it.
    wait::until("the page says so", 30, || {
        let page = phone.page("/").unwrap().body;
        page.contains("est coupée").then_some(())
    });
    assert!(
        phone
            .page("/unlock")
            .unwrap()
            .body
            .contains("déjà déverrouillé")
    );
    let late = phone.unlock("anything").unwrap();
    assert_eq!(
        (late.status, late.body.as_str()),
        (200, r#"{"checked":false,"unlocked":true}"#)
    );
    assert_eq!(phone.page("/healthz").unwrap().json()["status"], "ok");
    assert_eq!(phone.ask("GET", "/records", &[], "").unwrap().status, 404);
    assert!(service.stop().success());
    let log = service.logged();
    assert!(!log.contains("maji") && !log.contains(PASSPHRASE), "{log}");
}

#[test]
fn an_old_phone_unlocks_by_the_form_without_scripts() {
    let folder = tempfile::tempdir().unwrap();
    let clinic = made(folder.path());
    let (mut service, phone) = locked(&clinic);
    let wrong = phone
        .form("kind=passphrase&lang=sw&secret=maji+machafu")
        .unwrap();
    assert_eq!(wrong.status, 403);
    assert!(
        wrong.body.contains("Si sahihi") && wrong.body.contains("role=\"alert\""),
        "{wrong:?}"
    );
    assert!(!wrong.body.contains("machafu"));
    let empty = phone.form("kind=passphrase").unwrap();
    assert_eq!(empty.status, 422);
    let typed = PASSPHRASE.replace(' ', "+");
    let right = phone
        .form(&format!("kind=passphrase&lang=sw&secret={typed}"))
        .unwrap();
    assert_eq!(
        (right.status, right.header("location")),
        (303, Some("/?lang=sw"))
    );
    // The browser goes where it is sent, while the box is still opening.
    let next = phone.page("/?lang=sw").unwrap();
    assert!(next.body.contains("Kisanduku kiko wazi"), "{next:?}");
    clinic.wait_ready(&mut service);
    assert!(service.stop().success());
}

#[test]
fn who_speaks_plain_http_is_told_where_to_go() {
    let folder = tempfile::tempdir().unwrap();
    let clinic = made(folder.path());
    let (_service, _) = locked(&clinic);
    let ask = |request: &str| {
        let mut stream = TcpStream::connect(("127.0.0.1", clinic.lan)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut told = String::new();
        // A stream that is cut may say so.
        stream.read_to_string(&mut told).ok();
        told.to_lowercase()
    };
    let told =
        ask("GET /unlock?secret=x HTTP/1.1\r\nhost: box.local:8443\r\nconnection: close\r\n\r\n");
    assert!(
        told.contains("location: https://box.local:8443/\r\n"),
        "{told}"
    );
    let told = ask("POST /unlock HTTP/1.1\r\nhost: box.local\r\nconnection: close\r\n\r\n");
    assert!(told.starts_with("http/1.1 426"), "{told}");
    assert_eq!(ask("\0\0\0"), "");
}

#[test]
fn a_folder_made_before_gets_its_certificates_when_it_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let clinic = made(folder.path());
    let before = fs::read(clinic.data.join("lan/ca.pem")).unwrap();
    fs::remove_dir_all(clinic.data.join("lan")).unwrap();
    let mut service = clinic.serve();
    wait::until("the files are back", 30, || {
        clinic.data.join("lan/leaf.pem").exists().then_some(())
    });
    assert_eq!(fs::read(clinic.data.join("lan/ca.pem")).unwrap(), before);
    let phone = Phone::new(&clinic.data, clinic.lan);
    wait::until("it is shown", 30, || phone.page("/").ok());
    assert!(service.stop().success());
    let (conn, _) = clinic.open();
    conn.execute("DELETE FROM meta WHERE key LIKE 'lan_%'", [])
        .unwrap();
    conn.close().unwrap();
    fs::remove_dir_all(clinic.data.join("lan")).unwrap();
    let _service = clinic.serve();
    let phone = wait::until("another authority", 30, || {
        let there = clinic.data.join("lan/leaf.pem").exists();
        there.then(|| Phone::new(&clinic.data, clinic.lan))
    });
    wait::until("it is shown", 30, || phone.page("/").ok());
    assert_ne!(fs::read(clinic.data.join("lan/ca.pem")).unwrap(), before);
}

#[test]
fn a_box_that_is_not_made_yet_has_nothing_wrong_with_its_certificates() {
    let folder = tempfile::tempdir().unwrap();
    let clinic = made(folder.path());
    let other = folder.path().join("other").display().to_string();
    let run = |args: &[&str]| {
        let args = [&["--data-dir", &other, "--log", "info"], args].concat();
        clinic.run(&args, &[], &format!("{PASSPHRASE}\n"))
    };
    let looked = run(&["--json", "doctor"]);
    assert!(!looked.out.contains("ca.pem"), "{looked:?}");
    assert!(looked.out.contains("there is no box yet"), "{looked:?}");
    let page = folder.path().join("recovery.html").display().to_string();
    let file = clinic.passphrase();
    let made = run(&["init", "--passphrase-file", &file, "--recovery-page", &page]);
    assert_eq!(made.status, 0, "{made:?}");
    assert!(made.err.contains("the first certificate"), "{made:?}");
    assert!(!made.err.contains("os error"), "{made:?}");
    // The paper says whose it is.
    let page = fs::read_to_string(page).unwrap();
    let print = made.out.split("SHA-256 ").nth(1).unwrap();
    let print = print.split_whitespace().next().unwrap().replace(':', " ");
    for part in ["Test Post (e2e-1)", &print] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[test]
fn a_leaf_that_has_ended_is_shown_while_locked_and_renewed_once_open() {
    let folder = tempfile::tempdir().unwrap();
    let clinic = made(folder.path());
    let past = UnixMs(wait::now_ms()).plus_ms(-200 * DAY_MS);
    fs::remove_dir_all(clinic.data.join("lan")).unwrap();
    let machine = this_machine().unwrap();
    let custody = Custody::without_tpm(&clinic.data, &machine);
    let then = Now {
        at: past,
        trusted: true,
    };
    let lan = Lan::new(custody, Wanted::without_config(), machine.chance);
    lan.settle_with(&clinic.key(), then).unwrap();
    let mut service = clinic.begin_locked();
    let seconds = u64::try_from(past.0 / 1_000).unwrap();
    let slow = Phone::at(&clinic.data, clinic.lan, seconds);
    wait::until("the unlock page", 30, || slow.page("/unlock").ok());
    let now = Phone::new(&clinic.data, clinic.lan);
    assert!(now.page("/unlock").is_err(), "it has ended");
    let doctor = clinic.run(&["doctor"], &[], "");
    assert!(doctor.out.contains("it ended"), "{doctor:?}");
    assert_eq!(slow.unlock(PASSPHRASE).unwrap().status, 200);
    clinic.wait_ready(&mut service);
    wait::until("a new one is shown", 30, || now.page("/").ok());
    let doctor = clinic.run(&["doctor"], &[], "");
    assert!(doctor.out.contains("it has its names"), "{doctor:?}");
}

#[test]
fn a_new_name_in_the_configuration_is_in_the_certificate_after_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut clinic = made(folder.path());
    clinic.more_lan =
        "names = [\"healthpost.local\", \"Kalehe.lan\", \"example.com\"]\n".to_owned();
    clinic.configure(NOWHERE, "");
    let _service = clinic.serve();
    let phone = Phone::new(&clinic.data, clinic.lan).named("kalehe.lan");
    wait::until("the new name", 30, || phone.page("/").ok());
    assert!(phone_of_another_name(&clinic).page("/").is_err());
    let doctor = clinic.run(&["doctor"], &[], "");
    assert!(
        doctor.out.contains("the certificate lacks example.com"),
        "{doctor:?}"
    );
}

#[test]
fn on_loopback_it_may_do_without_tls() {
    let folder = tempfile::tempdir().unwrap();
    let mut clinic = made(folder.path());
    clinic.more_lan = "tls = false\n".to_owned();
    clinic.configure(NOWHERE, "");
    let mut service = clinic.begin_locked();
    let at = |path: &str| format!("http://127.0.0.1:{}{path}", clinic.lan);
    wait::until("the unlock page", 30, || http::get(&at("/unlock")).ok());
    let evil = [("origin", "http://evil.example")];
    let rebound = http::ask("GET", &at("/unlock"), &evil, b"").unwrap();
    assert_eq!(rebound.status, 403, "{rebound:?}");
    let sent = serde_json::json!({ "secret": PASSPHRASE });
    assert_eq!(
        http::post_json(&at("/api/v1/unlock"), &sent)
            .unwrap()
            .status,
        200
    );
    clinic.wait_ready(&mut service);
}
