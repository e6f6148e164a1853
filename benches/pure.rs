//! How long the pure parts take for one message, without disk or network:
//! `cargo bench`. The program as a whole is measured by `benches/run`. Nothing
//! in here judges: a busy machine must not make a build fail.

use divan::black_box;
use healthpost::core::delivery::{LineFault, Past, Policy, SendOutcome, Verdict, judge};
use healthpost::core::engine::{Clinic, Event, Fresh, Received, Session, step};
use healthpost::core::flow::Flow;
use healthpost::core::id::{InboxId, RecordId};
use healthpost::core::inbound::Content;
use healthpost::core::lang::Lang;
use healthpost::core::outgoing::Purpose;
use healthpost::core::phone;
use healthpost::core::private::Private;
use healthpost::core::secret::Secret;
use healthpost::core::time::{HOUR_MS, Now, UnixMs};
use healthpost::core::triage;
use healthpost::whatsapp::cloud;
use std::str::FromStr;

fn main() {
    divan::main();
}

/// A webhook as the provider sends it for one text message.
const WEBHOOK: &str = r#"{"object":"whatsapp_business_account","entry":[{"id":"102290129340398",
"changes":[{"field":"messages","value":{"messaging_product":"whatsapp","metadata":
{"display_phone_number":"15550783881","phone_number_id":"106540352242922"},"contacts":
[{"profile":{"name":"Amina B."},"wa_id":"243970000001"}],"messages":[{"from":"243970000001",
"id":"wamid.HBgLMjQzOTcwMDAwMDAxFQIAEhgg","timestamp":"1767225600","type":"text",
"text":{"body":"Hello, my child has had a fever since yesterday"}}]}}]}]}"#;

/// Messages as people write them: in passing, with a danger sign, and long.
const WORDS: [&str; 4] = [
    "Good morning, I would like to see the nurse about my prescription",
    "my baby has convulsions and does not wake up",
    "mtoto ana homa kali na anatapika kila kitu tangu jana usiku",
    "Bonjour, je vous écris parce que ma mère tousse depuis trois semaines, elle a maigri, elle \
     transpire la nuit et elle ne mange presque plus rien, le centre de santé nous a donné du \
     sirop mais cela ne change rien, que devons-nous faire maintenant s'il vous plaît ?",
];

const NOW: Now = Now {
    at: UnixMs(1_767_225_600_000),
    trusted: true,
};

#[divan::bench]
fn webhook_parsed(bencher: divan::Bencher) {
    bencher.bench(|| cloud::parse(black_box(WEBHOOK.as_bytes())));
}

#[divan::bench]
fn signature_verified(bencher: divan::Bencher) {
    let secrets = [Secret::new("the app secret of a clinic")];
    let [secret] = &secrets;
    let header = cloud::sign(secret, WEBHOOK.as_bytes());
    assert!(cloud::verify(Some(&header), WEBHOOK.as_bytes(), &secrets));
    bencher.bench(|| cloud::verify(Some(&header), black_box(WEBHOOK.as_bytes()), &secrets));
}

#[divan::bench(args = WORDS)]
fn danger_looked_for(words: &str) -> bool {
    triage::find_danger(black_box(words), None).is_some()
}

fn clinic() -> Clinic {
    Clinic {
        id: "bench-1".to_owned(),
        name: "Bench Health Post".to_owned(),
        country: "CD".to_owned(),
        zone: jiff::tz::TimeZone::UTC,
        languages: Lang::ALL.to_vec(),
        emergency_number: "112".to_owned(),
        session_idle_ms: 2 * HOUR_MS,
        patience_ms: 0,
    }
}

fn says(text: &str, inbox: i64) -> Event {
    Event::Message(Received {
        inbox: InboxId(inbox),
        stamped: NOW.at,
        received: NOW.at,
        quotes_question: true,
        questions_since: None,
        about: None,
        other_account: false,
        content: Content::Text {
            body: Private::from(text),
        },
    })
}

/// The first message of a conversation, and an answer in the middle of one.
#[divan::bench(args = [0, 2])]
fn engine_stepped(bencher: divan::Bencher, said_before: usize) {
    let flow = Flow::built_in();
    let clinic = clinic();
    let fresh = Fresh {
        record_id: RecordId::from_random(0x5eed_cafe),
    };
    let mut session = Session::default();
    for (text, n) in ["Hello", "1"].iter().zip(1..).take(said_before) {
        session = step(&flow, &clinic, session, &[says(text, n)], NOW, &fresh).session;
        let sent = Event::QuestionSent {
            at: NOW.at,
            stamp: None,
        };
        session = step(&flow, &clinic, session, &[sent], NOW, &fresh).session;
    }
    let events = [says("1", 9)];
    bencher
        .with_inputs(|| session.clone())
        .bench_values(|session| step(&flow, &clinic, session, &events, NOW, &fresh));
}

#[divan::bench]
fn send_judged() -> Verdict {
    let policy = Policy {
        in_doubt_ms: 600_000,
    };
    let past = Past {
        refusals: 3,
        delays: 3,
    };
    let outcome = SendOutcome::NotSent(LineFault::Down);
    judge(
        black_box(&outcome),
        (Purpose::Notice, past),
        policy,
        NOW.at,
        0x5eed,
    )
}

#[divan::bench]
fn phone_number_as_the_provider_writes_it() -> bool {
    phone::parse_international(black_box("243970000001")).is_some()
}

#[divan::bench]
fn record_id_said_and_read_back() -> bool {
    let said = RecordId::from_random(black_box(0x5eed_cafe)).to_string();
    RecordId::from_str(&said).is_ok()
}
