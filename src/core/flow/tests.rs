//! The flow file's faults, each with its place.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm
)]

use super::*;
use crate::core::lang::Lang;

const BUILT_IN: &str = include_str!("intake.toml");

fn faults(source: &str) -> Vec<String> {
    match Flow::parse(source) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(ToString::to_string).collect(),
    }
}

/// The built-in flow with one thing changed, and the line it stands on.
fn changed(from: &str, to: &str) -> (Vec<String>, usize) {
    let place = BUILT_IN.find(from).expect("the text stands in the flow");
    let line = 1 + BUILT_IN[..place].matches('\n').count();
    (faults(&BUILT_IN.replacen(from, to, 1)), line)
}

#[test]
fn the_built_in_flow_has_no_fault() {
    assert_eq!(faults(BUILT_IN), Vec::<String>::new());
    let flow = Flow::built_in();
    assert_eq!(flow.languages(), Lang::ALL);
    assert_eq!(flow.version().len(), 64);
    assert_eq!(flow.source(), BUILT_IN);
}

#[test]
fn each_fault_says_where_it_is_and_what_to_do() {
    let long = "x".repeat(21);
    let cases: &[(&str, &str, &str)] = &[
        ("version = 1\n", "version = 2\n", "version = 1"),
        ("fr = \"Merci. Pour qui est-ce ?\"\n", "", "no \"fr\""),
        ("[lines.who]\n", "[lines.whoo]\n", "did you mean \"who\"?"),
        (
            "{record_id}. Please",
            "{recordid}. Please",
            "unknown placeholder {recordid} (did you mean \"record_id\"?)",
        ),
        (
            "en = \"Yes, send\"",
            &format!("en = \"{long}\""),
            "at most 20",
        ),
        (
            "kind = \"onset\"",
            "kind = \"onse\"",
            "did you mean \"onset\"?",
        ),
        ("id = \"locality\"", "id = \"sex\"", "\"sex\" stands twice"),
        (
            "field = \"sex\", is",
            "field = \"sexe\", is",
            "not asked before it",
        ),
        ("is = \"female\"", "is = \"woman\"", "never answers"),
        ("id = \"cough\"", "id = \"fever\"", "\"fever\" stands twice"),
        (
            "en = \"Thank you. Who is this for?\"",
            "en = \"\"",
            "is empty",
        ),
        (
            "en = \"Thank you. Who is this for?\"",
            "en = 7",
            "must be a text",
        ),
        (
            "languages = [\"en\",",
            "languages = [\"xx\", \"en\",",
            "unknown language \"xx\"",
        ),
        (
            "en = \"I did not understand: {question}\"",
            "en = \"What?\"",
            "must contain {question}",
        ),
        (
            "id = \"intake\"\n",
            "id = \"intake\"\ncolour = 3\n",
            "knows no \"colour\"",
        ),
        (
            "id = \"locality\"",
            "id = \"status\"",
            "\"status\" is not a patient's to fill in",
        ),
        (
            "id = \"locality\"",
            "id = \"left_for_staff\"",
            "\"left_for_staff\" is not a patient's",
        ),
        ("id = \"locality\"", "id = \"age_years\"", "ask one of them"),
        (
            "kind = \"onset\"",
            "kind = \"xyz\"",
            "one of name, birth_or_age",
        ),
        (
            "languages = [\"en\",",
            "languages = [\"en\", \"en\",",
            "take one out",
        ),
        (
            "field = \"sex\", is",
            "field = \"onset\", is",
            "free words, so take the condition out",
        ),
        (
            "is = \"female\"",
            "is = \"woman\"",
            "one of female, male, other",
        ),
        ("age_min = 12", "age_min = 99", "no higher than the second"),
        (
            "What is the trouble?",
            "What is the {trouble}?",
            "nothing is filled in here",
        ),
        (
            "{record_id}. Please",
            "{number}. Please",
            "known here are {",
        ),
        ("{ en = \"Fever\",", "{ en = \"Fe\\nver\",", "on one"),
        (
            "Call {emergency_number} now",
            "Call now",
            "must contain {emergency_number}",
        ),
    ];
    for (from, to, says) in cases {
        let (found, _) = changed(from, to);
        assert!(
            found.iter().any(|fault| fault.contains(says)),
            "{from} -> {to}: {found:#?}"
        );
    }
}

