//! What an answer of the Cloud API means: accepted, refused, not sent, or
//! nobody knows.
//!
//! The HTTP status decides nothing where the answer has a code. Whatever could
//! have been carried out and does not say so is `Unknown`, never success and
//! never "not sent".

use super::graph;
use crate::core::delivery::CODE_MISSING;
use crate::core::inbound::ProviderError;
use crate::core::limits::PROVIDER_WAIT_MS_MAX;
use crate::core::private::Private;
use crate::core::time::{MINUTE_MS, SECOND_MS, UnixMs};
use crate::ports::{LineFault, SendOutcome};
use crate::whatsapp::client::Answer;
use crate::whatsapp::json::Words;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// "Template is paused."
const TEMPLATE_PAUSED: i64 = 132_015;

const USAGE_HEADER: &str = "x-business-use-case-usage";

/// Finds in a body the proof that the call was carried out.
pub type Proof = fn(&[u8]) -> Option<Private<String>>;

/// Judges an answer that came at `now`.
pub fn judge(answer: &Answer, now: UnixMs, proof: Proof) -> SendOutcome {
    let body = if answer.whole {
        answer.body.as_slice()
    } else {
        &[]
    };
    let portal = SendOutcome::NotSent(LineFault::Portal);
    match answer.status {
        300..=399 | 407 | 511 => portal,
        // A page in place of a success is a stranger's, who took nothing; but
        // not if the name was proved: then nobody knows what became of it.
        200..=299 if answer.is_page() && !answer.genuine => portal,
        // A gateway that gives up answers in HTML too, and what is behind it
        // may have done its work: only below 500 is it surely a refusal. "Too
        // many requests" is the provider's, in whatever words.
        100..=199 | 400..=428 | 430..=499 if answer.is_page() && !answer.genuine => portal,
        200..=299 if is_held(body) => SendOutcome::Refused {
            error: ProviderError {
                code: TEMPLATE_PAUSED,
                subcode: None,
            },
            http: answer.status,
            wait: None,
        },
        200..=299 => match proof(body) {
            Some(wamid) => SendOutcome::Accepted { wamid },
            None => SendOutcome::Unknown,
        },
        http => match refusal(http, body) {
            Some(error) => SendOutcome::Refused {
                error,
                http,
                wait: wait(&answer.headers, now),
            },
            None => SendOutcome::Unknown,
        },
    }
}

/// Whether the provider took a message that it will not send, because its template
/// is paused.
fn is_held(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Accepted<'a> {
        #[serde(borrow)]
        messages: Vec<Taken<'a>>,
    }
    #[derive(Deserialize)]
    struct Taken<'a> {
        #[serde(borrow, default)]
        message_status: Option<Words<'a>>,
    }
    let accepted: Option<Accepted<'_>> = serde_json::from_slice(body).ok();
    let first = accepted.as_ref().and_then(|it| it.messages.first());
    let told = first.and_then(|it| it.message_status.as_ref());
    told.is_some_and(|status| status.as_str() == "paused")
}

/// The id of the message the provider took.
pub fn accepted_message(body: &[u8]) -> Option<Private<String>> {
    #[derive(Deserialize)]
    struct Accepted<'a> {
        #[serde(borrow)]
        messages: Vec<Taken<'a>>,
    }
    #[derive(Deserialize)]
    struct Taken<'a> {
        #[serde(borrow)]
        id: Words<'a>,
    }
    let accepted: Accepted<'_> = serde_json::from_slice(body).ok()?;
    let id = accepted.messages.first()?.id.as_str();
    (!id.is_empty()).then(|| Private::from(id))
}

/// Whether our own number answered; there is no message id to tell.
pub fn answering_number(body: &[u8]) -> Option<Private<String>> {
    #[derive(Deserialize)]
    struct Number<'a> {
        #[serde(borrow)]
        id: Words<'a>,
    }
    let number: Number<'_> = serde_json::from_slice(body).ok()?;
    (!number.id.as_str().is_empty()).then(Private::default)
}

