//! What UltraMsg's answers mean: errors under HTTP 200 in three shapes,
//! booleans as texts, pages of strangers.

use crate::core::delivery::{Class, classify};
use crate::core::inbound::ProviderError;
use crate::ports::{LineFault, SendOutcome};
use crate::whatsapp::client::Answer;
use crate::whatsapp::ultramsg::codes;
use crate::whatsapp::ultramsg::verdict::{judge, linked, taken};
use proptest::prelude::*;
use reqwest::header::HeaderMap;

fn answer(status: u16, body: &str) -> Answer {
    Answer {
        status,
        headers: HeaderMap::new(),
        body: body.as_bytes().to_vec(),
        whole: true,
        genuine: false,
    }
}

fn sent(status: u16, body: &str) -> SendOutcome {
    judge(&answer(status, body), &|body| taken(body, "12345"))
}

fn refused(code: i64, http: u16) -> SendOutcome {
    SendOutcome::Refused {
        error: ProviderError {
            code,
            subcode: None,
        },
        http,
        wait: None,
    }
}

#[test]
fn success_is_sent_and_no_error_and_nothing_else() {
    let accepted = SendOutcome::Accepted {
        wamid: "ultramsg:12345:4711".into(),
    };
    for body in [
        r#"{ "sent": "true", "message": "ok", "id": 4711 }"#,
        r#"{"sent":true,"message":"ok","id":"4711"}"#,
        r#"{"sent":"True","id":4711,"error":""}"#,
        r#"{"sent":1,"id":4711,"error":[]}"#,
    ] {
        assert_eq!(sent(200, body), accepted, "{body}");
    }
    for body in [
        "",
        "{}",
        "[]",
        "null",
        "ok",
        r#"{"sent":"true"}"#,
        r#"{"sent":"true","id":""}"#,
        r#"["true","ok",4711]"#,
        r#"{"id":4711,"message":"ok"}"#,
    ] {
        assert_eq!(sent(200, body), SendOutcome::Unknown, "{body}");
    }
}

#[test]
fn errors_under_http_200_have_their_class_in_every_shape() {
    let cases = [
        (
            r#"{"error":"Wrong token. Please provide token as a GET parameter."}"#,
            codes::TOKEN,
            Class::Configuration,
        ),
        (
            r#"{"error":[{"to":"is required"},{"body":"is required"}]}"#,
            codes::PARAMETER,
            Class::Permanent,
        ),
        (
            r#"{"error":{"body":"is too long"}}"#,
            codes::PARAMETER,
            Class::Permanent,
        ),
        (
            r#"{"sent":"true","id":1,"error":"Instance not found"}"#,
            codes::INSTANCE,
            Class::Configuration,
        ),
        (
            r#"{"error":"Instance is stopped due to non-payment"}"#,
            codes::PAYMENT,
            Class::Configuration,
        ),
        (
            r#"{"error":[{"to":"is required"},{"token":"is required"}]}"#,
            codes::TOKEN,
            Class::Configuration,
        ),
        (
            r#"{"error":"Instance not authenticated"}"#,
            codes::NOT_LINKED,
            Class::Configuration,
        ),
        (
            r#"{"error":"Too many requests"}"#,
            codes::TOO_FAST,
            Class::ThrottleNumber,
        ),
        // Words nobody has seen yet are no fault of the message.
        (r#"{"error":"Oops"}"#, codes::AGAIN, Class::Retry),
        (r#"{"error":true}"#, codes::AGAIN, Class::Retry),
        (
            r#"{"sent":"false","message":"not now","id":""}"#,
            codes::AGAIN,
            Class::Retry,
        ),
    ];
    for (body, code, class) in cases {
        assert_eq!(sent(200, body), refused(code, 200), "{body}");
        assert_eq!(classify(&codes::error(code), 200), class, "{body}");
    }
}

#[test]
fn strangers_and_gateways_are_never_success() {
    let portal = SendOutcome::NotSent(LineFault::Portal);
    let cases = [
        (302, "", portal.clone()),
        (511, "", portal.clone()),
        (200, "<html>Log in", portal.clone()),
        (403, "<html>blocked", portal.clone()),
        (404, "<html>Not Found", portal),
        (502, "<html>bad gateway", SendOutcome::Unknown),
        (500, r#"{"error":"boom"}"#, SendOutcome::Unknown),
        (404, r#"{"message":"x"}"#, refused(codes::INSTANCE, 404)),
        (401, "{}", refused(codes::TOKEN, 401)),
        (429, "slow down", refused(codes::TOO_FAST, 429)),
        (400, "nonsense", SendOutcome::Unknown),
    ];
    for (status, body, outcome) in cases {
        assert_eq!(sent(status, body), outcome, "{status} {body}");
    }
}

#[test]
fn a_page_under_a_proved_name_is_ultramsgs_own() {
    let mut page = answer(404, "<html>Not Found");
    page.genuine = true;
    let proof = |body: &[u8]| taken(body, "1");
    assert_eq!(judge(&page, &proof), refused(codes::INSTANCE, 404));
    page.status = 200;
    assert_eq!(judge(&page, &proof), SendOutcome::Unknown);
}

#[test]
fn a_reply_that_was_cut_proves_nothing() {
    let mut cut = answer(200, r#"{"sent":"true","id":4711}"#);
    cut.whole = false;
    let proof = |body: &[u8]| taken(body, "1");
    assert_eq!(judge(&cut, &proof), SendOutcome::Unknown);
}

#[test]
fn only_a_linked_phone_can_send() {
    let status = |word: &str| {
        let body =
            format!(r#"{{"status":{{"accountStatus":{{"status":"{word}","substatus":"x"}}}}}}"#);
        judge(&answer(200, &body), &linked)
    };
    assert!(matches!(
        status("authenticated"),
        SendOutcome::Accepted { .. }
    ));
    for word in [
        "qr",
        "standby",
        "loading",
        "initialize",
        "disconnected",
        "retrying",
        "",
    ] {
        let outcome = status(word);
        assert_eq!(outcome, refused(codes::NOT_LINKED, 200), "{word}");
    }
    let wrong = r#"{"error":"Wrong token."}"#;
    assert_eq!(
        judge(&answer(200, wrong), &linked),
        refused(codes::TOKEN, 200)
    );
}

proptest! {
    #[test]
    fn only_a_queue_id_is_success(status in 100_u16..600, body in "[{}\\[\\]\":a-z<]{0,40}") {
        let outcome = sent(status, &body);
        let accepted = matches!(outcome, SendOutcome::Accepted { .. });
        prop_assert!(!accepted);
    }
}

#[test]
fn a_page_of_ultramsgs_own_is_no_stranger_in_its_place() {
    let page = |status: u16, genuine: bool| {
        let mut page = answer(status, "<html>no");
        page.genuine = genuine;
        judge(&page, &|body| taken(body, "12345"))
    };
    let portal = SendOutcome::NotSent(LineFault::Portal);
    assert_eq!(page(429, true), refused(codes::TOO_FAST, 429));
    assert_eq!(page(429, false), refused(codes::TOO_FAST, 429));
    assert_eq!(page(403, true), refused(codes::TOKEN, 403));
    assert_eq!(page(400, true), SendOutcome::Unknown);
    for status in [400, 403, 404] {
        assert_eq!(page(status, false), portal, "{status}");
    }
}