#[test]
fn a_fault_names_its_line() {
    let (found, line) = changed("kind = \"onset\"", "kind = \"onse\"");
    assert!(found[0].starts_with(&format!("line {line}:")), "{found:?}");
    let (found, line) = changed("[lines.who]", "[lines.whoo]");
    assert!(
        found
            .iter()
            .any(|f| f.starts_with(&format!("line {line}:"))),
        "{found:?}"
    );
}

/// Every place where a fault may stand, far from the top of what holds it.
#[test]
fn each_fault_names_the_line_it_stands_on() {
    let other_words = "also]\nen = [\"hot body\"";
    for (from, to, below) in [
        ("id = \"locality\"", "id = \"sex\"", 0),
        ("id = \"signs\"", "id = \"trouble\"", 0),
        ("id = \"cough\"", "id = \"fever\"", 0),
        ("label = { en = \"Cough\"", "label = { en = \"Fever\"", 0),
        (other_words, "also]\nen = [\"cough\"", 1),
        ("field = \"sex\", is", "field = \"sexe\", is", 0),
        ("is = \"female\"", "is = \"woman\"", 0),
        ("id = \"locality\"", "id = \"age_years\"", 0),
        ("Village or part of town", "Village {of} town", 0),
        (
            "pt = \"Qual é o problema?\"",
            "pt = \"\"\"\nQual é\no {problema}?\"\"\"",
            2,
        ),
        ("What is the trouble?", "What \u{202E}is the trouble?", 0),
    ] {
        let (found, line) = changed(from, to);
        let place = format!("line {}:", line + below);
        assert_eq!(found.len(), 1, "{to}: {found:#?}");
        assert!(found[0].starts_with(&place), "{to}: {place} {found:#?}");
    }
}

#[test]
fn a_word_means_one_choice_and_no_command() {
    let hot = "also]\nen = [\"hot body\"";
    for (from, to, says) in [
        (hot, "also]\nen = [\"cough\"", "\"cough\" means two choices"),
        (
            hot,
            "also]\nen = [\"COUGH!\"",
            "\"COUGH!\" means two choices",
        ),
        (hot, "also]\nen = [\"coughing\"", "means two choices"),
        ("{ en = \"Cough\"", "{ en = \"fever.\"", "means two choices"),
        ("{ en = \"Cough\"", "{ en = \"Stop\"", "is a command"),
        (hot, "also]\nen = [\"my data\"", "is a command"),
    ] {
        let (found, _) = changed(from, to);
        assert_eq!(found.len(), 1, "{to}: {found:#?}");
        assert!(found[0].contains(says), "{to}: {found:#?}");
    }
    // One choice may have a word twice, and another language has its own.
    for to in ["also]\nen = [\"fever\", \"Fever\"", "also]\nen = [\"tos\""] {
        assert_eq!(changed(hot, to).0, Vec::<String>::new(), "{to}");
    }
}

#[test]
fn a_button_of_one_question_shares_no_word_with_another_and_is_no_command() {
    let refuse = "en = [\"no\", \"n\", \"i do not agree\"";
    let me = "label = { en = \"Me\"";
    for (from, to, says) in [
        (
            refuse,
            "en = [\"yes\", \"n\", \"i do not agree\"",
            "\"yes\" means two choices of the buttons agree, refuse",
        ),
        (me, "label = { en = \"Another person\"", "means two choices"),
        (me, "label = { en = \"Stop\"", "is a command"),
    ] {
        let (found, _) = changed(from, to);
        assert_eq!(found.len(), 1, "{to}: {found:#?}");
        assert!(found[0].contains(says), "{to}: {found:#?}");
    }
}

#[test]
fn a_field_with_a_fault_brings_no_second_one_on_those_that_depend_on_it() {
    let (found, line) = changed("kind = \"sex\"", "kind = \"gender\"");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with(&format!("line {line}:")), "{found:?}");
}