/// The error in a body of the known form; "too many requests" needs none.
fn refusal(http: u16, body: &[u8]) -> Option<ProviderError> {
    graph::refusal(body).or((http == 429).then_some(ProviderError {
        code: CODE_MISSING,
        subcode: None,
    }))
}

/// The longest wait the headers ask for, within our own bound.
fn wait(headers: &HeaderMap, now: UnixMs) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let after = text(RETRY_AFTER.as_str()).and_then(|value| retry_after_ms(value, now));
    let regain = text(USAGE_HEADER).and_then(regain_ms);
    let longest = after.max(regain).filter(|ms| *ms > 0)?;
    u64::try_from(longest.min(PROVIDER_WAIT_MS_MAX))
        .ok()
        .map(Duration::from_millis)
}

/// Seconds, or the moment itself (RFC 9110 section 10.2.3).
fn retry_after_ms(value: &str, now: UnixMs) -> Option<i64> {
    if let Ok(seconds) = value.trim().parse::<i64>() {
        return Some(seconds.saturating_mul(SECOND_MS));
    }
    let parser = jiff::fmt::rfc2822::DateTimeParser::new();
    let moment = parser.parse_timestamp(value.trim()).ok()?;
    Some(UnixMs(moment.as_millisecond()).ms_since(now))
}

