//! The client against real sockets: each way a call can end.
#![allow(clippy::disallowed_methods)]

use crate::core::id::OutboxKey;
use crate::core::inbound::{Identity, ProviderError};
use crate::core::limits::PROVIDER_REPLY_BYTES_MAX;
use crate::core::outgoing::{Body, Outgoing, Purpose};
use crate::core::secret::Secret;
use crate::core::time::{Now, UnixMs};
use crate::ports::{Call, Clock, LineFault, Messenger, SendOutcome};
use crate::whatsapp::client::{Line, Timing};
use crate::whatsapp::cloud::{CloudClient, CloudSettings};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::IntoResponse;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Now {
        Now {
            at: UnixMs(1_795_168_800_000),
            trusted: true,
        }
    }
}

fn client(base_url: String) -> CloudClient {
    let timing = Timing {
        connect: Duration::from_secs(2),
        head: Duration::from_millis(500),
        idle: Duration::from_millis(300),
    };
    let settings = CloudSettings {
        base_url,
        api_version: "v25.0".into(),
        phone_number_id: "700100".into(),
        token: Secret::from("TOKENTOKEN"),
    };
    let line = Arc::new(Line::new(timing, Arc::new(Fixed)).unwrap());
    CloudClient::new(line, Arc::new(Fixed), &settings).unwrap()
}

fn call() -> Call {
    Call {
        key: OutboxKey("ob:1".into()),
        to: Identity {
            phone: Some("243810000002".into()),
            ..Identity::default()
        },
        message: Outgoing {
            purpose: Purpose::Prompt,
            body: Body::text("Âge?"),
        },
    }
}

/// A provider that answers each request with what `answer` makes of it.
async fn provider<F, R>(answer: F) -> CloudClient
where
    F: Fn(Method, Uri, HeaderMap, Bytes) -> R + Clone + Send + Sync + 'static,
    R: IntoResponse + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(move |method, uri, headers, body| {
        let reply = answer(method, uri, headers, body);
        async move { reply }
    });
    tokio::spawn(async move { axum::serve(listener, app).await });
    client(base)
}

/// A provider that reads a request and then writes these bytes and, if told
/// so, keeps the connection open without another word.
async fn raw_provider(reply: &'static [u8], keep_open: bool) -> CloudClient {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut buffer = [0_u8; 4_096];
                let _read = socket.read(&mut buffer).await;
                let _written = socket.write_all(reply).await;
                if keep_open {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                }
            });
        }
    });
    client(base)
}

const TAKEN: &str = r#"{"messages":[{"id":"wamid.OUT"}]}"#;

#[tokio::test]
async fn accepted_with_everything_where_it_belongs() {
    let cloud = provider(|method, uri, headers, body| {
        let header = |name: &str| {
            headers
                .get(name)
                .and_then(|v| v.to_str().ok())
                .unwrap_or("")
                .to_owned()
        };
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let sound = method == Method::POST
            && uri == "/v25.0/700100/messages"
            && header("authorization") == "Bearer TOKENTOKEN"
            && header("content-type") == "application/json"
            && header("user-agent").starts_with("healthpost/")
            && body["to"] == "+243810000002"
            && body["biz_opaque_callback_data"] == "ob:1";
        if sound {
            TAKEN.to_owned()
        } else {
            format!("{method} {uri} {headers:?} {body}")
        }
    })
    .await;
    for _ in 0..2 {
        let expected = SendOutcome::Accepted {
            wamid: "wamid.OUT".into(),
        };
        assert_eq!(cloud.send(&call()).await, expected);
    }
}

#[tokio::test]
async fn refused_with_code_status_and_wait() {
    let cloud = provider(|_, _, _, _| {
        let body = r#"{"error":{"message":"+243810000002","code":131056}}"#;
        (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "7")], body)
    })
    .await;
    let expected = SendOutcome::Refused {
        error: ProviderError {
            code: 131_056,
            subcode: None,
        },
        http: 429,
        wait: Some(Duration::from_secs(7)),
    };
    assert_eq!(cloud.send(&call()).await, expected);
}

#[tokio::test]
async fn a_success_that_proves_nothing_is_unknown() {
    for body in ["", "garbage", r#"{"error":"sent to nobody"}"#] {
        let cloud = provider(move |_, _, _, _| body).await;
        assert_eq!(cloud.send(&call()).await, SendOutcome::Unknown, "{body}");
    }
}

#[tokio::test]
async fn a_portal_never_counts_as_sent() {
    let portal = SendOutcome::NotSent(LineFault::Portal);
    let html = provider(|_, _, _, _| axum::response::Html("<p>Accept our terms")).await;
    assert_eq!(html.send(&call()).await, portal);
    for status in [302_u16, 307, 407, 511] {
        let cloud = provider(move |_, uri: Uri, _, _| {
            // A client that followed would find a success there.
            let status = StatusCode::from_u16(status).unwrap();
            if uri.path() == "/login" {
                (StatusCode::OK, [("location", "/")], TAKEN)
            } else {
                (status, [("location", "/login")], "")
            }
        })
        .await;
        assert_eq!(cloud.send(&call()).await, portal, "{status}");
    }
}

