//! The simulator on real sockets of the loopback: the Graph port, webhooks
//! posted to a small receiver, the control API, and a line that can be cut.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]

use super::callback::Callback;
use super::*;
use crate::core::time::{Now, UnixMs};
use crate::ports::Clock;
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// A clock that goes ten milliseconds with every look.
struct Steps(AtomicI64);

impl Clock for Steps {
    fn now(&self) -> Now {
        Now {
            at: UnixMs(self.0.fetch_add(10, Ordering::SeqCst)),
            trusted: true,
        }
    }
}

async fn simulator(callback: &str) -> Simulator {
    let mut settings = Settings {
        callback_url: callback.into(),
        ..Settings::default()
    };
    settings.delays.hang_ms = 50;
    let clock = Arc::new(Steps(AtomicI64::new(1_795_168_800_000)));
    let loopback = "127.0.0.1:0".parse().unwrap();
    Simulator::start(settings, loopback, clock, None)
        .await
        .unwrap()
}

fn authority(url: &str) -> String {
    url.trim_start_matches("http://").to_owned()
}

/// One request on a connection of its own; the status and the body.
async fn ask(at: &str, method: &str, path: &str, body: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(at).await?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer simulated-access-token\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .ok_or(ErrorKind::UnexpectedEof)?;
    let status = head[9..12].parse().unwrap();
    Ok((status, body.to_owned()))
}

fn text(number: &str) -> String {
    json!({ "messaging_product": "whatsapp", "to": format!("+{number}"), "type": "text",
        "text": { "body": "x" }, "biz_opaque_callback_data": "ob:1" })
    .to_string()
}

const MESSAGES: &str = "/v25.0/106540352242922/messages";

/// Runs `test` while the simulator and its control API serve.
async fn while_serving(simulator: &Simulator, test: impl AsyncFnOnce(String)) {
    let control = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = control.local_addr().unwrap().to_string();
    let stop = CancellationToken::new();
    tokio::select! {
        () = simulator.run(stop) => panic!("stopped by itself"),
        served = axum::serve(control, simulator.router()).into_future() => served.unwrap(),
        () = test(at) => {}
        () = tokio::time::sleep(Duration::from_secs(30)) => panic!("took too long"),
    }
}

