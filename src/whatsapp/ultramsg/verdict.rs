//! What an answer of UltraMsg means. It reports errors under HTTP 200, so the
//! body decides first; success is `sent` and no `error`, nothing else.

use super::codes;
use super::wire::Flag;
use crate::core::private::Private;
use crate::ports::{LineFault, SendOutcome};
use crate::whatsapp::client::Answer;
use crate::whatsapp::json::Words;
use serde::Deserialize;
use serde_json::Value;

/// Finds in a body the proof that the call was carried out.
pub type Proof<'p> = &'p dyn Fn(&[u8]) -> Option<SendOutcome>;

/// Judges an answer.
pub fn judge(answer: &Answer, proof: Proof<'_>) -> SendOutcome {
    let portal = SendOutcome::NotSent(LineFault::Portal);
    match answer.status {
        300..=399 | 407 | 511 => return portal,
        // An instance that is not there is a page too; its name proved, it is
        // not a stranger's.
        404 if answer.genuine && answer.is_page() => return refused(codes::INSTANCE, 404),
        200..=299 if answer.is_page() && answer.genuine => return SendOutcome::Unknown,
        429 => return refused(codes::TOO_FAST, 429),
        100..=499 if answer.is_page() && !answer.genuine => return portal,
        500.. => return SendOutcome::Unknown,
        _ => {}
    }
    if !answer.whole {
        return SendOutcome::Unknown;
    }
    if let Some(code) = fault(&answer.body) {
        return refused(code, answer.status);
    }
    match answer.status {
        200..=299 if is_object(&answer.body) => proof(&answer.body).unwrap_or(SendOutcome::Unknown),
        401 | 403 => refused(codes::TOKEN, answer.status),
        402 => refused(codes::PAYMENT, 402),
        404 => refused(codes::INSTANCE, 404),
        _ => SendOutcome::Unknown,
    }
}

fn refused(code: i64, http: u16) -> SendOutcome {
    SendOutcome::Refused {
        error: codes::error(code),
        http,
        wait: None,
    }
}

fn is_object(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"{")
}

/// The fault a body tells of, in whichever of its shapes.
pub fn fault(body: &[u8]) -> Option<i64> {
    #[derive(Deserialize)]
    struct Refusal {
        #[serde(default)]
        error: Value,
    }
    // A list is no refusal, though serde would read one member by member.
    if !is_object(body) {
        return None;
    }
    let told: Refusal = serde_json::from_slice(body).ok()?;
    codes::read(&told.error)
}

/// The queue id of a message that was taken. "ok" says no more than that: it
/// waits at UltraMsg now.
pub fn taken(body: &[u8], instance: &str) -> Option<SendOutcome> {
    #[derive(Deserialize)]
    struct Taken<'a> {
        sent: Flag,
        #[serde(default, borrow)]
        id: Option<Words<'a>>,
        #[serde(default, borrow)]
        message: Option<Words<'a>>,
    }
    let taken: Taken<'_> = serde_json::from_slice(body).ok()?;
    if !taken.sent.0 {
        let words = taken.message.as_ref().map_or("", Words::as_str);
        return Some(refused(codes::by_words(words), 200));
    }
    let id = taken.id?;
    (!id.as_str().is_empty()).then(|| SendOutcome::Accepted {
        wamid: queue_id(instance, id.as_str()),
    })
}

/// A queue id is one of its instance only.
pub fn queue_id(instance: &str, id: &str) -> Private<String> {
    Private::from(format!("ultramsg:{instance}:{id}"))
}

/// Whether a phone is linked and can send. Any other state holds the channel:
/// what UltraMsg took meanwhile would wait there and expire after a day.
pub fn linked(body: &[u8]) -> Option<SendOutcome> {
    Some(match standing(body)?.as_str() {
        LINKED => SendOutcome::Accepted {
            wamid: Private::default(),
        },
        _ => refused(codes::NOT_LINKED, 200),
    })
}

/// UltraMsg's word for a linked phone.
pub const LINKED: &str = "authenticated";

/// UltraMsg's word for how the phone stands.
pub fn standing(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Status<'a> {
        #[serde(borrow)]
        status: Account<'a>,
    }
    #[derive(Deserialize)]
    struct Account<'a> {
        #[serde(borrow, rename = "accountStatus")]
        account: Standing<'a>,
    }
    #[derive(Deserialize)]
    struct Standing<'a> {
        #[serde(borrow)]
        status: Words<'a>,
    }
    let told: Status<'_> = serde_json::from_slice(body).ok()?;
    Some(told.status.account.status.as_str().to_owned())
}
