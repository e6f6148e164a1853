//! What the program does with what it should never be given: each refusal has
//! its status, nothing of a stranger's words stays, and the process lives.

use crate::support::clinic::{Clinic, free_port};
use crate::support::far_side::{APP_SECRET, VERIFY_TOKEN};
use crate::support::http::{self, Answer};
use crate::support::process::Process;
use crate::support::webhook;
use rusqlite::Connection;
use std::io::{Read, Write};
use std::net::TcpStream;

/// A provider nobody is: the line is down, which is none of these tests' matter.
const NOWHERE: &str = "http://127.0.0.1:1";
/// Words that must leave no trace.
const CANARY: &str = "zebra-crossing-quartz";
/// The largest webhook body.
const BODY_MAX: usize = 3_145_728;

struct Box {
    _folder: tempfile::TempDir,
    clinic: Clinic,
    service: Process,
}

fn serving() -> Box {
    let folder = tempfile::tempdir().unwrap();
    let clinic = Clinic::new(folder.path(), free_port(), NOWHERE).with(&["--log", "trace"]);
    let service = clinic.serve();
    Box {
        _folder: folder,
        clinic,
        service,
    }
}

impl Box {
    /// Stops the service and gives the database and the log.
    fn look_inside(mut self) -> (Connection, String) {
        assert!(self.service.stop().success(), "{}", self.service.logged());
        let log = self.service.logged();
        (self.clinic.open().0, log)
    }

    fn post(&self, headers: &[(&str, &str)], body: &[u8]) -> u16 {
        let answer = http::ask("POST", &self.clinic.webhook(), headers, body).unwrap();
        assert!(!answer.text().contains(CANARY));
        answer.status
    }
}

fn count(conn: &Connection, sql: &str) -> i64 {
    conn.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn an_unsigned_or_wrongly_signed_body_is_401_and_leaves_no_trace() {
    let it = serving();
    let body = webhook::text("wamid.CANARY", "243970000001", CANARY);
    let right = webhook::signature(APP_SECRET, &body);
    let other = webhook::signature("another secret", &body);
    let of_other_bytes = webhook::signature(APP_SECRET, b"{}");
    let cut = &right[..70];
    let wrong: [&[(&str, &str)]; 7] = [
        &[],
        &[("x-hub-signature-256", &other)],
        &[("x-hub-signature-256", &of_other_bytes)],
        &[("x-hub-signature-256", cut)],
        &[("x-hub-signature-256", "sha256=")],
        &[("x-hub-signature-256", right.trim_start_matches("sha256="))],
        &[("x-hub-signature", &right)],
    ];
    for headers in wrong {
        assert_eq!(it.post(headers, &body), 401, "{headers:?}");
    }
    let (conn, log) = it.look_inside();
    for table in ["webhook", "inbox", "seen", "contact"] {
        assert_eq!(
            count(&conn, &format!("SELECT count(*) FROM {table}")),
            0,
            "{table}"
        );
    }
    assert!(log.contains("serving"), "the log was looked at");
    assert!(
        !log.contains(CANARY) && !log.contains("243970000001"),
        "{log}"
    );
}

#[test]
fn a_body_of_three_mebibytes_is_taken_and_one_byte_more_is_not() {
    let it = serving();
    let mut body = webhook::text("wamid.large", "243970000001", "hello");
    body.resize(BODY_MAX, b' ');
    assert_eq!(
        webhook::post(&it.clinic.webhook(), &body).unwrap().status,
        200
    );
    body.push(b' ');
    assert_eq!(
        webhook::post(&it.clinic.webhook(), &body).unwrap().status,
        413
    );
    assert_eq!(post_in_chunks(&it.clinic, &body), 413);
    let (conn, _) = it.look_inside();
    assert_eq!(count(&conn, "SELECT count(*) FROM webhook"), 1);
    assert_eq!(
        count(&conn, "SELECT max(length(body)) FROM webhook"),
        3_145_728
    );
    assert_eq!(
        count(&conn, "SELECT count(*) FROM inbox WHERE kind = 'message'"),
        1
    );
}

/// A sender that does not say how much is to come.
fn post_in_chunks(clinic: &Clinic, body: &[u8]) -> u16 {
    let mut stream = TcpStream::connect(("127.0.0.1", clinic.port)).unwrap();
    let signed = webhook::signature(APP_SECRET, body);
    write!(
        stream,
        "POST /webhooks/whatsapp HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\
         x-hub-signature-256: {signed}\r\n\r\n"
    )
    .unwrap();
    for part in body.chunks(64 * 1024) {
        let sent = write!(stream, "{:x}\r\n", part.len())
            .and_then(|()| stream.write_all(part))
            .and_then(|()| stream.write_all(b"\r\n"));
        // It may have been refused before its end.
        if sent.is_err() {
            break;
        }
    }
    let mut head = [0; 12];
    stream.read_exact(&mut head).unwrap();
    String::from_utf8_lossy(&head[9..]).parse().unwrap()
}

#[test]
fn strangers_who_claim_much_and_send_little_are_in_nobodys_way() {
    let serving = serving();
    // More than the whole budget, claimed with one byte each.
    let claims: Vec<TcpStream> = (0..24)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", serving.clinic.port)).unwrap();
            let head = format!(
                "POST /webhooks/whatsapp HTTP/1.1\r\nhost: box\r\n\
                 x-hub-signature-256: sha256={}\r\ncontent-length: 2097152\r\n\r\nx",
                "0".repeat(64)
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream
        })
        .collect();
    // Answered on the same listener after them: their heads have been read.
    assert_eq!(http::get(&serving.clinic.healthz()).unwrap().status, 200);
    for turn in 0..3 {
        let body = webhook::text(&format!("wamid.true-{turn}"), "243970000001", "hello");
        let status = webhook::post(&serving.clinic.webhook(), &body)
            .unwrap()
            .status;
        assert_eq!(status, 200);
    }
    drop(claims);
}

