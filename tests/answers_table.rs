//! Runs every answer of the tables in `tests/answers`: what people write, and
//! what a speaker of the language would have the clinic understand by it.
//! Expectations are written by hand; they must never be copied from output.

#![allow(
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking and prints its totals"
)]

use healthpost::core::answers::{Choice, Kind, Misread, Value, read, read_command, read_page};
use healthpost::core::lang::Lang;
use jiff::civil::{Date, date};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A Wednesday.
const TODAY: Date = date(2026, 11, 18);

const FIELDS: [&str; 13] = [
    "patient_name",
    "birth_or_age",
    "sex",
    "locality",
    "complaint",
    "onset",
    "symptoms",
    "allergies",
    "medications",
    "pregnant",
    "emergency_contact",
    "who",
    "consent",
];

#[derive(serde::Deserialize)]
struct Tables {
    /// Choices of a field: id, label, other words.
    choices: BTreeMap<String, Vec<(String, String, Vec<String>)>>,
    /// Rows of a field: what was written, what it means.
    fields: BTreeMap<String, Vec<(String, String)>>,
    /// Whole messages: what was written, one meaning for each of name, birth
    /// or age, sex and locality.
    page: Vec<(String, Vec<String>)>,
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

fn kind(tables: &Tables, field: &str) -> Kind {
    let choices = || {
        tables.choices[field]
            .iter()
            .map(|(id, label, also)| Choice {
                id: id.clone(),
                label: label.clone(),
                also: also.clone(),
            })
            .collect()
    };
    match field {
        "patient_name" => Kind::Name,
        "birth_or_age" => Kind::BirthOrAge,
        "sex" => Kind::Sex,
        "locality" => Kind::Locality,
        "complaint" => Kind::FreeText,
        "onset" => Kind::Onset,
        "symptoms" => Kind::AnyOf { choices: choices() },
        "allergies" | "medications" => Kind::FreeTextOrNone,
        "pregnant" => Kind::YesNo,
        "emergency_contact" => Kind::EmergencyContact,
        "who" | "consent" => Kind::OneOf { choices: choices() },
        other => panic!("no such field: {other}"),
    }
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
        }) => format!("age {years}"),
        Ok(Value::Age {
            years,
            months: Some(months),
        }) => format!("age {years}+{months}"),
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
    for lang in Lang::ALL {
        let tables = tables(lang);
        for field in FIELDS {
            let kind = kind(&tables, field);
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
                let got = spell(&read(&kind, text, lang, TODAY, "CD"), text);
                if got != *want {
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
    let kinds = [Kind::Name, Kind::BirthOrAge, Kind::Sex, Kind::Locality];
    let mut wrong = Vec::new();
    for lang in Lang::ALL {
        for (text, want) in tables(lang).page {
            let got: Vec<String> = read_page(&kinds, &text, lang, TODAY, "CD")
                .iter()
                .map(|answer| spell(answer, ""))
                .collect();
            if got != want {
                wrong.push(format!("{lang}: {text:?} is {want:?}, read as {got:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn all_kinds(tables: &Tables) -> Vec<Kind> {
    FIELDS.iter().map(|field| kind(tables, field)).collect()
}

#[test]
fn a_huge_text_costs_next_to_nothing() {
    let kinds = all_kinds(&tables(Lang::Fr));
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
            let kinds = all_kinds(&tables(lang));
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