#[tokio::test]
async fn silence_after_the_request_is_unknown() {
    let silent = raw_provider(b"", true).await;
    assert_eq!(silent.send(&call()).await, SendOutcome::Unknown);
    let reset = raw_provider(b"", false).await;
    assert_eq!(reset.send(&call()).await, SendOutcome::Unknown);
}

#[tokio::test]
async fn a_reply_that_stops_half_way_is_unknown() {
    let head =
        b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"messages\":[{\"id\":\"wamid.OUT\"}]}";
    let slow = raw_provider(head, true).await;
    assert_eq!(slow.send(&call()).await, SendOutcome::Unknown);
    let cut = raw_provider(head, false).await;
    assert_eq!(cut.send(&call()).await, SendOutcome::Unknown);
}

#[tokio::test]
async fn a_reply_without_end_is_cut_and_unknown() {
    let cloud = provider(|_, _, _, _| {
        let filler = " ".repeat(PROVIDER_REPLY_BYTES_MAX);
        format!("{TAKEN}{filler}")
    })
    .await;
    assert_eq!(cloud.send(&call()).await, SendOutcome::Unknown);
}

#[tokio::test]
async fn a_closed_door_is_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let down = SendOutcome::NotSent(LineFault::Down);
    assert_eq!(client(base).send(&call()).await, down);
    let nowhere = client("https://no-such-host.invalid".into());
    assert_eq!(nowhere.send(&call()).await, down);
}

#[tokio::test]
async fn a_handshake_that_fails_is_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let _written = socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            let mut buffer = [0_u8; 4_096];
            let _read = socket.read(&mut buffer).await;
        }
    });
    let expected = SendOutcome::NotSent(LineFault::Tls);
    assert_eq!(client(base).send(&call()).await, expected);
}

#[tokio::test]
async fn the_probe_asks_for_our_number() {
    let cloud = provider(|method, uri: Uri, _, _| {
        let right = method == Method::GET && uri == "/v25.0/700100?fields=id";
        if right {
            (StatusCode::OK, r#"{"id":"700100"}"#)
        } else {
            (StatusCode::NOT_FOUND, "{}")
        }
    })
    .await;
    assert!(matches!(cloud.probe().await, SendOutcome::Accepted { .. }));
    let stale = provider(|_, _, _, _| {
        (
            StatusCode::UNAUTHORIZED,
            r#"{"error":{"code":190,"error_subcode":463}}"#,
        )
    })
    .await;
    let refused = matches!(stale.probe().await, SendOutcome::Refused { http: 401, .. });
    assert!(refused);
}

#[tokio::test]
async fn a_person_without_an_address_is_refused_without_a_call() {
    let cloud = client("http://127.0.0.1:1".into());
    let mut call = call();
    call.to = Identity::default();
    let refused = matches!(
        cloud.send(&call).await,
        SendOutcome::Refused { http: 0, .. }
    );
    assert!(refused);
}

#[test]
fn the_token_is_in_no_debug_output_and_no_plain_address_is_taken() {
    let shown = format!("{:?}", client("http://127.0.0.1:1".into()));
    assert!(!shown.contains("TOKEN"), "{shown}");
    let settings = CloudSettings {
        base_url: "http://graph.example".into(),
        api_version: "v25.0".into(),
        phone_number_id: "1".into(),
        token: Secret::from("TOKENTOKEN"),
    };
    let line = Arc::new(Line::new(Timing::default(), Arc::new(Fixed)).unwrap());
    let refused = CloudClient::new(line, Arc::new(Fixed), &settings);
    assert!(!format!("{:?}", refused.unwrap_err()).contains("TOKEN"));
}

#[tokio::test]
async fn a_certificate_of_nobody_we_trust_is_not_sent() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let tls = axum_server::tls_rustls::RustlsConfig::from_config(Arc::new(tls));
    let handle = axum_server::Handle::<std::net::SocketAddr>::new();
    let server = axum_server::bind_rustls("127.0.0.1:0".parse().unwrap(), tls);
    let app = Router::new().fallback(|| async { TAKEN });
    let serving = server.handle(handle.clone()).serve(app.into_make_service());
    tokio::spawn(serving);
    let port = handle.listening().await.unwrap().port();
    let stranger = client(format!("https://localhost:{port}"));
    let expected = SendOutcome::NotSent(LineFault::Tls);
    assert_eq!(stranger.send(&call()).await, expected);
}

#[tokio::test]
async fn after_an_outage_the_same_client_serves_on() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let cloud = client(format!("http://{address}"));
    let down = SendOutcome::NotSent(LineFault::Down);
    assert_eq!(cloud.send(&call()).await, down);
    let listener = TcpListener::bind(address).await.unwrap();
    let app = Router::new().fallback(|| async { TAKEN });
    tokio::spawn(async move { axum::serve(listener, app).await });
    let taken = matches!(cloud.send(&call()).await, SendOutcome::Accepted { .. });
    assert!(taken);
}