#[test]
fn strangers_whose_bodies_stall_are_in_nobodys_way() {
    let serving = serving();
    // More than there is room for, and each lacks its end.
    let stalled: Vec<TcpStream> = (0..33)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", serving.clinic.port)).unwrap();
            let head = format!(
                "POST /webhooks/whatsapp HTTP/1.1\r\nhost: box\r\n\
                 x-hub-signature-256: sha256={}\r\ncontent-length: 65536\r\n\r\n",
                "0".repeat(64)
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&[b'x'; 65_000]).unwrap();
            stream
        })
        .collect();
    for (turn, bytes) in [0, 60_000, BODY_MAX].into_iter().enumerate() {
        let mut body = webhook::text(&format!("wamid.true-{turn}"), "243970000001", "hello");
        body.resize(body.len().max(bytes), b' ');
        let answer = webhook::post(&serving.clinic.webhook(), &body).unwrap();
        assert_eq!(answer.status, 200, "{bytes} bytes");
    }
    drop(stalled);
}

#[test]
fn signed_words_that_are_no_json_become_a_dead_letter() {
    let it = serving();
    for body in [
        &b"not json at all"[..],
        b"",
        b"[1,2",
        b"\xff\xfe",
        b"null",
        b"{}",
    ] {
        let answer = webhook::post(&it.clinic.webhook(), body).unwrap();
        assert_eq!(answer.status, 200, "{body:?}");
    }
    // Half a batch: the good one lives.
    let good = webhook::message("wamid.good", "243970000001", "hello");
    let batch = webhook::batch(&[serde_json::json!({ "id": 7, "from": [] }), good]);
    assert_eq!(
        webhook::post(&it.clinic.webhook(), &batch).unwrap().status,
        200
    );
    let (conn, _) = it.look_inside();
    let dead = count(&conn, "SELECT count(*) FROM inbox WHERE state = 'dead'");
    assert!(dead >= 5, "{dead}");
    assert_eq!(
        count(&conn, "SELECT count(*) FROM inbox WHERE kind = 'message'"),
        1
    );
}

#[test]
fn a_message_that_cannot_be_read_is_told_to_people_and_not_quoted() {
    let it = serving();
    let doctor = |it: &Box| it.clinic.run(&["doctor"], &[], "").out;
    assert!(!doctor(&it).contains("could not be read"));
    let mut undated = webhook::message("wamid.undated", "243970000001", CANARY);
    undated["timestamp"] = "abc".into();
    let mut nobodys = webhook::message("wamid.nobodys", "243970000001", CANARY);
    nobodys.as_object_mut().unwrap().remove("from");
    let batch = webhook::batch(&[undated, nobodys]);
    assert_eq!(
        webhook::post(&it.clinic.webhook(), &batch).unwrap().status,
        200
    );
    let said = doctor(&it);
    assert!(
        said.contains("2 messages came in that could not be read"),
        "{said}"
    );
    let (conn, log) = it.look_inside();
    let told = "SELECT count(*) FROM task JOIN inbox ON inbox.id = task.detail
                WHERE task.kind = 'dead_letter' AND inbox.state = 'dead'";
    assert_eq!(count(&conn, told), 2);
    for rule in [
        "a message without a sound timestamp",
        "a message without a phone number or a user id",
    ] {
        assert!(log.contains(rule), "{rule}: {log}");
    }
    assert!(!log.contains(CANARY) && !log.contains("243970000001"));
}

#[test]
fn a_compressed_body_is_415() {
    let it = serving();
    let body = webhook::text("wamid.zip", "243970000001", "hello");
    let signed = webhook::signature(APP_SECRET, &body);
    let headers = [
        ("x-hub-signature-256", signed.as_str()),
        ("content-encoding", "gzip"),
    ];
    assert_eq!(it.post(&headers, &body), 415);
    let (conn, _) = it.look_inside();
    assert_eq!(count(&conn, "SELECT count(*) FROM webhook"), 0);
}

#[test]
fn the_handshake_answers_the_right_token_and_no_other() {
    let it = serving();
    let ask =
        |query: &str| -> Answer { http::get(&format!("{}?{query}", it.clinic.webhook())).unwrap() };
    let right = ask(&format!(
        "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={VERIFY_TOKEN}"
    ));
    assert_eq!((right.status, right.text().as_str()), (200, "1158201444"));
    for wrong in [
        "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=guess".to_owned(),
        format!("hub.mode=unsubscribe&hub.challenge=1&hub.verify_token={VERIFY_TOKEN}"),
        format!("hub.mode=subscribe&hub.verify_token={VERIFY_TOKEN}"),
        "hub.mode=subscribe&hub.challenge=1".to_owned(),
        String::new(),
    ] {
        assert_eq!(ask(&wrong).status, 403, "{wrong}");
    }
    let base = it.clinic.webhook().replace("/webhooks/whatsapp", "");
    for (method, path, status) in [
        ("PUT", "/webhooks/whatsapp", 405),
        ("GET", "/", 404),
        ("GET", "/records", 404),
        ("GET", "/simulator", 404),
    ] {
        let answer = http::ask(method, &format!("{base}{path}"), &[], b"").unwrap();
        assert_eq!(answer.status, status, "{method} {path}");
    }
}