#[tokio::test]
async fn a_cut_line_refuses_connections_and_a_mended_one_takes_them() {
    let simulator = simulator("").await;
    let graph = authority(&simulator.graph_url());
    while_serving(&simulator, async |control| {
        let probe = ask(&graph, "GET", "/v25.0/106540352242922", "")
            .await
            .unwrap();
        assert_eq!(probe.0, 200);
        let mut kept = TcpStream::connect(&graph).await.unwrap();
        kept.write_all(b"GET /v25.0/1 HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        let mut some = [0_u8; 16];
        kept.read_exact(&mut some).await.unwrap();

        let cut = ask(
            &control,
            "POST",
            "/simulator/line",
            r#"{"up":false,"webhooks":false}"#,
        )
        .await
        .unwrap();
        assert_eq!(cut, (200, r#"{"up":false,"webhooks":false}"#.to_owned()));
        let mut rest = Vec::new();
        let ended = kept.read_to_end(&mut rest).await;
        assert!(ended.is_err(), "kept-alive connections are reset");
        let refused = loop {
            match TcpStream::connect(&graph).await {
                Err(refused) if refused.kind() != ErrorKind::ConnectionReset => break refused,
                // A call that was in the air when the line went is reset.
                Ok(_) | Err(_) => tokio::task::yield_now().await,
            }
        };
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);

        ask(&control, "POST", "/simulator/line", r#"{"up":true}"#)
            .await
            .unwrap();
        let back = loop {
            match ask(&graph, "GET", "/v25.0/106540352242922", "").await {
                Ok(answer) => break answer,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        assert_eq!(back.0, 200);
    })
    .await;
}

#[tokio::test]
async fn webhooks_arrive_signed_and_are_tried_again_until_200() {
    let receiver = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", receiver.local_addr().unwrap());
    let simulator = simulator(&url).await;
    while_serving(&simulator, async |control| {
        let path = "/simulator/phones/243970000001/messages";
        let written = ask(&control, "POST", path, r#"{"text":"Fièvre 🤒"}"#)
            .await
            .unwrap();
        assert_eq!(written.0, 201, "{}", written.1);
        let mut bodies = Vec::new();
        for status in ["503 Service Unavailable", "200 OK"] {
            let (mut stream, _) = receiver.accept().await.unwrap();
            let (head, body) = read_request(&mut stream).await;
            assert!(head.starts_with("POST /hook HTTP/1.1\r\n"));
            let signature = sign("simulated-app-secret", &body);
            assert!(head.contains(&format!("x-hub-signature-256: {signature}\r\n")));
            assert!(
                String::from_utf8(body.clone())
                    .unwrap()
                    .contains(r"Fi\u00e8vre \ud83e\udd12")
            );
            bodies.push(body);
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        assert_eq!(bodies[0], bodies[1]);
        loop {
            let (_, list) = ask(&control, "GET", path, "").await.unwrap();
            let list: Value = serde_json::from_str(&list).unwrap();
            if list[0]["ticks"] == "delivered" {
                assert_eq!(list[0]["direction"], "to_clinic");
                break;
            }
        }
    })
    .await;
}

async fn read_request(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0_u8; 1_024];
        let count = stream.read(&mut part).await.unwrap();
        bytes.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().unwrap());
        if body.len() >= length {
            return (format!("{head}\r\n"), body.as_bytes().to_vec());
        }
    }
}

#[tokio::test]
async fn faults_on_the_wire_reset_hang_and_portal() {
    let simulator = simulator("").await;
    let graph = authority(&simulator.graph_url());
    while_serving(&simulator, async |control| {
        let hello = r#"{"text":"x"}"#;
        let path = "/simulator/phones/243970000001/messages";
        ask(&control, "POST", path, hello).await.unwrap();
        let cases = [
            (r#"{"fault":{"kind":"reset_after_accepting"}}"#, None),
            (r#"{"fault":{"kind":"hang_after_accepting"}}"#, None),
            (r#"{"fault":{"kind":"portal"}}"#, Some(200)),
            (r#"{"fault":{"kind":"redirect"}}"#, Some(302)),
            (
                r#"{"fault":{"kind":"refuse","code":131056},"times":1}"#,
                Some(429),
            ),
        ];
        for (fault, expected) in cases {
            let set = ask(&control, "POST", "/simulator/faults", fault)
                .await
                .unwrap();
            assert_eq!(set.0, 200, "{}", set.1);
            let answer = ask(&graph, "POST", MESSAGES, &text("243970000001")).await;
            assert_eq!(answer.ok().map(|(http, _)| http), expected, "{fault}");
        }
        let fine = ask(&graph, "POST", MESSAGES, &text("243970000001"))
            .await
            .unwrap();
        assert!(fine.1.contains("wamid."), "{}", fine.1);
        let (_, log) = ask(&control, "GET", "/simulator/log", "").await.unwrap();
        let log: Value = serde_json::from_str(&log).unwrap();
        assert_eq!(log["total"], 3);
        assert_eq!(log["sends"][0]["callback"], "ob:1");
    })
    .await;
}

#[tokio::test]
async fn the_control_api_refuses_what_it_does_not_know() {
    let simulator = simulator("").await;
    while_serving(&simulator, async |control| {
        for (method, path, body, expected) in [
            ("GET", "/simulator/phones/243970000001/messages", "", 404),
            (
                "POST",
                "/simulator/phones/12/messages",
                r#"{"text":"x"}"#,
                400,
            ),
            ("POST", "/simulator/phones/243970000001/messages", "{}", 400),
            (
                "POST",
                "/simulator/phones/243970000001/messages",
                r#"{"txet":"x"}"#,
                422,
            ),
            (
                "POST",
                "/simulator/phones",
                r#"{"bsuid_only":true,"username":"u"}"#,
                201,
            ),
            ("GET", "/simulator/waiting", "", 200),
            ("GET", "/simulator/counts", "", 200),
            ("GET", "/simulator/phone.js", "", 200),
        ] {
            let answer = ask(&control, method, path, body).await.unwrap();
            assert_eq!(answer.0, expected, "{method} {path} {}", answer.1);
        }
    })
    .await;
}

#[tokio::test]
async fn the_handshake_wants_exactly_its_challenge_back() {
    let receiver = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", receiver.local_addr().unwrap());
    let simulator = simulator(&url).await;
    for honest in [true, false] {
        let answer = async {
            let (mut stream, _) = receiver.accept().await.unwrap();
            let (head, _) = read_request(&mut stream).await;
            let query = head.split_once("hub.challenge=").unwrap().1;
            let challenge = if honest {
                query.split('&').next().unwrap()
            } else {
                "7"
            };
            let answer = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{challenge}");
            stream.write_all(answer.as_bytes()).await.unwrap();
        };
        let (verified, ()) = tokio::join!(simulator.verify_callback(), answer);
        assert_eq!(verified.is_ok(), honest);
    }
    assert!(Callback::parse(&url).is_some());
}