/// Minutes until access is regained, the longest of all accounts named.
fn regain_ms(value: &str) -> Option<i64> {
    #[derive(Deserialize)]
    struct Usage {
        #[serde(default)]
        estimated_time_to_regain_access: i64,
    }
    let accounts: BTreeMap<String, Vec<Usage>> = serde_json::from_str(value).ok()?;
    let waits = accounts.values().flatten();
    waits
        .map(|usage| usage.estimated_time_to_regain_access)
        .max()
        .map(|minutes| minutes.saturating_mul(MINUTE_MS))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use proptest::prelude::*;

    const NOW: UnixMs = UnixMs(1_795_168_800_000);

    fn answer(status: u16, body: &str, headers: &[(&'static str, &str)]) -> Answer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        Answer {
            status,
            headers: map,
            body: body.as_bytes().to_vec(),
            whole: true,
            genuine: false,
        }
    }

    fn verdict(status: u16, body: &str) -> SendOutcome {
        judge(&answer(status, body, &[]), NOW, accepted_message)
    }

    fn refused(code: i64, subcode: Option<i64>, http: u16) -> SendOutcome {
        SendOutcome::Refused {
            error: ProviderError { code, subcode },
            http,
            wait: None,
        }
    }

    #[test]
    fn a_page_from_the_provider_itself_proves_nothing() {
        let mut page = answer(200, "<html>We are busy", &[]);
        page.genuine = true;
        let now = UnixMs(0);
        assert_eq!(judge(&page, now, accepted_message), SendOutcome::Unknown);
        // Nor does it say that a stranger answered.
        for status in [400, 403, 404] {
            page.status = status;
            let outcome = judge(&page, now, accepted_message);
            assert_eq!(outcome, SendOutcome::Unknown, "{status}");
        }
    }

    #[test]
    fn too_many_requests_are_that_in_whatever_words() {
        for genuine in [true, false] {
            let mut page = answer(429, "<html>Too many requests", &[("retry-after", "30")]);
            page.genuine = genuine;
            let slower = SendOutcome::Refused {
                error: ProviderError {
                    code: CODE_MISSING,
                    subcode: None,
                },
                http: 429,
                wait: Some(Duration::from_secs(30)),
            };
            assert_eq!(judge(&page, NOW, accepted_message), slower, "{genuine}");
        }
    }

    #[test]
    fn a_template_that_meta_takes_and_holds_is_a_paused_one() {
        let taken = |status: &str| {
            let body =
                format!(r#"{{"messages":[{{"id":"wamid.X","message_status":"{status}"}}]}}"#);
            verdict(200, &body)
        };
        assert_eq!(taken("paused"), refused(132_015, None, 200));
        for status in ["accepted", "held_for_quality_assessment"] {
            let wamid = "wamid.X".into();
            assert_eq!(taken(status), SendOutcome::Accepted { wamid }, "{status}");
        }
    }

    #[test]
    fn each_answer_has_one_meaning() {
        let accepted = SendOutcome::Accepted {
            wamid: "wamid.X".into(),
        };
        let portal = SendOutcome::NotSent(LineFault::Portal);
        let error = r#"{"error":{"message":"+243810000002","code":131047,"error_subcode":463,"error_data":"x"}}"#;
        let cases = [
            (200, r#"{"messages":[{"id":"wamid.X"}]}"#, accepted.clone()),
            (202, r#"{"messages":[{"id":"wamid.X"}]}"#, accepted),
            (200, r#"{"messages":[]}"#, SendOutcome::Unknown),
            (200, r#"{"messages":[{"id":""}]}"#, SendOutcome::Unknown),
            (200, "", SendOutcome::Unknown),
            (200, "garbage", SendOutcome::Unknown),
            (200, error, SendOutcome::Unknown),
            (200, "  <!doctype html><p>Log in", portal.clone()),
            (302, "", portal.clone()),
            (407, "", portal.clone()),
            (511, "", portal.clone()),
            (403, "<html>blocked", portal),
            (502, "<html>bad gateway", SendOutcome::Unknown),
            (504, "", SendOutcome::Unknown),
            (400, "nonsense", SendOutcome::Unknown),
            (
                400,
                r#"{"error":{"message":"no code"}}"#,
                SendOutcome::Unknown,
            ),
            (400, error, refused(131_047, Some(463), 400)),
            (500, r#"{"error":{"code":2}}"#, refused(2, None, 500)),
            (429, "slow down", refused(CODE_MISSING, None, 429)),
        ];
        for (status, body, outcome) in cases {
            assert_eq!(verdict(status, body), outcome, "{status} {body}");
        }
    }

    #[test]
    fn a_reply_that_was_cut_proves_nothing() {
        let mut cut = answer(200, r#"{"messages":[{"id":"wamid.X"}]}"#, &[]);
        cut.whole = false;
        assert_eq!(judge(&cut, NOW, accepted_message), SendOutcome::Unknown);
    }

    #[test]
    fn the_longest_hint_counts_within_our_bound() {
        let usage = |minutes: i64| {
            format!(
                r#"{{"1":[{{"type":"x","estimated_time_to_regain_access":{minutes}}}],"2":[]}}"#
            )
        };
        let cases = [
            (Some("30"), None, Some(30)),
            (Some("30"), Some(usage(2)), Some(120)),
            (Some("300"), Some(usage(2)), Some(300)),
            (Some("Fri, 20 Nov 2026 10:01:00 GMT"), None, Some(60)),
            (Some("Fri, 20 Nov 2026 09:00:00 GMT"), None, None),
            (Some("soon"), Some("odd".to_owned()), None),
            (Some("0"), Some(usage(0)), None),
            (None, Some(usage(100_000)), Some(6 * 3_600)),
            (Some("99999999999999999"), None, Some(6 * 3_600)),
        ];
        for (after, usage, seconds) in cases {
            let mut headers = HeaderMap::new();
            if let Some(after) = after {
                headers.insert(RETRY_AFTER, after.parse().unwrap());
            }
            if let Some(usage) = &usage {
                headers.insert(USAGE_HEADER, usage.parse().unwrap());
            }
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(wait(&headers, NOW), expected, "{after:?} {usage:?}");
        }
    }

    proptest! {
        #[test]
        fn only_a_message_id_is_success(status in 100_u16..600, body in "[{}\\[\\]\":a-z<]{0,40}") {
            let outcome = verdict(status, &body);
            let accepted = matches!(outcome, SendOutcome::Accepted { .. });
            prop_assert!(!accepted);
        }
    }
}