#[test]
fn what_steers_the_screen_stands_in_no_text() {
    for bad in ["\\u0000", "\\u001B[2J", "\\t", "\u{202A}", "\u{2069}"] {
        let (found, line) = changed("What is the trouble?", &format!("What is{bad} it?"));
        let place = format!("line {line}:");
        assert!(found[0].starts_with(&place), "{bad:?}: {found:?}");
        assert!(found[0].contains("invisible character U+"), "{found:?}");
    }
    let windows = "\"\"\"What is\r\nthe trouble?\"\"\"";
    let source = BUILT_IN.replacen("\"What is the trouble?\"", windows, 1);
    let flow = Flow::parse(&source).unwrap();
    let asked = flow.find_field("complaint").unwrap().ask.get(Lang::En);
    assert_eq!(asked, "What is\nthe trouble?");
}

#[test]
fn a_field_that_no_column_has_is_a_question_like_any_other() {
    let (found, _) = changed("id = \"locality\"", "id = \"water_source\"");
    assert_eq!(found, Vec::<String>::new());
    let (found, line) = changed("id = \"locality\"", "id = \"notes\"");
    assert!(found[0].starts_with(&format!("line {line}:")), "{found:?}");
}

#[test]
fn each_language_of_the_clinic_that_a_flow_lacks_is_a_fault() {
    let flow = Flow::built_in();
    assert!(flow.faults_for(&Lang::ALL).is_empty());
    let source = include_str!("../../../tests/fuzz/corpus/flow/small.toml");
    let english = Flow {
        languages: vec![Lang::En],
        source: source.to_owned(),
        ..flow
    };
    let found = english.faults_for(&[Lang::Fr, Lang::En, Lang::Sw]);
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("line 3: ") && found[0].contains("\"fr\""));
    assert!(found[1].contains("\"sw\"") && found[1].contains("clinic.languages"));
}

#[test]
fn all_faults_are_told_at_once() {
    let source = BUILT_IN
        .replacen("kind = \"onset\"", "kind = \"onse\"", 1)
        .replacen(
            "en = \"Yes, send\"",
            "en = \"Yes, send it all right away\"",
            1,
        )
        .replacen("[lines.who]", "[lines.whoo]", 1);
    assert!(faults(&source).len() >= 4, "{:?}", faults(&source));
}

#[test]
fn what_is_no_toml_is_said_so() {
    let found = faults("version = = 1\n[x\n");
    assert!(found[0].contains("not readable as TOML"), "{found:?}");
    assert!(!faults("").is_empty());
}

#[test]
fn an_intake_of_too_many_messages_is_refused() {
    let mut source = BUILT_IN.to_owned();
    for page in 0..3 {
        let texts = "en = \"a\", fr = \"a\", sw = \"a\", es = \"a\", pt = \"a\"";
        source.push_str(&format!(
            "\n[[pages]]\nid = \"more-{page}\"\n[[pages.fields]]\nid = \"f-{page}\"\nkind = \"free_text\"\nlabel = {{ {texts} }}\nask = {{ {texts} }}\n"
        ));
    }
    let found = faults(&source);
    assert!(found.iter().any(|f| f.contains("13 messages")), "{found:?}");
}

#[test]
fn titles_of_choices_are_told_apart() {
    let flow = Flow::built_in();
    for lang in Lang::ALL {
        let labels: std::collections::BTreeSet<String> = [ButtonName::Agree, ButtonName::Refuse]
            .into_iter()
            .map(|name| flow.button(name, lang).label)
            .collect();
        assert_eq!(labels.len(), 2, "{lang}");
    }
}

proptest::proptest! {
    #[test]
    fn parse_is_total(source in ".{0,400}") {
        let _ = Flow::parse(&source);
    }

    #[test]
    fn a_flow_cut_anywhere_is_a_flow_or_faults(cut in 0usize..30_000) {
        let cut = (0..=cut.min(BUILT_IN.len())).rev().find(|at| BUILT_IN.is_char_boundary(*at)).unwrap_or(0);
        if let Err(faults) = Flow::parse(&BUILT_IN[..cut]) {
            assert!(!faults.is_empty());
        }
    }
}
