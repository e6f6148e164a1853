//! What a technician is told of an UltraMsg instance: the token, the instance,
//! the phone behind it, and whether its chats can be read. It changes nothing,
//! and shows neither the token nor anybody's number.

use super::client::UltraMsgClient;
use super::codes;
use super::message::word;
use super::verdict::LINKED;
use crate::ports::{Chats, History, LineFault, SendOutcome, Unanswered};

/// Where the code is scanned.
const SCAN: &str = "open the instance at user.ultramsg.com; on the clinic's phone WhatsApp > \
    Linked devices > Link a device, and scan the code that the page shows";

/// How one thing stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub what: &'static str,
    /// `ok`, `warning`, `bad` or `not checked`.
    pub state: &'static str,
    /// What was found.
    pub said: String,
    /// What to do; empty if nothing.
    pub how: &'static str,
}

fn finding(
    what: &'static str,
    state: &'static str,
    said: impl Into<String>,
    how: &'static str,
) -> Finding {
    Finding {
        what,
        state,
        said: said.into(),
        how,
    }
}

/// Looks at everything, in order.
pub async fn walk(client: &UltraMsgClient) -> Vec<Finding> {
    let account = client.account().await;
    let linked = account.as_deref() == Ok(LINKED);
    let first = match account {
        Ok(state) => phone(&state),
        Err(answer) => refusal(&answer),
    };
    let second = if linked {
        chats(&client.chats().await)
    } else {
        finding(
            "chats",
            "not checked",
            "they need a phone that is linked",
            "",
        )
    };
    vec![first, second]
}

/// How the phone stands, by UltraMsg's word for it.
fn phone(state: &str) -> Finding {
    const WHAT: &str = "phone";
    match state {
        LINKED => finding(WHAT, "ok", "it is linked", ""),
        "qr" => finding(
            WHAT,
            "bad",
            "it is logged out: nothing is sent or heard until it is linked again",
            SCAN,
        ),
        "standby" => finding(
            WHAT,
            "bad",
            "another session has taken its WhatsApp over",
            "open the instance at user.ultramsg.com and take the session over there",
        ),
        "loading" | "initialize" => finding(
            WHAT,
            "warning",
            "UltraMsg is starting its session",
            "run this again in some minutes; should it stay so, restart the instance at \
             user.ultramsg.com",
        ),
        "disconnected" | "retrying" => finding(
            WHAT,
            "bad",
            "UltraMsg does not reach it",
            "switch the clinic's phone on and let it reach the internet; should it stay so, \
             restart the instance at user.ultramsg.com",
        ),
        other => finding(
            WHAT,
            "bad",
            format!("it is in a state that is not known here: {}", word(other)),
            "look at the instance at user.ultramsg.com",
        ),
    }
}

/// What was answered in place of the phone's state, or to a message.
pub fn refusal(answer: &SendOutcome) -> Finding {
    let (what, said, how): (_, &str, _) = match answer {
        SendOutcome::Refused { error, .. } => match error.code {
            codes::TOKEN => (
                "token",
                "UltraMsg does not accept the token",
                "copy it from the instance's page at user.ultramsg.com; healthpost secret set \
                 ultramsg.token < FILE",
            ),
            codes::INSTANCE => (
                "instance",
                "UltraMsg knows no such instance",
                "copy its name from user.ultramsg.com into ultramsg.instance_id",
            ),
            codes::PAYMENT => (
                "instance",
                "UltraMsg has stopped the instance: it is not paid for",
                "pay for it at user.ultramsg.com",
            ),
            codes::NOT_LINKED => ("phone", "no phone is linked to the instance", SCAN),
            codes::TOO_FAST => ("line", "UltraMsg asks for a pause", "run this again later"),
            codes::UNDELIVERABLE | codes::PARAMETER => (
                "number",
                "UltraMsg takes no message for that number",
                "write it with its country code, and use one that chats on WhatsApp",
            ),
            _ => (
                "instance",
                "UltraMsg refused without a reason that is known here",
                "look at the instance at user.ultramsg.com",
            ),
        },
        SendOutcome::NotSent(fault) => (
            "line",
            trouble(*fault),
            "check cable, modem, name server and credit",
        ),
        SendOutcome::Unknown | SendOutcome::Accepted { .. } => (
            "line",
            "what came back is no answer of UltraMsg's",
            "run this again; should it stay so, look at the instance at user.ultramsg.com",
        ),
    };
    finding(what, "bad", said, how)
}

const fn trouble(fault: LineFault) -> &'static str {
    match fault {
        LineFault::Down => "UltraMsg could not be reached",
        LineFault::Refused => "UltraMsg was reached and takes no connections now",
        LineFault::Tls => "whoever answered could not prove to be UltraMsg",
        LineFault::Clock => "by the box's clock UltraMsg's certificate is not valid: set the clock",
        LineFault::Portal => "somebody else answered in UltraMsg's place: a log-in page or a proxy",
    }
}

fn chats(answer: &Result<Chats, Unanswered>) -> Finding {
    const WHAT: &str = "chats";
    match answer {
        Ok(chats) => {
            let (count, kib) = (chats.list.len(), chats.bytes.div_ceil(1_024));
            let said = format!("{count} can be looked into; each list of them costs {kib} KiB");
            finding(WHAT, "ok", said, "")
        }
        Err(why) => finding(
            WHAT,
            "bad",
            format!("what webhooks miss cannot be fetched: {why}"),
            "look at the instance at user.ultramsg.com; too long a list gets shorter by deleting \
             old chats on the clinic's phone",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_of_the_phone_has_its_words() {
        let states = [
            (LINKED, "ok", "linked"),
            ("qr", "bad", "logged out"),
            ("standby", "bad", "another session"),
            ("loading", "warning", "starting"),
            ("initialize", "warning", "starting"),
            ("disconnected", "bad", "does not reach"),
            ("retrying", "bad", "does not reach"),
            ("od\u{1b}d", "bad", "od?d"),
        ];
        for (state, verdict, part) in states {
            let found = phone(state);
            assert_eq!(found.state, verdict, "{state}");
            assert!(found.said.contains(part), "{found:?}");
            assert_eq!(found.how.is_empty(), verdict == "ok", "{found:?}");
        }
    }

    #[test]
    fn every_refusal_says_what_to_do() {
        for code in [
            codes::TOKEN,
            codes::INSTANCE,
            codes::PAYMENT,
            codes::NOT_LINKED,
            codes::TOO_FAST,
            codes::PARAMETER,
            codes::UNDELIVERABLE,
            codes::AGAIN,
        ] {
            let found = refusal(&SendOutcome::Refused {
                error: codes::error(code),
                http: 200,
                wait: None,
            });
            assert_eq!(found.state, "bad");
            assert!(!found.how.is_empty(), "{found:?}");
        }
        for why in [Unanswered::TooLong, Unanswered::Odd] {
            assert_eq!(chats(&Err(why)).state, "bad");
        }
    }
}
