//! Runs every answer of the tables in `tests/answers`: what people write, and
//! what a speaker of the language would have the clinic understand by it.
//! Expectations are written by hand; they must never be copied from output.

#![allow(
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking and prints its totals"
)]

use healthpost::core::answers::{Kind, Misread, Value, read, read_command, read_page};
use healthpost::core::engine::{
    Action, Asked, Clinic, Effect, Event, Fresh, Overlay, Received, RecordStatus, Sent, Session,
    Stage, step,
};
use healthpost::core::flow::{ButtonName, Flow};
use healthpost::core::id::{InboxId, RecordId};
use healthpost::core::inbound::Content;
use healthpost::core::lang::Lang;
use healthpost::core::time::{Now, UnixMs};
use jiff::civil::{Date, date};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A Wednesday.
const TODAY: Date = date(2026, 11, 18);

const FIELDS: [&str; 11] = [
    "patient_name",
    "birth_date",
    "sex",
    "locality",
    "complaint",
    "onset",
    "symptoms",
    "allergies",
    "medications",
    "pregnant",
    "emergency_contact",
];

#[derive(serde::Deserialize)]
struct Tables {
    /// Rows of a field: what was written, what it means.
    fields: BTreeMap<String, Vec<(String, String)>>,
    /// Whole messages to the first page: what was written, one meaning for each
    /// of name, birth or age, sex and locality.
    page: Vec<(String, Vec<String>)>,
    /// The same for the trouble and its onset.
    trouble: Vec<(String, Vec<String>)>,
    /// The same for allergies, medicines and pregnancy.
    background: Vec<(String, Vec<String>)>,
}

fn tables(lang: Lang) -> Tables {
    let text = match lang {
        Lang::En => include_str!("answers/en.toml"),
        Lang::Fr => include_str!("answers/fr.toml"),
        Lang::Sw => include_str!("answers/sw.toml"),
        Lang::Es => include_str!("answers/es.toml"),
        Lang::Pt => include_str!("answers/pt.toml"),
    };
    toml::from_str(text).unwrap_or_else(|why| panic!("{lang}.toml: {why}"))
}

/// The question as the program ships it.
fn kind(flow: &Flow, field: &str, lang: Lang) -> Kind {
    let field = flow.find_field(field);
    field
        .unwrap_or_else(|| panic!("no such field"))
        .kind_in(lang)
}

/// The questions of a page.
fn page(flow: &Flow, page: &str, lang: Lang) -> Vec<Kind> {
    let mut pages = flow.pages().iter();
    let page = pages.find(|p| p.id == page);
    let page = page.unwrap_or_else(|| panic!("no such page"));
    page.fields
        .iter()
        .map(|field| field.kind_in(lang))
        .collect()
}

/// A value in the words of the tables; `=` stands for the text as written.
fn spell(answer: &Result<Value, Misread>, text: &str) -> String {
    match answer {
        Ok(Value::Text { text: kept }) if kept.as_str() == text => "=".to_owned(),
        Ok(Value::Text { text: kept }) => format!("text {}", kept.as_str()),
        Ok(Value::Nothing) => "none".to_owned(),
        Ok(Value::Date { date } | Value::PartialDate { date }) => format!("born {}", date.as_str()),
        Ok(Value::Age {
            years,
            months: None,
            ..
        }) => format!("age {years}"),
        Ok(Value::Age {
            years,
            months: Some(months),
            days,
        }) => {
            let days = days.map_or_else(String::new, |days| format!(" {days} days"));
            format!("age {years}+{months}{days}")
        }
        Ok(Value::YesNo { yes: true }) => "yes".to_owned(),
        Ok(Value::YesNo { yes: false }) => "no".to_owned(),
        Ok(Value::One { id }) => format!("one {id}"),
        Ok(Value::Several { ids }) => format!("many {}", ids.join(" ")),
        Ok(Value::Since { date, .. }) => format!("since {}", date.as_str()),
        Ok(Value::Contact { name, phone }) => match name {
            Some(name) => format!("call {} {}", phone.as_str(), name.as_str()),
            None => format!("call {}", phone.as_str()),
        },
        Err(Misread::Unclear) => "?unclear".to_owned(),
        Err(Misread::TooShort) => "?short".to_owned(),
        Err(Misread::TooLong) => "?long".to_owned(),
        Err(Misread::NotAName) => "?name".to_owned(),
        Err(Misread::BadDate) => "?date".to_owned(),
        Err(Misread::InFuture) => "?future".to_owned(),
        Err(Misread::TooOld) => "?old".to_owned(),
        Err(Misread::NoSuchChoice) => "?choice".to_owned(),
        Err(Misread::Ambiguous) => "?two".to_owned(),
        Err(Misread::BadPhone) => "?phone".to_owned(),
    }
}

