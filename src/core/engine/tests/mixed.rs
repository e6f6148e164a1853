//! People who mix languages, or were given the wrong one.

use super::*;

fn at_consent(language: &str) -> Chat {
    let mut chat = Chat::new();
    chat.text("hello").text(language);
    assert_eq!(chat.session.stage, Stage::Consent);
    chat
}

#[test]
fn a_yes_or_no_in_another_language_is_understood() {
    let mut chat = at_consent("English");
    chat.text("oui");
    assert_eq!(chat.session.stage, Stage::Who);
    chat.text("mon enfant");
    assert!(
        matches!(chat.session.stage, Stage::Page { .. }),
        "{:?}",
        chat.session.stage
    );
    let mut chat = at_consent("français");
    chat.text("hapana");
    assert!(chat.session.refusal.is_some());
    assert!(chat.session.consent.is_none());
}

#[test]
fn the_name_of_a_language_instead_of_a_consent_changes_the_language() {
    let mut chat = at_consent("English");
    chat.text("français");
    assert_eq!(chat.session.language, Some(Lang::Fr));
    assert_eq!(
        chat.session.stage,
        Stage::Consent,
        "and consents to nothing"
    );
    assert!(chat.session.consent.is_none());
    chat.text("oui");
    assert_eq!(chat.session.stage, Stage::Who);
}

#[test]
fn words_that_are_no_choice_in_any_language_are_no_consent() {
    let mut chat = at_consent("English");
    for text in ["maybe", "Goma", "👍"] {
        chat.text(text);
    }
    assert!(chat.session.consent.is_none());
    assert_eq!(chat.session.stage, Stage::Rest);
}