#[test]
fn every_answer_is_understood_or_asked_again() {
    let mut wrong = Vec::new();
    let (mut rows_total, mut asked_total) = (0, 0);
    let flow = Flow::built_in();
    for lang in Lang::ALL {
        let tables = tables(lang);
        for field in FIELDS.into_iter().chain(["who", "consent"]) {
            let rows = &tables.fields[field];
            let asked = rows
                .iter()
                .filter(|(_, want)| want.starts_with('?'))
                .count();
            if rows.len() < 25 || asked * 3 < rows.len() {
                wrong.push(format!(
                    "{lang} {field}: {} rows, {asked} asked again",
                    rows.len()
                ));
            }
            for (text, want) in rows {
                // What is asked by buttons says only that it asks again.
                let (got, want) = match field {
                    "consent" => (consents(&flow, lang, text), want),
                    "who" => (for_whom(&flow, lang, text), want),
                    _ => {
                        let kind = kind(&flow, field, lang);
                        (spell(&read(&kind, text, lang, TODAY, "CD"), text), want)
                    }
                };
                if got != *want && !(got == "?" && want.starts_with('?')) {
                    wrong.push(format!(
                        "{lang} {field}: {text:?} is {want:?}, read as {got:?}"
                    ));
                }
            }
            rows_total += rows.len();
            asked_total += asked;
        }
    }
    println!(
        "{rows_total} answers, {asked_total} of them asked again, {} wrong",
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn one_message_answers_several_questions() {
    let flow = Flow::built_in();
    let mut wrong = Vec::new();
    for lang in Lang::ALL {
        let tables = tables(lang);
        for (id, rows) in [
            ("patient", tables.page),
            ("trouble", tables.trouble),
            ("background", tables.background),
        ] {
            let kinds = page(&flow, id, lang);
            for (text, want) in rows {
                let got: Vec<String> = read_page(&kinds, &text, lang, TODAY, "CD")
                    .iter()
                    .map(|answer| spell(answer, ""))
                    .collect();
                if got != want {
                    wrong.push(format!(
                        "{lang} {id}: {text:?} is {want:?}, read as {got:?}"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the conversation makes of words at one of its places.
fn said_at(flow: &Flow, lang: Lang, place: Session, texts: &[&str]) -> Vec<Effect> {
    let at = UnixMs(1_795_168_800_000);
    let session = Session {
        flow_version: flow.version().to_owned(),
        language: Some(lang),
        language_chosen: true,
        asked: Some(Asked {
            token: "t1".to_owned(),
            after: None,
            sent: Some(Sent {
                at,
                stamp: Some(at),
            }),
            early: 0,
            fields: Vec::new(),
        }),
        ..place
    };
    let clinic = Clinic {
        id: "kalehe-1".to_owned(),
        name: "Kalehe".to_owned(),
        country: "CD".to_owned(),
        zone: jiff::tz::TimeZone::UTC,
        languages: Lang::ALL.to_vec(),
        emergency_number: "112".to_owned(),
        session_idle_ms: 7_200_000,
        patience_ms: 0,
    };
    let later = at.plus_ms(20_000);
    let events: Vec<Event> = (1..)
        .zip(texts)
        .map(|(inbox, text)| {
            Event::Message(Received {
                inbox: InboxId(inbox),
                stamped: later,
                received: later,
                quotes_question: false,
                questions_since: None,
                about: None,
                other_account: false,
                content: Content::Text {
                    body: (*text).into(),
                },
            })
        })
        .collect();
    let now = Now {
        at: later,
        trusted: true,
    };
    let fresh = Fresh {
        record_id: RecordId::from_random(7),
    };
    step(flow, &clinic, session, &events, now, &fresh).effects
}

fn at(stage: Stage) -> Session {
    Session {
        stage,
        ..Session::default()
    }
}

fn notes_consent(effect: &Effect, wanted: bool) -> bool {
    matches!(effect, Effect::Act(Action::NoteConsent { given, .. }) if *given == wanted)
}

fn consents(flow: &Flow, lang: Lang, text: &str) -> String {
    let effects = said_at(flow, lang, at(Stage::Consent), &[text]);
    let noted = |given| effects.iter().any(|effect| notes_consent(effect, given));
    let word = match (noted(true), noted(false)) {
        (true, _) => "one yes",
        (false, true) => "one no",
        (false, false) => "?",
    };
    word.to_owned()
}

fn for_whom(flow: &Flow, lang: Lang, text: &str) -> String {
    let effects = said_at(flow, lang, at(Stage::Who), &[text]);
    for effect in &effects {
        if let Effect::Record(change) = effect
            && let Some(Value::One { id }) = change.fields.get("for_whom")
        {
            return format!("one {id}");
        }
    }
    "?".to_owned()
}

fn is_submitted(flow: &Flow, lang: Lang, texts: &[&str]) -> bool {
    let draft = serde_json::json!({"id": RecordId::from_random(3), "begun": 0, "answers": {}});
    let place = Session {
        draft: Some(serde_json::from_value(draft).unwrap_or_else(|why| panic!("{why}"))),
        ..at(Stage::Review)
    };
    let effects = said_at(flow, lang, place, texts);
    effects.iter().any(|effect| {
        matches!(effect, Effect::Record(change) if change.status == RecordStatus::Complete)
    })
}

#[test]
fn a_refusal_binds_nobody_in_any_language() {
    let flow = Flow::built_in();
    for texts in [
        &["No, I am ok"][..],
        &["no, it is ok"],
        &["no thanks ok"],
        &["ok no thanks"],
        &["NO OK!!"],
        &["no s"],
        &["no, ok"],
        &["no está ok"],
        &["no, sim"],
        &["no ok"],
        &["la, ok"],
        &["non, ok"],
        &["não, ok"],
        &["hapana, sawa"],
        &["No", "I am ok"],
        &["ok", "but I do not agree"],
        &["o"],
        &["y si no quiero"],
    ] {
        for lang in Lang::ALL {
            let agreed = said_at(&flow, lang, at(Stage::Consent), texts);
            let given = |effect: &Effect| notes_consent(effect, true);
            // The letter is a French yes in a French conversation.
            let own = texts == ["o"] && lang == Lang::Fr;
            assert!(own || !agreed.iter().any(given), "{texts:?} in {lang}");
            assert!(!is_submitted(&flow, lang, texts), "{texts:?} in {lang}");
            let place = Session {
                overlay: Some(Overlay::ConfirmDelete),
                ..at(Stage::Rest)
            };
            let deleted = said_at(&flow, lang, place, texts);
            let erased = |effect: &Effect| *effect == Effect::Act(Action::EraseContact);
            assert!(!deleted.iter().any(erased), "{texts:?} in {lang}");
        }
    }
}

#[test]
fn a_yes_of_another_language_counts_where_it_is_all_that_is_said() {
    let flow = Flow::built_in();
    for text in ["oui", "Sí", "sim", "ndiyo", "yes", "ok", "d'accord"] {
        for lang in Lang::ALL {
            assert_eq!(consents(&flow, lang, text), "one yes", "{text} in {lang}");
        }
    }
}

#[test]
fn what_is_said_to_be_right_is_sent() {
    let flow = Flow::built_in();
    for (lang, text, sent) in [
        (Lang::En, "correct", true),
        (Lang::En, "it's correct", true),
        (Lang::En, "yes, everything is correct", true),
        (Lang::En, "not correct", false),
        (Lang::En, "I want to correct", false),
        (Lang::En, "correct something", false),
        (Lang::Fr, "c'est correct", true),
        (Lang::Fr, "ce n'est pas correct", false),
        (Lang::Sw, "ni sahihi", true),
        (Lang::Sw, "si sahihi", false),
        (Lang::Es, "es correcto", true),
        (Lang::Es, "no es correcto", false),
        (Lang::Pt, "está correto", true),
        (Lang::Pt, "não está correto", false),
    ] {
        assert_eq!(is_submitted(&flow, lang, &[text]), sent, "{text} in {lang}");
    }
}

fn all_kinds(lang: Lang) -> Vec<Kind> {
    let flow = Flow::built_in();
    let fields = FIELDS.iter().map(|field| kind(&flow, field, lang));
    let buttons = Kind::OneOf {
        choices: [ButtonName::Me, ButtonName::Child, ButtonName::Other]
            .map(|name| flow.button(name, lang))
            .to_vec(),
    };
    fields.chain([buttons]).collect()
}

#[test]
fn a_huge_text_costs_next_to_nothing() {
    let kinds = all_kinds(Lang::Fr);
    for piece in ["1/", "a ", "il y a 3 jours ", "é", "+1 ", "👍\u{fe0f}"] {
        let text = piece.repeat(100_000 / piece.len());
        #[allow(clippy::disallowed_methods, reason = "a test measures real time")]
        let start = Instant::now();
        for kind in &kinds {
            assert_eq!(
                read(kind, &text, Lang::Fr, TODAY, "CD"),
                Err(Misread::TooLong)
            );
        }
        read_page(&kinds, &text, Lang::Fr, TODAY, "CD");
        assert_eq!(read_command(&text, Lang::Fr), None);
        assert!(healthpost::core::answers::fold(&text).len() <= 2 * text.len());
        assert!(
            start.elapsed() < Duration::from_secs(3),
            "{piece:?} took {:?}",
            start.elapsed()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn reading_is_total(text in any::<String>(), words in r"([0-9/.,+-]{0,9}( |, |\n)?(ans|age|yes|non|siku|hace|F|Goma|mars|il y a|m'|0)?){0,12}") {
        for lang in [Lang::En, Lang::Fr, Lang::Sw, Lang::Es, Lang::Pt] {
            let kinds = all_kinds(lang);
            for text in [&text, &words] {
                for kind in &kinds {
                    let answer = read(kind, text, lang, TODAY, "CD");
                    if let Ok(Value::Text { text: kept }) = answer {
                        prop_assert!(!kept.as_str().trim().is_empty());
                    }
                }
                let mut page = kinds.clone();
                page.truncate(4);
                prop_assert_eq!(read_page(&page, text, lang, TODAY, "CD").len(), page.len());
                let _ = read_command(text, lang);
            }
        }
    }
}

#[test]
fn a_complaint_and_its_onset_in_one_breath() {
    let kinds = [Kind::FreeText, Kind::Onset];
    for (lang, text, complaint, since) in [
        (
            Lang::Fr,
            "fièvre depuis 3 jours",
            "text fièvre",
            "since 2026-11-15",
        ),
        (Lang::Fr, "toux, hier", "text toux", "since 2026-11-17"),
        (
            Lang::En,
            "cough\nsince Monday",
            "text cough",
            "since 2026-11-16",
        ),
    ] {
        let page = read_page(&kinds, text, lang, TODAY, "CD");
        let got: Vec<String> = page.iter().map(|answer| spell(answer, "")).collect();
        assert_eq!(got, [complaint, since], "{text}");
    }
}
